/* SPDX-License-Identifier: ISC */
#include "base/http.h"

#include <string.h>

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool
http_is(struct slice s, const char *str)
{
	return slice_equal(s, slice_str(str));
}

bool
http_is_nocase(struct slice s, const char *str)
{
	size_t i;

	if (s.len != strlen(str))
		return false;
	for (i = 0; i < s.len; i++) {
		if (lower(s.data[i]) != lower((uint8_t)str[i]))
			return false;
	}
	return true;
}

bool
http_is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool
is_token_char(uint8_t c)
{
	return http_is_alnum(c) ||
	    (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool
http_is_token(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (!is_token_char(s.data[i]))
			return false;
	}
	return s.len > 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct slice
http_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.data[0]))
		s = slice_make(s.data + 1, s.len - 1);
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

struct slice
http_cut(struct slice *s, char c)
{
	const uint8_t *at = s->len == 0 ? NULL : memchr(s->data, c, s->len);
	struct slice head = *s;

	if (at == NULL) {
		s->len = 0;
		return head;
	}
	head.len = (size_t)(at - s->data);
	*s = slice_make(at + 1, s->len - head.len - 1);
	return head;
}

bool
http_list_has(struct slice list, const char *word)
{
	while (list.len > 0) {
		if (http_is_nocase(http_trim(http_cut(&list, ',')), word))
			return true;
	}
	return false;
}

static enum http_item
malformed(struct http_head *h, const char *why)
{
	h->why = why;
	return HTTP_MALFORMED;
}

static enum http_item
take_request_line(struct http_head *h, struct slice line)
{
	size_t i;

	h->method = http_cut(&line, ' ');
	h->target = http_cut(&line, ' ');
	h->version = line;
	if (!http_is_token(h->method) || line.len <= 5 ||
	    memcmp(line.data, "HTTP/", 5) != 0)
		return malformed(h,
		    "the first line is not `METHOD path HTTP/1.1'");
	for (i = 0; i < h->target.len; i++) {
		if (h->target.data[i] <= ' ' || h->target.data[i] >= 0x7f ||
		    h->target.data[i] == '#')
			return malformed(h, "the target is not a path");
	}
	if (h->target.len == 0)
		return malformed(h, "the target is empty");
	return HTTP_REQUEST_LINE;
}

static enum http_item
check_content_length(struct http_head *h)
{
	size_t i;

	for (i = 0; i < h->value.len; i++) {
		if (h->value.data[i] < '0' || h->value.data[i] > '9')
			return malformed(h, "Content-Length is not a number");
		if (h->value.data[i] != '0')
			h->has_body = true;
	}
	if (h->value.len == 0)
		return malformed(h, "Content-Length is empty");
	return HTTP_FIELD;
}

static enum http_item
take_field(struct http_head *h, struct slice line)
{
	struct slice value = line;

	h->name = http_cut(&value, ':');
	h->value = http_trim(value);
	if (h->name.len == line.len || !http_is_token(h->name))
		return malformed(h, "a line is not `name: value'");
	if (http_is_nocase(h->name, "Content-Length"))
		return check_content_length(h);
	if (http_is_nocase(h->name, "Transfer-Encoding"))
		h->has_body = true;
	return HTTP_FIELD;
}

/* Examines byte `i' of the line at the front of `in'. HTTP_END: it is the
 * line's last byte; HTTP_MORE: the line continues. */
static enum http_item
examine(struct http_head *h, struct slice in, size_t i)
{
	uint8_t c = in.data[i];
	bool after_cr = i > 0 && in.data[i - 1] == '\r';

	if (h->total + i >= h->max)
		return HTTP_TOO_LARGE;
	if (after_cr != (c == '\n'))
		return malformed(h, "a line does not end in CR LF");
	if (c == '\n')
		return HTTP_END;
	if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
		return malformed(h, "the request contains a control byte");
	return HTTP_MORE;
}

enum http_item
http_head_next(struct http_head *h, struct slice *in)
{
	enum http_item item = HTTP_MORE;
	struct slice line;

	while (item == HTTP_MORE && h->seen < in->len)
		item = examine(h, *in, h->seen++);
	if (item != HTTP_END)
		return item;
	line = slice_make(in->data, h->seen - 2); /* without CR LF */
	*in = slice_make(in->data + h->seen, in->len - h->seen);
	h->total += h->seen;
	h->seen = 0;
	if (h->lines == 0)
		item = take_request_line(h, line);
	else
		item = line.len == 0 ? HTTP_END : take_field(h, line);
	if (item != HTTP_MALFORMED)
		h->lines++;
	return item;
}

void
http_head_init(struct http_head *h, size_t max)
{
	memset(h, 0, sizeof(*h));
	h->max = max;
}
