/* SPDX-License-Identifier: ISC */
#include "admin/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/time.h"

#define ERROR_MAX 2048
#define HEX_MAX 64

static void
send_text(struct http_call *call, unsigned status, struct slice text)
{
	struct http_reply r = { .status = status, .type = "application/json" };

	r.body = text;
	if (text.len == 0) {
		r.status = 503;
		r.body = slice_str("{\"error\":\"out of memory\"}");
	}
	http_reply_send(call, &r);
}

char *
reply_write(json_t *value)
{
	char *text = NULL;

	if (value != NULL)
		text =
		    json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(10));
	json_decref(value);
	return text;
}

void
reply_json(struct http_call *call, unsigned status, json_t *body)
{
	char *text = reply_write(body);

	send_text(call, status, slice_str(text == NULL ? "" : text));
	free(text);
}

void
reply_long(struct http_call *call, unsigned status, const char *head,
    struct buf *rest)
{
	struct http_reply r = { .status = status, .type = "application/json" };

	if (head == NULL) {
		buf_fini(rest);
		send_text(call, status, slice_str(""));
		return;
	}
	r.body = slice_str(head);
	r.rest = rest;
	http_reply_send(call, &r);
}

void
reply_error(struct http_call *call, unsigned status, const char *fmt, ...)
{
	char text[ERROR_MAX];
	va_list ap;

	if (call == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reply_json(call, status,
	    json_pack("{s:o}", "error", reply_text(slice_str(text))));
}

/* Escapes every byte that is not ASCII, for text that is not UTF-8. */
static json_t *
escape(struct slice text)
{
	static const char digits[] = "0123456789abcdef";
	char *out = malloc(text.len * 4 + 1);
	json_t *made;
	size_t len = 0;
	size_t i;

	if (out == NULL)
		return NULL;
	for (i = 0; i < text.len; i++) {
		if (text.data[i] < 0x80 && text.data[i] != 0) {
			out[len++] = (char)text.data[i];
			continue;
		}
		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = digits[text.data[i] >> 4];
		out[len++] = digits[text.data[i] & 15];
	}
	made = json_stringn(out, len);
	free(out);
	return made;
}

json_t *
reply_text(struct slice text)
{
	json_t *made = json_stringn(
	    text.len == 0 ? "" : (const char *)text.data, text.len);

	return made != NULL ? made : escape(text);
}

json_t *
reply_when(int64_t seconds)
{
	char text[TIME_TEXT_MAX];

	if (seconds == INT64_MAX || seconds == 0)
		return json_null();
	time_write(seconds, text);
	return json_string(text);
}

json_t *
reply_hex(const uint8_t *bytes, size_t len)
{
	char text[2 * HEX_MAX + 1];

	encode_hex(text, slice_make(bytes, len > HEX_MAX ? HEX_MAX : len));
	return json_string(text);
}
