/* SPDX-License-Identifier: ISC */
/*
 * The head of an HTTP/1.x request (RFC 9112), read line by line, and the parts
 * of HTTP's grammar (RFC 9110 section 5.6) that its readers need. The ws stage
 * reads upgrade requests with it, admin reads its own requests. Pure: no
 * sockets, nothing is copied, ASCII only whatever the locale.
 *
 * Strict where leniency has allowed request smuggling: every line ends in CR
 * LF, no line is folded, no blank stands before a colon, and control bytes are
 * refused. The meaning of method, target, version and fields is left to the
 * caller.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* What http_head_next() found. */
enum http_item {
	HTTP_MORE, /* the next line is not complete yet */
	HTTP_REQUEST_LINE, /* method, target and version are set */
	HTTP_FIELD, /* name and value are set */
	HTTP_END, /* the empty line; what follows is not part of the head */
	HTTP_TOO_LARGE, /* the head is longer than `max' */
	HTTP_MALFORMED /* `why' says what is wrong */
};

/*
 * A head that is being read. All slices point into the caller's bytes and are
 * valid until the next call.
 */
struct http_head {
	size_t max; /* bytes that the head may have, the empty line included */
	size_t total; /* bytes of the lines returned so far */
	size_t seen; /* bytes of the next line that were examined already */
	unsigned lines; /* complete lines before the present one */
	bool has_body; /* a field announces a body */
	const char *why; /* static; set after HTTP_MALFORMED */
	struct slice method; /* a token */
	struct slice target; /* visible ASCII without '#', not empty */
	struct slice version; /* "HTTP/" and whatever follows it */
	struct slice name; /* a token */
	struct slice value; /* without the blanks around it */
};

/* Prepares `h' for the first byte of a request of at most `max' bytes. */
void http_head_init(struct http_head *h, size_t max);

/*
 * Takes the next line off the front of `in'. Bytes of complete lines are
 * consumed and never examined again. After HTTP_MORE the rest of `in' must be
 * given again, with more bytes appended. HTTP_END, HTTP_TOO_LARGE and
 * HTTP_MALFORMED are final: do not call again. The result does not depend on
 * how the bytes were divided into calls.
 *
 * Content-Length and Transfer-Encoding are also returned as fields; has_body
 * is set when one of them announces a body. A Content-Length that is not a
 * number is malformed.
 */
enum http_item http_head_next(struct http_head *h, struct slice *in);

/* True if `s' equals `str'. */
bool http_is(struct slice s, const char *str);

/* True if `s' equals `str' in any letter case. */
bool http_is_nocase(struct slice s, const char *str);

/* True for a letter or a digit. */
bool http_is_alnum(uint8_t c);

/* True if `s' is a token: one or more characters that a token may contain. */
bool http_is_token(struct slice s);

/* `s' without the spaces and tabs at its ends. */
struct slice http_trim(struct slice s);

/* Cuts off and returns what precedes the first `c', and drops that `c'. If `s'
 * contains no `c', all of it is returned and `s' becomes empty. */
struct slice http_cut(struct slice *s, char c);

/* True if the comma-separated list contains `word', in any letter case. */
bool http_list_has(struct slice list, const char *word);

#endif
