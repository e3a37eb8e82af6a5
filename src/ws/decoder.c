/* SPDX-License-Identifier: ISC */
#include "ws/decoder.h"

#include <assert.h>
#include <string.h>

/* Each step reads before it writes, so `to' may be less than a step before
 * `from'. */
void
ws_unmask(uint8_t *to, const uint8_t *from, size_t len, uint8_t key[4])
{
	uint64_t word[4], mask;
	uint8_t was[4];
	uint32_t half;
	size_t i;

	memcpy(&half, key, sizeof(half));
	mask = (uint64_t)half << 32 | half;
	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(word, from, sizeof(word));
		for (i = 0; i < 4; i++)
			word[i] ^= mask;
		memcpy(to, word, sizeof(word));
		to += sizeof(word);
		from += sizeof(word);
	}
	for (; len >= sizeof(mask); len -= sizeof(mask)) {
		memcpy(word, from, sizeof(mask));
		word[0] ^= mask;
		memcpy(to, word, sizeof(mask));
		to += sizeof(mask);
		from += sizeof(mask);
	}
	memcpy(was, key, sizeof(was));
	for (i = 0; i < len; i++)
		to[i] = from[i] ^ was[i % 4];
	for (i = 0; i < 4; i++)
		key[i] = was[(i + len) % 4];
}

static bool
is_control(unsigned opcode)
{
	return opcode >= WS_OPCODE_CLOSE;
}

/* The whole payload of a frame has come. */
static void
end_frame(struct ws_decoder *d)
{
	if (d->opcode == WS_OPCODE_CLOSE)
		d->state = WS_DECODER_CLOSED;
}

static void
begin_frame(struct ws_decoder *d, const struct ws_frame *f,
    const struct ws_sink *sink)
{
	bool continues = f->opcode == WS_OPCODE_CONTINUATION;

	if (f->opcode == WS_OPCODE_TEXT) {
		d->state = WS_DECODER_TEXT;
		return;
	}
	if (!is_control(f->opcode)) {
		if (continues != d->in_message) {
			d->state = WS_DECODER_BROKEN;
			return;
		}
		d->in_message = !f->fin;
	}
	d->opcode = (uint8_t)f->opcode;
	d->rest = f->payload;
	memcpy(d->key, f->key, sizeof(d->key));
	if (d->rest > 0)
		return;
	if (is_control(d->opcode))
		sink->control(sink->arg, f->opcode, slice_make(NULL, 0), 0);
	end_frame(d);
}

/* Consumes bytes of a header and returns how many. The frame begins when the
 * header is complete. */
static size_t
take_head(struct ws_decoder *d, const uint8_t *data, size_t len,
    const struct ws_sink *sink)
{
	uint8_t head[WS_FRAME_LOOKAHEAD];
	size_t before = d->head_len;
	struct ws_frame f;
	enum err error;

	if (len > sizeof(head) - before)
		len = sizeof(head) - before;
	memcpy(head, d->head, before);
	memcpy(head + before, data, len);
	switch (ws_frame_parse(&f, slice_make(head, before + len), &error)) {
	case PARSE_OK:
		d->head_len = 0;
		begin_frame(d, &f, sink);
		return f.head - before;
	case PARSE_MORE:
		assert(before + len <= sizeof(d->head));
		memcpy(d->head, head, before + len);
		d->head_len = (uint8_t)(before + len);
		return len;
	case PARSE_BAD:
		break;
	}
	d->state =
	    error == ERR_NO_MEMORY ? WS_DECODER_NO_MEMORY : WS_DECODER_BROKEN;
	return len;
}

size_t
ws_decoder_run(struct ws_decoder *d, uint8_t *data, size_t len,
    const struct ws_sink *sink)
{
	uint8_t *end = data + len;
	uint8_t *from = data;
	uint8_t *to = data;
	size_t n;

	while (from < end && d->state == WS_DECODER_OPEN) {
		n = (size_t)(end - from);
		if (d->rest == 0) {
			from += take_head(d, from, n, sink);
			continue;
		}
		if (n > d->rest)
			n = (size_t)d->rest;
		ws_unmask(to, from, n, d->key);
		d->rest -= n;
		from += n;
		if (!is_control(d->opcode))
			to += n;
		else
			sink->control(sink->arg, (enum ws_opcode)d->opcode,
			    slice_make(to, n), (size_t)d->rest);
		if (d->rest == 0)
			end_frame(d);
	}
	return (size_t)(to - data);
}

void
ws_decoder_init(struct ws_decoder *d)
{
	memset(d, 0, sizeof(*d));
}
