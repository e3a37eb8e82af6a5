/* SPDX-License-Identifier: ISC */
/*
 * A small HTTP server on an event loop of this process, over TCP or a unix
 * socket. A connection carries one request: a method, a path and parameters in
 * the query, no body. The request goes to a handler, which sends one answer,
 * and the connection is closed. No keep-alive, no TLS.
 *
 * libevent's evhttp (2.1) is not used because it can limit neither the number
 * of connections nor the total time of a request, and http_listen may face a
 * network. The request's head is read by base/http.h, as in ws/.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "io/loop.h"

#define HTTP_PARAMS_MAX 16
#define HTTP_NO_UID ((uid_t)-1)

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_OTHER
};

struct http_param {
	const char *key;
	const char *value; /* NULL where the query has "key" without "=" */
};

/* All text points into the head that was parsed and is decoded in place. */
struct http_request {
	enum http_method method;
	const char *path;
	struct http_param params[HTTP_PARAMS_MAX];
	size_t param_count;
	const char *repeated; /* a key that occurs more than once, or NULL */
	struct slice host; /* the Host field; empty if there is none */
	uid_t peer_uid; /* of the client at a unix socket; else HTTP_NO_UID */
	bool openmetrics; /* Accept names application/openmetrics-text */
};

/*
 * Parses the head of `len' bytes, which ends with an empty line and is changed.
 * PARSE_OK, or PARSE_BAD: `*status' is the status to answer with, 400, 405 (not
 * a method we know), 413 (the request has a body), 414 (too many parameters) or
 * 505, and `*why' (static) explains it.
 */
enum parse http_request_parse(struct http_request *r, char *head, size_t len,
    unsigned *status, const char **why);

/* The value of the first parameter called `key'; NULL when it is not given or
 * has no value. */
const char *http_request_param(const struct http_request *r, const char *key);

/* Rows that an answer may have at most. */
#define HTTP_LIMIT_MAX 100000

/* Reads the parameter "limit", a number up to HTTP_LIMIT_MAX; `*limit' is
 * unchanged if it is not given. False if it is not such a number. */
bool http_request_limit(const struct http_request *r, size_t *limit);

/* The standard text of a status, for example "Not Found"; static. */
const char *http_status_text(unsigned status);

struct http_server;
struct http_call; /* one request, until it is answered */

/* Has to answer the call with http_reply_send(), during the call or later on
 * the loop's thread. */
typedef void http_handler(struct http_call *call,
    const struct http_request *request, void *arg);

struct http_server_options {
	size_t connections; /* at once, and as many that read the end of an
			     * answer; see http_server_new() */
	size_t costly; /* expensive calls at once; see http_call_claim() */
	size_t head_max; /* bytes of a request, up to 1 MiB */
	uint64_t deadline_ms; /* to send a request, and to take its answer */
	http_handler *handle;
	void *arg; /* borrowed */
	bool held; /* accepts nothing before http_server_begin() */
};

/* NULL when memory runs out. When all connections are in use, a newcomer takes
 * the place of one that we are waiting for: of the user who has most, the
 * oldest one. So clients that only hold connections keep out neither a health
 * check nor another user. */
struct http_server *http_server_new(struct loop *loop,
    const struct http_server_options *options);

/* Also serves the listening socket `fd', and takes it. ERR_NO_MEMORY or
 * ERR_LIMIT; `fd' stays the caller's then. */
enum err http_server_listen(struct http_server *s, int fd) MUST_CHECK;

/* The listening socket that was given at the `i'th place, from 0, to be
 * duplicated for another process; -1 if there are no more. */
int http_server_descriptor(const struct http_server *s, size_t i);

/* Accepts from now on; for a server that was held. NULL is allowed. */
void http_server_begin(struct http_server *s);

/* Accepts no more, and closes the listening sockets; calls go on. NULL is
 * allowed. */
void http_server_leave(struct http_server *s);

/* Closes everything at once. Calls that have not been answered are freed, too,
 * and must not be answered any more. NULL is allowed. */
void http_server_free(struct http_server *s);

/* Counts the call as expensive until it is answered. False if as many expensive
 * calls as the options allow are waiting already; answer with 503 then. */
bool http_call_claim(struct http_call *call) MUST_CHECK;

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type */
	const char *headers; /* more, each ending in CR LF; NULL: none */
	struct slice body; /* copied */
	struct buf *rest; /* what follows it; emptied instead of copied, because
			   * it may be long; NULL: nothing */
};

/* Answers the call, which is gone afterwards. */
void http_reply_send(struct http_call *call, const struct http_reply *reply);

/* The answer to a call of our own, borrowed; NULL: the server is being freed.
 */
typedef void http_answered(void *arg, const struct http_reply *reply);

/* Makes a call that came over no connection; its `request' is copied, and what
 * it points to has to live until `answered' is called. The caller hands it to
 * what answers it. NULL: no memory, or as many as there may be. */
struct http_call *http_call_new(struct http_server *s,
    const struct http_request *request, http_answered *answered, void *arg);

/* Lives as long as the call. */
const struct http_request *http_call_request(const struct http_call *call);

/* Gives the connection to the caller, who answers on it in another way. The
 * call is gone afterwards. */
int http_call_release(struct http_call *call);

#endif
