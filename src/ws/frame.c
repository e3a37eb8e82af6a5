/*
 * The unmasking; frame_wslay.c and frame_plain.c have the headers.
 */
#include "ws/frame.h"

#include <string.h>

/* Each step loads before it stores, so that `to' may trail `from' by less
 * than a step. */
void
ws_frame_unmask(uint8_t *to, const uint8_t *from, size_t len, uint8_t key[4])
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
