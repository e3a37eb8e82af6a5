#include "ws/text.h"

#include <string.h>

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool
ws_text_same(struct slice s, const char *str)
{
	return slice_equal(s, slice_str(str));
}

bool
ws_text_same_nocase(struct slice s, const char *str)
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
ws_text_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool
token_char(uint8_t c)
{
	return ws_text_alnum(c) ||
	    (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool
ws_text_token(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (!token_char(s.data[i]))
			return false;
	}
	return s.len > 0;
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct slice
ws_text_trim(struct slice s)
{
	while (s.len > 0 && blank(s.data[0]))
		s = slice_make(s.data + 1, s.len - 1);
	while (s.len > 0 && blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

struct slice
ws_text_cut(struct slice *s, char c)
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
ws_text_lists(struct slice list, const char *word)
{
	while (list.len > 0) {
		if (ws_text_same_nocase(ws_text_trim(ws_text_cut(&list, ',')),
			word))
			return true;
	}
	return false;
}
