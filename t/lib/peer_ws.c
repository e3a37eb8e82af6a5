/* SPDX-License-Identifier: ISC */
/*
 * WebSocket frames (RFC 6455 5.2), plain and well-formed. Broken ones are
 * built by the tests and sent raw; the upgrade is text and theirs too.
 */
#include "peer.h"

#include <string.h>

void
ws_frame_write(struct bytes *out, int op, const uint8_t *payload, size_t len,
    int server)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	uint8_t head[14];
	size_t n = 2, at, i;

	head[0] = (uint8_t)(0x80 | op);
	head[1] = server ? 0 : 0x80;
	if (len < 126) {
		head[1] |= (uint8_t)len;
	} else if (len < 65536) {
		head[1] |= 126;
		head[n++] = (uint8_t)(len >> 8);
		head[n++] = (uint8_t)len;
	} else {
		head[1] |= 127;
		for (i = 0; i < 8; i++)
			head[n++] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	}
	if (!server) {
		memcpy(head + n, mask, sizeof(mask));
		n += sizeof(mask);
	}
	bytes_add(out, head, n);
	at = out->len;
	bytes_add(out, payload, len);
	for (i = 0; !server && i < len; i++)
		out->data[at + i] ^= mask[i % 4];
}

int
ws_frame_parse(struct bytes *in, struct frame *f)
{
	size_t head = 2, i;
	uint64_t len;
	uint8_t *mask;

	if (in->len < 2)
		return 0;
	len = in->data[1] & 0x7f;
	head += len == 126 ? 2 : len == 127 ? 8 : 0;
	f->masked = in->data[1] >> 7;
	if (in->len < head + (f->masked ? 4 : 0))
		return 0;
	if (head > 2) {
		for (len = 0, i = 2; i < head; i++)
			len = len << 8 | in->data[i];
	}
	mask = in->data + head;
	head += f->masked ? 4 : 0;
	if (in->len - head < len)
		return 0;
	f->op = in->data[0] & 15;
	f->fin = in->data[0] >> 7;
	f->rsv = in->data[0] >> 4 & 7;
	f->len = (size_t)len;
	f->whole = head + f->len;
	for (i = 0; f->masked && i < f->len; i++)
		in->data[head + i] ^= mask[i % 4];
	f->payload = in->data + head;
	return 1;
}
