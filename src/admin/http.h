/*
 * Requests of HTTP/1.0 and 1.1 as this daemon takes them: a method, a path,
 * parameters in the query, no body. Pure; answers and sockets are in server.h.
 *
 * Strict where leniency has let requests be smuggled: lines end in CRLF, no
 * folding, no control bytes, no body by whatever header. One request a
 * connection, so what a Host or Connection header says does not matter.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define HTTP_PARAMS_MAX 16

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_OTHER
};

struct http_param {
	const char *key;
	const char *value;
};

/* All text points into the head that was parsed, decoded in place. */
struct http_request {
	enum http_method method;
	const char *path;
	struct http_param params[HTTP_PARAMS_MAX];
	size_t param_count;
	bool openmetrics; /* Accept asks for application/openmetrics-text */
};

/*
 * Reads the head in head[0..len), which ends with the empty line's CRLF and
 * is changed. OK; or BAD and `*status' is what to answer: 400, 405 (a method
 * that is no word of ours), 413 (a body), 414 (too many parameters), 505.
 * `*why' (static) says more.
 */
enum parse http_request_parse(struct http_request *r, char *head, size_t len,
    unsigned *status, const char **why);

/* The parameter's value, or NULL where it is not given. */
const char *http_request_param(const struct http_request *r, const char *key);

/* Most rows that an answer may have. */
#define HTTP_LIMIT_MAX 100000

/* The parameter "limit": a number up to HTTP_LIMIT_MAX, `*limit' unchanged
 * where it is not given. False: it is none. */
bool http_request_limit(const struct http_request *r, size_t *limit);

/* The standard's words for a status; static. */
const char *http_status_text(unsigned status);

#endif
