/* SPDX-License-Identifier: ISC */
/*
 * Choosing endpoints and knowing their health, without a socket: the three
 * ways to balance, back-off, and a table that follows the resolver.
 */
#include "backend/endpoint.h"

#include <stdlib.h>

#include "tap.h"

#define N 4

static struct sockaddr_storage
address(unsigned n)
{
	struct sockaddr_storage a;
	char text[ADDRESS_TEXT_MAX];

	snprintf(text, sizeof(text), "192.0.2.%u:1883", n);
	if (address_parse(&a, text) != OK)
		abort();
	return a;
}

/* Makes the addresses of target 0 those from `first' to `last'. */
static size_t
merge(struct backend_table *t, unsigned first, unsigned last)
{
	struct sockaddr_storage list[256];
	size_t n = 0;
	unsigned i;

	for (i = first; i <= last; i++)
		list[n++] = address(i);
	return backend_table_merge(t, 0, list, n);
}

static struct backend_choice
choice(const struct backend_table *t, enum config_balance balance)
{
	struct backend_choice c = { .slots = t->slots,
		.balance = balance,
		.hold = true };

	return c;
}

static const struct backend_backoff even = { 100, 1000, 512 };

static void
fail(struct backend_endpoint *e, uint64_t now)
{
	(void)backend_endpoint_failed(e, "no", now, &even);
}

static void
test_endpoint(void)
{
	struct sockaddr_storage a = address(1);
	struct backend_endpoint *e = backend_endpoint_new(&a);
	uint64_t until;

	is_str(e->text, "192.0.2.1:1883", "an endpoint says its address");
	ok(backend_endpoint_usable(e, 0), "a new one is usable");
	ok(backend_endpoint_failed(e, "refused", 1000, &even),
	    "the first failure brings it down");
	is_str(e->error, "refused", "and is remembered");
	until = e->until;
	is_int((long long)until, 1100, "for the back-off");
	ok(!backend_endpoint_failed(e, "again", 1050, &even) &&
		e->until == until && e->failures == 1,
	    "a try that began before adds nothing");
	ok(!backend_endpoint_usable(e, until - 1), "not usable until then");
	ok(backend_endpoint_usable(e, until), "usable then");
	backend_endpoint_begin(e);
	ok(!backend_endpoint_usable(e, until + 9999), "one trial at a time");
	fail(e, 2000);
	is_int((long long)e->until, 2200, "the back-off doubles");
	for (until = 0; until < 20; until++) {
		backend_endpoint_begin(e);
		fail(e, e->until);
	}
	backend_endpoint_begin(e);
	fail(e, 100000);
	is_int((long long)e->until, 101000, "up to its bound");
	backend_endpoint_begin(e);
	backend_endpoint_abandoned(e, 102000);
	ok(backend_endpoint_usable(e, 102000), "given up: the next may try");
	backend_endpoint_begin(e);
	ok(backend_endpoint_succeeded(e), "a good trial brings it up");
	ok(e->failures == 0 && e->error[0] == '\0', "with a clean record");
	ok(!backend_endpoint_succeeded(e), "which is told once");
	backend_endpoint_put(e);
	backend_endpoint_put(NULL);
}

static void
test_probed(void)
{
	struct sockaddr_storage a = address(1);
	struct backend_endpoint *e = backend_endpoint_new(&a);

	e->probed = true;
	fail(e, 0);
	ok(!backend_endpoint_usable(e, 999999), "probed: time is no cure");
	ok(!backend_endpoint_succeeded(e) && e->state == BACKEND_DOWN,
	    "nor is a dial");
	ok(backend_endpoint_revived(e) && backend_endpoint_usable(e, 0),
	    "a probe is");
	backend_endpoint_put(e);
}

static void
test_jitter(void)
{
	struct sockaddr_storage a = address(1);
	uint64_t least = UINT64_MAX, most = 0;
	struct backend_backoff b = { 1000, 1000, 0 };
	struct backend_endpoint *e;

	for (b.random = 0; b.random < 5000; b.random++) {
		e = backend_endpoint_new(&a);
		(void)backend_endpoint_failed(e, "no", 0, &b);
		least = e->until < least ? e->until : least;
		most = e->until > most ? e->until : most;
		backend_endpoint_put(e);
	}
	ok(least == 750 && most >= 1240 && most <= 1250,
	    "jitter is a quarter either way: %d to %d", (int)least, (int)most);
}

static void
test_failover(void)
{
	struct backend_table t = { 0 };
	struct backend_choice c;
	struct backend_endpoint *e;

	merge(&t, 1, N);
	c = choice(&t, CONFIG_BALANCE_FAILOVER);
	e = backend_pick(&c);
	is_str(e->text, "192.0.2.1:1883", "failover: the first");
	is_int(backend_pick_count(&c), N, "of four");
	fail(e, 0);
	e = backend_pick(&c);
	is_str(e->text, "192.0.2.2:1883", "it fails: the second");
	c.tried = UINT64_C(1) << e->slot;
	e = backend_pick(&c);
	is_str(e->text, "192.0.2.3:1883", "tried as well: the third");
	c.now = 100;
	e = backend_pick(&c);
	is_str(e->text, "192.0.2.1:1883", "its back-off over: the first");
	c.tried = ~UINT64_C(0);
	ok(backend_pick(&c) == NULL, "all tried: none");
	backend_table_fini(&t);
}

static void
test_refuse(void)
{
	struct backend_table t = { 0 };
	struct backend_choice c;

	merge(&t, 1, 2);
	fail(t.slots[0], 0);
	fail(t.slots[1], 0);
	c = choice(&t, CONFIG_BALANCE_FAILOVER);
	ok(backend_pick(&c) == NULL, "hold: what is down is left alone");
	c.hold = false;
	is_str(backend_pick(&c)->text, "192.0.2.1:1883",
	    "refuse: it is tried at last");
	is_int(backend_pick_count(&c), 2, "both are");
	backend_table_fini(&t);
}

static void
test_roundrobin(void)
{
	struct backend_table t = { 0 };
	struct backend_choice c;
	unsigned hits[N] = { 0 };
	unsigned i;

	merge(&t, 1, N);
	c = choice(&t, CONFIG_BALANCE_ROUNDROBIN);
	for (i = 0; i < 400; i++, c.turn++)
		hits[backend_pick(&c)->slot]++;
	ok(hits[0] == 100 && hits[1] == 100 && hits[2] == 100 && hits[3] == 100,
	    "round robin is even");
	fail(t.slots[1], 0);
	for (i = 0; i < 300; i++, c.turn++)
		hits[backend_pick(&c)->slot]++;
	ok(hits[0] == 200 && hits[1] == 100 && hits[2] == 200 && hits[3] == 200,
	    "and among those that are up");
	backend_table_fini(&t);
}

/* Where 1,000 clients go; -1 for none. */
static void
spread(const struct backend_table *t, int *slots)
{
	struct backend_choice c = choice(t, CONFIG_BALANCE_CLIENTID);
	struct backend_endpoint *e;
	char id[32];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "device-%03d", i);
		c.hash = backend_pick_hash(slice_str(id));
		e = backend_pick(&c);
		slots[i] = e == NULL ? -1 : (int)e->slot;
	}
}

static void
test_clientid(void)
{
	struct backend_table t = { 0 }, other = { 0 };
	int before[1000], after[1000];
	int moved = 0, share[N] = { 0 };
	int i;

	merge(&t, 1, N);
	spread(&t, before);
	for (i = 0; i < 1000; i++)
		share[before[i]]++;
	for (i = 0; i < N; i++)
		ok(share[i] > 200 && share[i] < 300, "endpoint %d has %d", i,
		    share[i]);
	spread(&t, after);
	ok(memcmp(before, after, sizeof(before)) == 0, "it stays so");
	fail(t.slots[2], 0);
	spread(&t, after);
	for (i = 0; i < 1000; i++)
		if (before[i] != 2 && before[i] != after[i])
			moved++;
	is_int(moved, 0, "one goes: the clients of others stay");
	(void)backend_endpoint_revived(t.slots[2]);
	spread(&t, after);
	ok(memcmp(before, after, sizeof(before)) == 0, "its own come back");
	/* Another worker, another order of the answers. */
	merge(&other, 3, N);
	merge(&other, 1, N);
	spread(&other, after);
	for (moved = 0, i = 0; i < 1000; i++)
		if (strcmp(t.slots[before[i]]->text,
			other.slots[after[i]]->text) != 0)
			moved++;
	is_int(moved, 0, "every worker says the same");
	backend_table_fini(&t);
	backend_table_fini(&other);
}

static void
test_table(void)
{
	struct backend_table t = { 0 };
	struct sockaddr_storage a = address(200);
	struct backend_endpoint *held;

	is_int((long long)merge(&t, 1, 3), 0, "three addresses");
	is_int((long long)backend_table_count(&t, 0), 3, "three endpoints");
	fail(t.slots[1], 0);
	held = backend_endpoint_get(t.slots[0]);
	is_int((long long)merge(&t, 2, 4), 0, "one goes, one comes");
	is_int((long long)backend_table_count(&t, 0), 3, "still three");
	ok(t.slots[1]->state == BACKEND_DOWN, "what was known stays known");
	is_str(t.slots[0]->text, "192.0.2.4:1883", "the place is used again");
	ok(t.slots[0]->order > t.slots[2]->order, "the newcomer comes last");
	is_str(held->text, "192.0.2.1:1883", "who uses the old one still may");
	backend_endpoint_put(held);
	is_int((long long)backend_table_merge(&t, 1, &a, 1), 0,
	    "another target");
	is_int((long long)backend_table_count(&t, 0), 3, "is apart");
	is_int((long long)backend_table_next(&t, 0), 100,
	    "the next to be tried again");
	is_int((long long)merge(&t, 1, 80), 17, "64 places, one is taken");
	is_int((long long)backend_table_count(&t, 0), 63, "63 are used");
	backend_table_fini(&t);
	ok(backend_table_next(&t, 0) == UINT64_MAX, "none: time will not help");
}

int
main(void)
{
	test_endpoint();
	test_probed();
	test_jitter();
	test_failover();
	test_refuse();
	test_roundrobin();
	test_clientid();
	test_table();
	return done_testing();
}
