/* SPDX-License-Identifier: ISC */
/*
 * The two ends of a session with no memory to be had at call N: they say so,
 * keep nothing, and what was there before goes on.
 */
#include <stdlib.h>
#include <unistd.h>

#include "accept/listener.h"
#include "accept/proxy_in.h"
#include "accept/throttle.h"
#include "alloc_kit.h"
#include "backend/dial.h"
#include "base/log.h"
#include "dial_kit.h"
#include "net_kit.h"
#include "tap.h"

char *__wrap_strdup(const char *text);

/* The C library's own would not be counted. */
char *
__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* Far more than any of these ever asks for. */
#define CALLS 200

/* Tries `make' with the first, the second, ... allocation failing, until one
 * run needs no more; `make' says whether it came to an end. */
static void
fail_each(bool (*make)(struct loop *loop), struct loop *loop, const char *name)
{
	unsigned n;
	bool good = false;
	size_t before;

	for (n = 1; n < CALLS && !good; n++) {
		before = alloc_kit_live();
		alloc_kit_fail(n);
		good = make(loop);
		alloc_kit_fail(0);
		net_kit_turns(loop);
		if (alloc_kit_live() != before) {
			ok(false, "%s: call %u leaks", name, n);
			return;
		}
	}
	ok(good, "%s: %u allocations, each may fail", name, n - 2);
}

static bool
make_throttle(struct loop *loop)
{
	struct throttle_options o = { .connections_per_address = 1 };
	struct throttle_slot slot = { 0 };
	struct sockaddr_storage peer;
	struct throttle *t;
	enum reason reason;

	(void)loop;
	if (throttle_new(&t, &o) != OK)
		return false;
	if (address_parse(&peer, "192.0.2.1:1") != OK)
		abort();
	reason = throttle_admit(t, &slot);
	if (reason == REASON_NONE)
		reason = throttle_admit_peer(&slot, &peer, 1);
	throttle_release(&slot, 1);
	throttle_free(t);
	return reason == REASON_NONE;
}

static void
ignore_client(struct listener *l, int fd, const struct sockaddr_storage *peer,
    void *arg)
{
	(void)l;
	(void)peer;
	(void)arg;
	close(fd);
}

static bool
make_listener(struct loop *loop)
{
	struct listener_counts counts = { 0 };
	struct listener_options o = { .counts = &counts };
	struct sockaddr_storage at;
	struct listener *l;
	int fd[1];

	if (address_parse(&at, "127.0.0.1:0") != OK ||
	    listener_bind(fd, 1, &at, &o) != OK)
		abort();
	if (listener_new(&l, loop, fd[0], &o, ignore_client, NULL) != OK) {
		close(fd[0]); /* it stayed ours */
		return false;
	}
	listener_close(l);
	return true;
}

static void
ignore_header(void *arg, enum reason reason,
    const struct accept_proxy_header *header, const char *detail)
{
	(void)header;
	(void)detail;
	*(enum reason *)arg = reason;
}

/* A header in two pieces, since the first has to be kept. */
static bool
make_proxy(struct loop *loop)
{
	enum reason reason = REASON_COUNT;
	struct accept_proxy_options o = { .trusted_count = 1 };
	struct sockaddr_storage peer;
	struct address_net net;
	struct accept_proxy *p;
	int fds[2];

	net_kit_pair(fds);
	if (address_net_parse(&net, "127.0.0.0/8") != OK ||
	    address_parse(&peer, "127.0.0.1:1") != OK)
		abort();
	o.trusted = &net;
	o.peer = &peer;
	if (accept_proxy_start(&p, loop, fds[0], &o, ignore_header, &reason) ==
	    OK) {
		(void)!write(fds[1], "PROXY UNK", 9);
		net_kit_turns(loop);
		(void)!write(fds[1], "NOWN\r\n", 6);
		net_kit_turns(loop);
		if (reason == REASON_COUNT)
			accept_proxy_cancel(p);
	}
	close(fds[0]);
	close(fds[1]);
	return reason == REASON_NONE;
}

static void
take_result(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	(void)text;
	*(enum reason *)arg = reason;
	stream_close(broker);
}

static bool
make_dial(struct loop *loop)
{
	struct backend_dial_request r = { slice_str("device"),
		slice_str("PROXY UNKNOWN\r\n") };
	static const char *const sources[] = { "127.0.0.1" };
	struct backend_options o = { .name = "x",
		.sources = sources,
		.source_count = 1,
		.probe = CONFIG_PROBE_TCP,
		.probe_client_id = "p",
		.timeout_ms = 30 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 50);
	const char *addresses[] = { dial_kit_text(&at) };
	enum reason reason = REASON_COUNT;
	struct backend_dial *d = NULL;
	struct backend_pool *p = NULL;
	int i;

	o.addresses = addresses;
	o.address_count = 1;
	if (backend_pool_new(&p, loop, NULL, &o) == OK &&
	    backend_dial_start(&d, p, &r, take_result, &reason) == OK)
		for (i = 0; i < 50 && reason == REASON_COUNT; i++)
			(void)net_kit_run(loop, 2);
	backend_pool_put(p);
	close(listener);
	return reason == REASON_NONE;
}

int
main(void)
{
	struct loop *loop = loop_new();

	log_set_level(LOG_LEVEL_ERROR);
	fail_each(make_throttle, loop, "throttle");
	fail_each(make_listener, loop, "listener");
	fail_each(make_proxy, loop, "PROXY header");
	fail_each(make_dial, loop, "pool and dial");
	loop_free(loop);
	return done_testing();
}
