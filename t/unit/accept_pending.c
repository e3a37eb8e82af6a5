/* SPDX-License-Identifier: ISC */
/*
 * Unfinished handshakes: which one is ended when there are too many, what has
 * to arrive before TLS begins, and which client gets the next token.
 */
#include "accept/pending.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_kit.h"
#include "tap.h"

#define MANY 8

/* A connection; `ended' and `ready' tell the order, from 1. */
struct client {
	struct pending_handshake handshake;
	int fd[2]; /* ours, and the client's */
	int ended;
	int ready;
};

struct world {
	struct throttle *throttle;
	struct loop *loop;
	struct pending_queue queue;
	struct client client[MANY];
};

static int order;
static struct world *late; /* for newcomer() */

static void
evict(struct pending_handshake *h)
{
	struct client *c = list_entry(h, struct client, handshake);

	c->ended = ++order;
	(void)pending_end(h, PENDING_OUTCOME_FAILED);
}

static void
ready(struct pending_handshake *h)
{
	list_entry(h, struct client, handshake)->ready = ++order;
}

static void
begin(struct world *w, int n, const char *peer)
{
	struct sockaddr_storage a = net_kit_host(peer);

	memset(&w->client[n], 0, sizeof(w->client[n]));
	net_kit_pair(w->client[n].fd);
	pending_begin(&w->client[n].handshake, &w->queue, &a);
}

static struct world *
start(struct loop *loop, const struct throttle_options *o)
{
	struct world *w = calloc(1, sizeof(*w));
	int i;

	if (w == NULL || throttle_new(&w->throttle, o) != OK)
		abort();
	w->loop = loop;
	for (i = 0; i < MANY; i++)
		w->client[i].fd[0] = w->client[i].fd[1] = -1;
	pending_queue_init(&w->queue, w->throttle, loop, evict);
	order = 0;
	return w;
}

static void
end(struct world *w)
{
	int i;

	for (i = 0; i < MANY; i++) {
		(void)pending_end(&w->client[i].handshake,
		    PENDING_OUTCOME_FAILED);
		if (w->client[i].fd[0] != -1) {
			close(w->client[i].fd[0]);
			close(w->client[i].fd[1]);
		}
	}
	net_kit_turns(w->loop);
	is_int(pending_registry_count(throttle_handshakes(w->throttle)), 0,
	    "none is left");
	pending_queue_fini(&w->queue);
	throttle_free(w->throttle);
	free(w);
}

static void
test_eviction(struct loop *loop)
{
	struct throttle_options o = { .handshakes = 4,
		.handshakes_per_prefix = 4 };
	struct world *w = start(loop, &o);
	struct sockaddr_storage elsewhere = net_kit_host("2001:db8::1");

	begin(w, 0, "203.0.113.1");
	begin(w, 1, "192.0.2.1");
	begin(w, 2, "192.0.2.200");
	begin(w, 3, "192.0.2.3");
	net_kit_turns(loop);
	is_int(order, 0, "four of four");
	begin(w, 4, "198.51.100.1");
	is_int(order, 0, "a fifth: not from inside");
	net_kit_turns(loop);
	is_int(w->client[1].ended, 1,
	    "the oldest of the largest network is ended");
	is_int(order, 1, "and no other");
	pending_move(&w->client[2].handshake, &elsewhere);
	pending_move(&w->client[3].handshake, &elsewhere);
	begin(w, 5, "203.0.113.9");
	net_kit_turns(loop);
	is_int(w->client[2].ended, 2, "a PROXY header moves it to another");
	pending_end(&w->client[0].handshake, PENDING_OUTCOME_FULL);
	begin(w, 6, "203.0.113.9");
	net_kit_turns(loop);
	is_int(order, 2, "one that is finished makes room");
	ok(pending_make_room(&w->queue), "one is ended for a connection");
	net_kit_turns(loop);
	is_int(order, 3, "soon");
	end(w);
}

static void
test_share(struct loop *loop)
{
	struct throttle_options o = { .handshakes = 6 };
	struct world *w = start(loop, &o);

	begin(w, 0, "192.0.2.1");
	begin(w, 1, "203.0.113.1");
	begin(w, 2, "203.0.113.2");
	begin(w, 3, "203.0.113.3");
	net_kit_turns(loop);
	is_int(order, 0, "half of six for one network");
	begin(w, 4, "203.0.113.4");
	net_kit_turns(loop);
	is_int(w->client[1].ended, 1, "above it the network's oldest ends");
	begin(w, 5, "198.51.100.1");
	begin(w, 6, "198.51.100.2");
	net_kit_turns(loop);
	is_int(order, 1, "there is still room for others");
	end(w);
}

/* Begins TLS for a client whose ClientHello has arrived. */
static void
greet(struct world *w, int n, const char *peer)
{
	begin(w, n, peer);
	if (write(w->client[n].fd[1], "\x16\3\1\0\1a", 6) != 6)
		abort();
	pending_wait(&w->client[n].handshake, w->client[n].fd[0], ready);
}

static void
test_memory(struct loop *loop)
{
	struct throttle_options o = { .handshakes_in_tls = 3 };
	struct world *w = start(loop, &o);
	struct client *c = w->client;

	greet(w, 0, "192.0.2.1");
	greet(w, 1, "192.0.2.2");
	greet(w, 2, "192.0.2.3");
	is_int(order, 3, "memory for three");
	greet(w, 3, "192.0.2.4");
	(void)net_kit_run(loop, 100);
	is_int(order, 3, "a fourth one of the network waits");
	greet(w, 4, "198.51.100.1");
	(void)net_kit_run(loop, 100);
	ok(c[4].ready != 0 && c[0].ended != 0,
	    "another network gets the place of the oldest one");
	is_int(order, 5, "and the fourth one still waits");
	pending_end(&c[1].handshake, PENDING_OUTCOME_FULL);
	(void)net_kit_run(loop, 100);
	is_int(c[3].ready, 6, "until one is finished");
	pending_unverified(&c[3].handshake, PENDING_OUTCOME_FULL);
	greet(w, 5, "192.0.2.5");
	(void)net_kit_run(loop, 100);
	is_int(c[5].ready, 0, "one without a certificate is not yet");
	pending_end(&c[3].handshake, PENDING_OUTCOME_FULL);
	(void)net_kit_run(loop, 100);
	is_int(c[5].ready, 7, "and is when its CONNECT has come");
	end(w);
}

static void
test_hello(struct loop *loop)
{
	struct throttle_options o = { 0 };
	struct world *w = start(loop, &o);
	struct client *c = w->client;
	int i;

	for (i = 0; i < 5; i++) {
		begin(w, i, "192.0.2.1");
		if (i == 1 && write(c[i].fd[1], "\x16\3\1\0\4abcd", 9) != 9)
			abort();
		pending_wait(&c[i].handshake, c[i].fd[0], ready);
	}
	is_int(c[1].ready, 1, "a whole ClientHello is taken at once");
	if (write(c[2].fd[1], "\x16\3\1", 3) != 3 ||
	    write(c[3].fd[1], "GET /", 5) != 5 || close(c[4].fd[1]) != 0)
		abort();
	c[4].fd[1] = dup(0);
	net_kit_turns(loop);
	ok(c[0].ready == 0, "silence waits");
	ok(c[2].ready == 0, "so does the head of a record");
	ok(c[3].ready != 0, "what is not TLS does not");
	ok(c[4].ready != 0, "nor does the end");
	if (write(c[2].fd[1], "\0\4abc", 5) != 5)
		abort();
	net_kit_turns(loop);
	ok(c[2].ready == 0, "all but one byte");
	if (write(c[2].fd[1], "d", 1) != 1)
		abort();
	net_kit_turns(loop);
	ok(c[2].ready != 0, "and the last");
	end(w);
}

static void
test_tokens(struct loop *loop)
{
	struct throttle_options o = { .handshake_rate = 20,
		.handshake_burst = 1 };
	struct world *w = start(loop, &o);
	struct client *c = w->client;
	int i;

	for (i = 0; i < 6; i++) {
		begin(w, i, i < 5 ? "192.0.2.1" : "198.51.100.1");
		if (write(c[i].fd[1], "\x16\3\1\0\1a", 6) != 6)
			abort();
		pending_wait(&c[i].handshake, c[i].fd[0], ready);
	}
	is_int(order, 1, "one token for six clients");
	ok(c[0].ready == 1, "the first has it");
	(void)net_kit_run(loop, 70);
	ok(c[5].ready == 2, "the smaller network is next");
	(void)net_kit_run(loop, 1000);
	is_int(order, 6, "and in the end all");
	ok(c[1].ready < c[2].ready && c[2].ready < c[3].ready,
	    "in their order");
	end(w);
}

/* Of several networks with as many handshakes, one loses a client without a
 * certificate; a network with more may lose one with a certificate. */
static void
test_verified(struct loop *loop)
{
	struct throttle_options o = { .handshakes = 2,
		.handshakes_per_prefix = 2 };
	struct world *w = start(loop, &o);
	struct client *c = w->client;

	greet(w, 0, "192.0.2.1");
	pending_verified(&c[0].handshake, PENDING_OUTCOME_FULL);
	begin(w, 1, "198.51.100.1");
	begin(w, 2, "203.0.113.1");
	net_kit_turns(loop);
	ok(c[1].ended > 0 && c[0].ended == 0,
	    "the one with a certificate stays");
	pending_end(&c[2].handshake, PENDING_OUTCOME_FULL);
	greet(w, 3, "192.0.2.2");
	pending_verified(&c[3].handshake, PENDING_OUTCOME_FULL);
	begin(w, 4, "203.0.113.1");
	net_kit_turns(loop);
	ok(c[0].ended > 0, "unless its network has more than the others");
	end(w);
}

/* However many clients of one network wait, one of another is next. */
static void
test_crowd(struct loop *loop)
{
	enum {
		CROWD = 1500
	};
	struct throttle_options o = { .handshake_rate = 20,
		.handshake_burst = 1 };
	struct world *w = start(loop, &o);
	struct client *crowd = calloc(CROWD, sizeof(*crowd));
	struct sockaddr_storage peer = net_kit_host("192.0.2.1");
	struct client *c = w->client;
	int i;

	greet(w, 0, "192.0.2.1");
	if (crowd == NULL)
		abort();
	for (i = 0; i < CROWD; i++) {
		pending_begin(&crowd[i].handshake, &w->queue, &peer);
		/* Nothing reads its ClientHello, so they can share one. */
		pending_wait(&crowd[i].handshake, c[0].fd[0], ready);
	}
	greet(w, 1, "198.51.100.1");
	is_int(order, 1, "one token for all");
	(void)net_kit_run(loop, 70);
	is_int(c[1].ready, 2, "the other network is next");
	pending_end(&c[1].handshake, PENDING_OUTCOME_FULL);
	/* The crowd keeps its order when its first ones leave. */
	for (i = 0; i < CROWD - 2; i++)
		pending_end(&crowd[i].handshake, PENDING_OUTCOME_FAILED);
	(void)net_kit_run(loop, 1000);
	ok(crowd[CROWD - 2].ready > 0 && crowd[CROWD - 1].ready > 0,
	    "then the rest of the crowd");
	ok(crowd[CROWD - 2].ready < crowd[CROWD - 1].ready, "in its order");
	for (; i < CROWD; i++)
		pending_end(&crowd[i].handshake, PENDING_OUTCOME_FAILED);
	free(crowd);
	end(w);
}

/* The kernel reports a socket whose buffer is full before a long record is
 * whole. */
static void
test_early(struct loop *loop)
{
	struct throttle_options o = { .handshake_rate = 1,
		.handshake_burst = 1 };
	static const uint8_t part[1500] = { 22, 3, 1, 0x3e };
	struct world *w = start(loop, &o);
	struct client *c = w->client;
	int least = 1;

	greet(w, 0, "192.0.2.1");
	begin(w, 1, "192.0.2.1");
	if (setsockopt(c[1].fd[0], SOL_SOCKET, SO_RCVBUF, &least,
		sizeof(least)) == -1 ||
	    write(c[1].fd[1], part, sizeof(part)) == -1)
		abort();
	pending_wait(&c[1].handshake, c[1].fd[0], ready);
	(void)net_kit_run(loop, 100);
	is_int(c[1].ready, 0, "a part of a ClientHello needs a token, too");
	end(w);
}

/* A client is to be ended for the newcomer, when the next token is due in the
 * same turn: another network gets the token. */
static void
newcomer(struct loop_message *m)
{
	(void)m;
	begin(late, 4, "192.0.2.9");
}

static void
test_victim(struct loop *loop)
{
	struct throttle_options o = { .handshake_rate = 20,
		.handshake_burst = 1,
		.handshakes = 100,
		.handshakes_per_prefix = 3 };
	struct loop_message m = { .run = newcomer };
	struct world *w = start(loop, &o);

	late = w;
	greet(w, 0, "192.0.2.1");
	greet(w, 1, "192.0.2.2");
	greet(w, 2, "192.0.2.3");
	greet(w, 3, "198.51.100.1");
	is_int(w->client[0].ready, 1, "the first has the only token");
	usleep(60000);
	loop_post(loop, &m);
	(void)net_kit_run(loop, 5);
	ok(w->client[1].ended > 0 && w->client[1].ready == 0,
	    "one that is to be ended gets no token");
	ok(w->client[3].ready > 0, "another network does");
	ok(pending_end(&w->client[3].handshake, PENDING_OUTCOME_FULL),
	    "one that was not to be ended may stay");
	begin(w, 5, "192.0.2.10");
	ok(!pending_end(&w->client[2].handshake, PENDING_OUTCOME_FULL),
	    "one that was may not, although it is finished now");
	end(w);
}

int
main(void)
{
	struct loop *loop = loop_new();

	test_eviction(loop);
	test_share(loop);
	test_memory(loop);
	test_hello(loop);
	test_tokens(loop);
	test_crowd(loop);
	test_verified(loop);
	test_early(loop);
	test_victim(loop);
	loop_free(loop);
	return done_testing();
}
