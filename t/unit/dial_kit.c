/* SPDX-License-Identifier: ISC */
#include "dial_kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "net_kit.h"

static void
on_done(void *arg, enum reason reason, struct stream *broker, const char *text)
{
	struct dial_kit_call *c = arg;

	c->dial = NULL;
	c->reason = reason;
	c->broker = broker;
	c->calls++;
	snprintf(c->text, sizeof(c->text), "%s", text);
	if (c->cancel != NULL)
		backend_dial_cancel(c->cancel->dial);
	if (++c->kit->ended == c->kit->stop_at)
		loop_stop(c->kit->loop);
}

struct dial_kit *
dial_kit_begin(struct loop *loop, const char *const *addresses,
    const struct backend_options *options)
{
	struct dial_kit *s = calloc(1, sizeof(*s));
	struct backend_options o = *options;

	o.name = "test";
	o.addresses = addresses;
	while (addresses[o.address_count] != NULL)
		o.address_count++;
	s->loop = loop;
	if (backend_pool_new(&s->pool, loop, NULL, &o) != OK)
		abort();
	return s;
}

void
dial_kit_start(struct dial_kit *s, int n, const char *client_id,
    const char *header)
{
	struct backend_dial_request r = { slice_str(client_id),
		slice_str(header) };
	struct dial_kit_call *c = &s->call[n];

	c->kit = s;
	if (backend_dial_start(&c->dial, s->pool, &r, on_done, c) != OK ||
	    c->calls > 0)
		abort(); /* never from inside the start */
}

bool
dial_kit_all(struct dial_kit *s, int n)
{
	int i;

	for (i = s->stop_at; i < n; i++)
		dial_kit_start(s, i, "device", "");
	s->stop_at = n;
	return net_kit_run(s->loop, NET_KIT_TIMEOUT_MS);
}

void
dial_kit_end(struct dial_kit *s)
{
	int i;

	for (i = 0; i < DIAL_KIT_MANY; i++)
		stream_close(s->call[i].broker);
	backend_pool_put(s->pool);
	net_kit_turns(s->loop);
	free(s);
}

char *
dial_kit_text(const struct sockaddr_storage *at)
{
	static char text[4][ADDRESS_TEXT_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	address_text_port(text[turn], at);
	return text[turn];
}

int
dial_kit_listen(const struct sockaddr_storage *at, int backlog)
{
	static const int on = 1;
	int fd = socket(at->ss_family, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)at, address_len(at)) == -1 ||
	    listen(fd, backlog) == -1)
		abort();
	return fd;
}

static void
come_back(void *arg)
{
	struct dial_kit_comeback *c = arg;

	c->listener = dial_kit_listen(&c->at, DIAL_KIT_MANY);
}

void
dial_kit_come_back(struct dial_kit_comeback *c, struct loop *loop, uint64_t ms)
{
	c->listener = -1;
	timer_init(&c->timer, loop, come_back, c);
	timer_start(&c->timer, ms);
}

static void
keep(const struct backend_status *s, void *arg)
{
	struct dial_kit_endpoint *e = arg;

	e->count++;
	e->state = s->state;
	e->failed = s->failed;
	snprintf(e->error, sizeof(e->error), "%s", s->error);
	snprintf(e->endpoint, sizeof(e->endpoint), "%s", s->endpoint);
}

struct dial_kit_endpoint
dial_kit_endpoint(struct dial_kit *k)
{
	struct dial_kit_endpoint e = { 0 };

	backend_pool_each(k->pool, keep, &e);
	return e;
}
