/* SPDX-License-Identifier: ISC */
/*
 * The header is peeked at with MSG_PEEK and then read up to its last byte. Most
 * headers arrive whole: one peek, one read, no memory. A header that arrives in
 * pieces is read into a buffer piece by piece, since unread bytes would keep
 * waking the loop.
 */
#include "accept/proxy_in.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "io/watch.h"

struct accept_proxy {
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct watch watch; /* its descriptor is borrowed: release, not fini */
	struct loop_deferred not_trusted; /* refuses in the next turn */
	struct buf early; /* bytes read before the header was complete */
	accept_proxy_done *done; /* NULL once called or cancelled */
	void *arg; /* borrowed: the owner */
};

/* Removes all events; the memory is freed at the end of the turn. */
static void
release(struct accept_proxy *p)
{
	p->done = NULL;
	loop_deferred_cancel(&p->not_trusted);
	(void)watch_release(&p->watch);
	buf_fini(&p->early);
	loop_free_later(p->loop, &p->garbage, p, free);
}

static void
finish(struct accept_proxy *p, enum reason reason,
    const struct accept_proxy_header *header, const char *detail)
{
	accept_proxy_done *done = p->done;
	void *arg = p->arg;

	release(p);
	done(arg, reason, header, detail);
}

static void
refuse(struct accept_proxy *p, const char *detail)
{
	finish(p, REASON_ACCEPT_PROXY, NULL, detail);
}

static void
not_trusted(struct loop_deferred *d)
{
	refuse(list_entry(d, struct accept_proxy, not_trusted),
	    "the peer is not a trusted load balancer");
}

/* Reads `len' bytes that a peek has just shown. */
static bool
consume(struct accept_proxy *p, uint8_t *data, size_t len)
{
	ssize_t n;

	do
		n = recv(p->watch.fd, data, len, 0);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)len;
}

/* `data' holds p->early and `fresh' more bytes that were only peeked at. */
static void
parse(struct accept_proxy *p, uint8_t *data, size_t fresh)
{
	size_t early = buf_len(&p->early);
	struct accept_proxy_header header;
	const char *why = "";
	enum parse result = accept_proxy_header_parse(&header,
	    slice_make(data, early + fresh), &why);

	if (result == PARSE_BAD) {
		refuse(p, why);
		return;
	}
	if (result == PARSE_OK)
		fresh = header.len - early;
	if (!consume(p, data + early, fresh)) {
		refuse(p, "the connection broke");
		return;
	}
	if (result == PARSE_OK)
		finish(p, REASON_NONE, &header, "");
	else if (buf_append(&p->early, data + early, fresh) != OK)
		finish(p, REASON_ACCEPT_RESOURCE, NULL, "out of memory");
}

static void
readable(enum watch_event event, void *arg)
{
	struct accept_proxy *p = arg;
	uint8_t *data = loop_scratch(p->loop, LOOP_SCRATCH_PLAIN);
	size_t early = buf_len(&p->early);
	ssize_t n;

	(void)event;
	if (early > 0)
		memcpy(data, buf_data(&p->early), early);
	n = recv(p->watch.fd, data + early, ACCEPT_PROXY_HEADER_MAX - early,
	    MSG_PEEK);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		parse(p, data, (size_t)n); /* p may be gone */
	else if (early == 0)
		finish(p, REASON_ACCEPT_CHECK, NULL, NULL);
	else
		refuse(p,
		    n == 0 ? "the connection ended inside its PROXY header"
			   : "the connection broke");
}

static bool
is_trusted(const struct accept_proxy_options *o)
{
	return address_net_match(o->trusted, o->trusted_count, o->peer);
}

enum err
accept_proxy_start(struct accept_proxy **out, struct loop *loop, int fd,
    const struct accept_proxy_options *options, accept_proxy_done *done,
    void *arg)
{
	struct accept_proxy *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->loop = loop;
	p->done = done;
	p->arg = arg;
	buf_init(&p->early, ACCEPT_PROXY_HEADER_MAX);
	loop_deferred_init(&p->not_trusted, not_trusted);
	watch_init(&p->watch, loop, fd, readable, p);
	if (is_trusted(options))
		watch_read(&p->watch, true);
	else
		loop_defer(loop, &p->not_trusted);
	*out = p;
	return OK;
}

void
accept_proxy_cancel(struct accept_proxy *p)
{
	if (p != NULL && p->done != NULL)
		release(p);
}
