/*
 * A small HTTP server on a loop of ours, over TCP or a unix socket: it reads
 * one request a connection, hands it to a handler, sends one answer, closes.
 *
 * libevent's evhttp (2.1) was not used: it can neither bound the number of
 * connections nor give a request one absolute deadline, and this socket may
 * face a network. No keep-alive, no body, no TLS.
 */
#ifndef ADMIN_SERVER_H
#define ADMIN_SERVER_H

#include "admin/http.h"
#include "base/slice.h"
#include "io/loop.h"

struct http_server;
struct http_call; /* one request, from handler to answer */

/* Must answer, now or later on the loop's thread, with server_reply(). */
typedef void http_handler(struct http_call *call,
    const struct http_request *request, void *arg);

struct http_server_options {
	size_t connections; /* at once; more are closed at once */
	size_t head_max; /* most bytes of a request, <= 1 MiB */
	uint64_t deadline_ms; /* to send a request, and to take its answer */
	http_handler *handle;
	void *arg; /* borrowed */
};

/* NULL when memory runs out. */
struct http_server *server_new(struct loop *loop,
    const struct http_server_options *options);

/* Serves the listening socket `fd' too, and takes it. ERR_NO_MEMORY, and then
 * fd stays the caller's. */
enum err server_listen(struct http_server *s, int fd) MUST_CHECK;

/* Closes all at once: calls not yet answered are void after it and must not
 * be replied to. NULL is fine. */
void server_free(struct http_server *s);

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type */
	const char *headers; /* more, each line ending in CRLF; NULL = none */
	struct slice body; /* copied */
};

/* Answers; the call is over. */
void server_reply(struct http_call *call, const struct http_reply *reply);

#endif
