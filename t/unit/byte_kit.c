/* SPDX-License-Identifier: ISC */
#include "byte_kit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct kit_bytes
kit_copy(const void *data, size_t len)
{
	struct kit_bytes b = { must(malloc(len == 0 ? 1 : len)), len };

	if (len > 0)
		memcpy(b.data, data, len);
	return b;
}

void
kit_free(struct kit_bytes *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

void
kit_add(struct kit_bytes *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	b->data = must(realloc(b->data, b->len + len));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
kit_add_str(struct kit_bytes *b, const char *str)
{
	kit_add(b, str, strlen(str));
}

void
kit_add_u8(struct kit_bytes *b, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	kit_add(b, &byte, 1);
}

void
kit_add_u16(struct kit_bytes *b, unsigned value)
{
	kit_add_u8(b, value >> 8);
	kit_add_u8(b, value & 0xff);
}

void
kit_add_varint(struct kit_bytes *b, size_t value)
{
	do {
		kit_add_u8(b, (unsigned)(value % 128 + (value > 127) * 128));
		value /= 128;
	} while (value > 0);
}

void
kit_add_string(struct kit_bytes *b, struct slice s)
{
	kit_add_u16(b, (unsigned)s.len);
	kit_add(b, s.data, s.len);
}

struct kit_bytes
kit_hex(const char *text)
{
	struct kit_bytes b = kit_copy("", 0);
	const char *end;
	char digits[3] = "";

	while (*text != '\0') {
		if (*text == ' ') {
			text++;
		} else if (*text == '\'') {
			end = must(strchr(text + 1, '\''));
			kit_add(&b, text + 1, (size_t)(end - text) - 1);
			text = end + 1;
		} else {
			if (!isxdigit((unsigned char)text[0]) ||
			    !isxdigit((unsigned char)text[1]))
				abort();
			memcpy(digits, text, 2);
			kit_add_u8(&b, (unsigned)strtoul(digits, NULL, 16));
			text += 2;
		}
	}
	return b;
}

struct slice
kit_run(char c, size_t len)
{
	static char store[256][70000];
	char *s = store[(unsigned char)c];

	if (len > sizeof(store[0]))
		abort();
	if (s[0] == '\0')
		memset(s, c, sizeof(store[0]));
	return slice_make(s, len);
}

uint32_t
kit_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

struct kit_bytes
kit_random_bytes(size_t len)
{
	struct kit_bytes b = { must(malloc(len == 0 ? 1 : len)), len };
	uint32_t seed = (uint32_t)len;
	size_t i;

	for (i = 0; i < len; i++)
		b.data[i] = (uint8_t)kit_random(&seed);
	return b;
}
