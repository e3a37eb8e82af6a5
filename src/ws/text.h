/*
 * The little of HTTP's grammar (RFC 9110 section 5.6) that an upgrade request
 * needs, over slices. ASCII only, whatever the locale.
 */
#ifndef WS_TEXT_H
#define WS_TEXT_H

#include <stdbool.h>

#include "base/slice.h"

/* Is `s' this string? */
bool ws_text_same(struct slice s, const char *str);

/* The same in any letter case. */
bool ws_text_same_nocase(struct slice s, const char *str);

/* A letter or a digit. */
bool ws_text_alnum(uint8_t c);

/* A token: one or more characters of those that may make one. */
bool ws_text_token(struct slice s);

/* Without the spaces and tabs around it. */
struct slice ws_text_trim(struct slice s);

/* Cuts off and returns what stands before the first `c', which goes too.
 * Without a `c' all is cut off. */
struct slice ws_text_cut(struct slice *s, char c);

/* Is `word' in the comma list, in any letter case? */
bool ws_text_lists(struct slice list, const char *word);

#endif
