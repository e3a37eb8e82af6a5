/* SPDX-License-Identifier: ISC */
/*
 * Admission: caps, buckets, what an address costs in memory, and threads.
 */
#include "accept/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "net_kit.h"
#include "tap.h"

static struct throttle *
make(const struct throttle_options *o)
{
	struct throttle *t;

	if (throttle_new(&t, o) != OK)
		abort();
	return t;
}

static enum reason
admit(struct throttle *t, struct throttle_slot *slot, const char *peer,
    uint64_t now)
{
	struct sockaddr_storage a = net_kit_host(peer);
	enum reason reason = throttle_admit(t, slot);

	return reason != REASON_NONE ? reason
				     : throttle_admit_peer(slot, &a, now);
}

static void
test_total(void)
{
	struct throttle_options o = { .connections = 2 };
	struct throttle *t = make(&o);
	struct throttle_slot a, b, c;

	is_int(admit(t, &a, "192.0.2.1", 1), REASON_NONE, "first of two");
	is_int(admit(t, &b, "192.0.2.1", 1), REASON_NONE, "second");
	is_int(admit(t, &c, "192.0.2.2", 1), REASON_ACCEPT_LIMIT, "third");
	ok(c.throttle == NULL, "who was refused holds nothing");
	throttle_release(&c, 1);
	is_int((long long)throttle_counts(t).connections, 2, "two are in");
	throttle_release(&a, 1);
	is_int(admit(t, &c, "192.0.2.2", 1), REASON_NONE, "one left: room");
	throttle_release(&b, 1);
	throttle_release(&c, 1);
	throttle_release(&c, 1);
	is_int((long long)throttle_counts(t).connections, 0, "all left");
	is_int((long long)throttle_counts(t).handshakes, 0, "no handshakes");
	is_int((long long)throttle_counts(t).entries, 0, "nor addresses");
	throttle_free(t);
}

static void
test_address(void)
{
	struct throttle_options o = { .connections_per_address = 2 };
	struct throttle *t = make(&o);
	struct throttle_slot k[5];
	int i;

	is_int(admit(t, &k[0], "192.0.2.1", 1), REASON_NONE, "first of two");
	is_int(admit(t, &k[1], "::ffff:192.0.2.1", 1), REASON_NONE,
	    "second, mapped");
	is_int(admit(t, &k[2], "192.0.2.1", 1), REASON_ACCEPT_ADDRESS_LIMIT,
	    "third");
	is_int(admit(t, &k[3], "192.0.2.2", 1), REASON_NONE, "a neighbour");
	is_int(admit(t, &k[4], "2001:db8::1", 1), REASON_NONE, "an IPv6 one");
	is_int((long long)throttle_counts(t).entries, 3, "three addresses");
	for (i = 0; i < 5; i++)
		throttle_release(&k[i], 1);
	is_int((long long)throttle_counts(t).entries, 0, "all forgotten");
	throttle_free(t);
}

static void
test_prefix(void)
{
	struct throttle_options o = { .connections_per_prefix = 2 };
	struct throttle *t = make(&o);
	struct throttle_slot k[8];
	int i;

	is_int(admit(t, &k[0], "192.0.2.1", 1), REASON_NONE, "a /24");
	is_int(admit(t, &k[1], "192.0.2.200", 1), REASON_NONE, "twice");
	is_int(admit(t, &k[2], "192.0.2.3", 1), REASON_ACCEPT_ADDRESS_LIMIT,
	    "thrice is once too often");
	is_int(admit(t, &k[3], "192.0.3.3", 1), REASON_NONE, "the next /24");
	is_int(admit(t, &k[4], "2001:db8:0:1::1", 1), REASON_NONE, "a /64");
	is_int(admit(t, &k[5], "2001:db8:0:1:9::", 1), REASON_NONE, "twice");
	is_int(admit(t, &k[6], "2001:db8:0:1::2", 1),
	    REASON_ACCEPT_ADDRESS_LIMIT, "thrice");
	is_int(admit(t, &k[7], "2001:db8:0:2::1", 1), REASON_NONE,
	    "the next /64");
	for (i = 0; i < 8; i++)
		throttle_release(&k[i], 1);
	throttle_free(t);
}

static void
test_prefix_rate(void)
{
	struct throttle_options o = { .prefix_rate = 10, .prefix_burst = 2 };
	struct throttle *t = make(&o);
	struct throttle_slot k;
	int i;

	for (i = 0; i < 2; i++) {
		is_int(admit(t, &k, "192.0.2.1", 1000), REASON_NONE,
		    "%d of a burst of two", i + 1);
		throttle_release(&k, 1000);
	}
	is_int(admit(t, &k, "192.0.2.9", 1000), REASON_ACCEPT_RATE,
	    "the third");
	throttle_release(&k, 1000);
	is_int(admit(t, &k, "198.51.100.1", 1000), REASON_NONE,
	    "another network is not held up");
	throttle_release(&k, 1000);
	is_int((long long)throttle_counts(t).entries, 2, "both are remembered");
	is_int(admit(t, &k, "192.0.2.1", 1100), REASON_NONE, "100 ms later");
	throttle_release(&k, 2000);
	is_int((long long)throttle_counts(t).entries, 1,
	    "a full bucket is forgotten at once");
	throttle_free(t);
}

static void
test_rate(void)
{
	struct throttle_options o = { .handshake_rate = 10,
		.handshake_burst = 2 };
	struct throttle *t = make(&o);

	is_int((long long)throttle_token_take(t, 1000), 0, "a burst of two");
	is_int((long long)throttle_token_take(t, 1000), 0, "one more");
	is_int((long long)throttle_token_take(t, 1000), 100, "then wait");
	throttle_token_give(t, THROTTLE_RESUMED, 1000);
	is_int((long long)throttle_token_take(t, 1000), 0,
	    "a resumed handshake gives its token back");
	is_int((long long)throttle_token_take(t, 1000), 100, "but only once");
	throttle_token_give(t, THROTTLE_UNUSED, 1000);
	is_int((long long)throttle_token_take(t, 1000), 0,
	    "and so does one that had no work to do");
	throttle_free(t);
}

static void
test_resumed_rate(void)
{
	struct throttle_options o = { .handshake_rate = 10,
		.handshake_burst = 5,
		.resumed_rate = 2,
		.resumed_burst = 1 };
	struct throttle *t = make(&o);

	is_int((long long)throttle_token_take(t, 1000), 0, "a token");
	throttle_token_give(t, THROTTLE_RESUMED, 1000);
	is_int((long long)throttle_token_take(t, 1000), 500,
	    "resumed ones have a budget of their own");
	throttle_free(t);
}

static void
test_reload(void)
{
	struct throttle_options o = { 0 };
	struct throttle *t = make(&o);
	struct throttle_slot a, b, c;

	is_int(admit(t, &a, "192.0.2.1", 1), REASON_NONE, "no limits");
	is_int((long long)throttle_counts(t).entries, 0, "no entries");
	o.connections_per_address = 1;
	throttle_set(t, &o);
	is_int(admit(t, &b, "192.0.2.1", 1), REASON_NONE,
	    "who came before the limit is not counted by it");
	is_int(admit(t, &c, "192.0.2.1", 1), REASON_ACCEPT_ADDRESS_LIMIT,
	    "who comes after is");
	o.connections_per_address = 0;
	throttle_set(t, &o);
	throttle_release(&a, 1);
	throttle_release(&b, 1);
	throttle_release(&c, 1);
	is_int((long long)throttle_counts(t).entries, 0,
	    "entries of a limit that is gone go too");
	throttle_free(t);
}

/* An attacker with a /32 of IPv6 has four billion /64 to come from. */
static void
test_bounded(void)
{
	struct throttle_options o = { .prefix_rate = 1 };
	struct throttle *t = make(&o);
	struct sockaddr_storage a = net_kit_host("2001:db8::");
	struct sockaddr_in6 *six = (void *)&a;
	struct throttle_slot k;
	uint32_t i;

	for (i = 0; i < 200000; i++) {
		uint32_t net = htonl(i);

		memcpy(six->sin6_addr.s6_addr + 4, &net, 4);
		if (throttle_admit(t, &k) != REASON_NONE ||
		    throttle_admit_peer(&k, &a, 1000) != REASON_NONE)
			break;
		throttle_release(&k, 1000);
	}
	is_int(i, 200000, "200,000 networks come and go");
	ok(throttle_counts(t).entries <= 64 * 256, "%d are remembered",
	    (int)throttle_counts(t).entries);
	throttle_free(t);
}

static void
test_many(void)
{
	enum {
		N = 20000
	};
	struct throttle_options o = { .connections_per_address = 1 };
	struct throttle *t = make(&o);
	struct throttle_slot *k = calloc(N, sizeof(*k));
	struct sockaddr_storage a = net_kit_host("10.0.0.0");
	struct sockaddr_in *four = (void *)&a;
	struct throttle_slot twice;
	uint32_t i, good = 0, refused = 0;

	for (i = 0; i < N; i++) {
		four->sin_addr.s_addr = htonl(0x0a000000u + i);
		if (throttle_admit(t, &k[i]) == REASON_NONE &&
		    throttle_admit_peer(&k[i], &a, 1) == REASON_NONE)
			good++;
		if (throttle_admit(t, &twice) == REASON_NONE &&
		    throttle_admit_peer(&twice, &a, 1) ==
			REASON_ACCEPT_ADDRESS_LIMIT)
			refused++;
		throttle_release(&twice, 1);
	}
	is_int(good, N, "20,000 addresses at once");
	is_int(refused, N, "none of them twice");
	is_int((long long)throttle_counts(t).entries, N, "an entry each");
	for (i = 0; i < N; i++)
		throttle_release(&k[i], 1);
	is_int((long long)throttle_counts(t).entries, 0, "all forgotten");
	free(k);
	throttle_free(t);
}

struct worker {
	struct throttle *throttle;
	unsigned index;
	unsigned most; /* connections of one address at once, as it saw */
};

static void *
work(void *arg)
{
	static const char *const peers[] = { "192.0.2.1", "192.0.2.2",
		"2001:db8::1" };
	struct worker *w = arg;
	struct throttle_slot k[4];
	unsigned i, j;

	for (i = 0; i < 3000; i++) {
		for (j = 0; j < 4; j++)
			(void)admit(w->throttle, &k[j],
			    peers[(i + j + w->index) % 3], i);
		for (j = 0; j < 4; j++) {
			throttle_release(&k[j], i);
		}
	}
	return NULL;
}

static void
test_threads(void)
{
	struct throttle_options o = { .connections = 12,
		.connections_per_address = 3,
		.connections_per_prefix = 5,
		.prefix_rate = 100,
		.handshake_rate = 1000 };
	struct throttle *t = make(&o);
	struct worker w[4];
	pthread_t threads[4];
	unsigned i;

	for (i = 0; i < 4; i++) {
		w[i] = (struct worker){ t, i, 0 };
		pthread_create(&threads[i], NULL, work, &w[i]);
	}
	for (i = 0; i < 100; i++)
		throttle_set(t, &o);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_int((long long)throttle_counts(t).connections, 0,
	    "four workers leave no connection behind");
	is_int((long long)throttle_counts(t).handshakes, 0, "nor a handshake");
	ok(throttle_counts(t).entries <= 2, "nor an address");
	throttle_free(t);
}

static void
test_unix(void)
{
	struct throttle_options o = { .connections_per_address = 1,
		.connections_per_prefix = 1 };
	struct throttle *t = make(&o);
	struct sockaddr_storage a = { .ss_family = AF_UNIX };
	struct throttle_slot k[2];

	ok(throttle_admit(t, &k[0]) == REASON_NONE &&
		throttle_admit_peer(&k[0], &a, 1) == REASON_NONE &&
		throttle_admit(t, &k[1]) == REASON_NONE &&
		throttle_admit_peer(&k[1], &a, 1) == REASON_NONE,
	    "unix peers have no address to count");
	throttle_release(&k[0], 1);
	throttle_release(&k[1], 1);
	throttle_free(t);
}

int
main(void)
{
	test_total();
	test_address();
	test_prefix();
	test_prefix_rate();
	test_rate();
	test_resumed_rate();
	test_reload();
	test_bounded();
	test_many();
	test_threads();
	test_unix();
	return done_testing();
}
