/* SPDX-License-Identifier: ISC */
/*
 * Names to addresses, asked of a small nameserver in the same loop: answers,
 * no answers, changed answers, and silence.
 */
#include "backend/resolve.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/dial.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/watch.h"
#include "net_kit.h"
#include "tap.h"

/* Answers questions for A of one.test, half.test and silent.test; all other
 * names do not exist. */
struct nameserver {
	struct watch watch;
	struct sockaddr_storage at;
	const char *one; /* the address of one.test; NULL: SERVFAIL */
	const char *two; /* a second address of it; NULL: none */
	bool silent; /* about one.test */
	int asked; /* questions for A of one.test */
};

/* The first label of the question, in small letters. */
static void
read_label(const uint8_t *query, char label[64])
{
	size_t len = query[12];
	size_t i;

	for (i = 0; i < len && i < 63; i++)
		label[i] = (char)tolower(query[13 + i]);
	label[i] = '\0';
}

static size_t
put_answer(uint8_t *out, size_t len, const char *address)
{
	static const uint8_t head[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0,
		4 };

	memcpy(out + len, head, sizeof(head));
	inet_pton(AF_INET, address, out + len + sizeof(head));
	out[7]++;
	return len + sizeof(head) + 4;
}

static void
on_query(enum watch_event event, void *arg)
{
	struct nameserver *n = arg;
	uint8_t q[600];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	char label[64];
	ssize_t got = recvfrom(n->watch.fd, q, 512, 0, (struct sockaddr *)&from,
	    &from_len);
	size_t len = (size_t)got;
	bool wants_a;

	(void)event;
	if (got < 17)
		return;
	read_label(q, label);
	wants_a = q[len - 3] == 1;
	q[2] = 0x81;
	q[3] = 0x80;
	q[11] = 0; /* no additional records */
	if (strcmp(label, "silent") == 0 ||
	    (strcmp(label, "half") == 0 && !wants_a))
		return;
	if (strcmp(label, "half") == 0) {
		len = put_answer(q, len, "127.0.0.7");
		(void)sendto(n->watch.fd, q, len, 0, (struct sockaddr *)&from,
		    from_len);
		return;
	}
	if (strcmp(label, "one") == 0 && n->silent) {
		n->asked++;
		return;
	}
	if (strcmp(label, "one") != 0)
		q[3] = 0x83; /* NXDOMAIN */
	else if (n->one == NULL)
		q[3] = 0x82; /* SERVFAIL */
	if (wants_a && strcmp(label, "one") == 0) {
		n->asked++;
		if (n->one != NULL)
			len = put_answer(q, len, n->one);
		if (n->one != NULL && n->two != NULL)
			len = put_answer(q, len, n->two);
	}
	(void)sendto(n->watch.fd, q, len, 0, (struct sockaddr *)&from,
	    from_len);
}

static void
nameserver_start(struct nameserver *n, struct loop *loop)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(n, 0, sizeof(*n));
	if (address_parse(&at, "127.0.0.1:0") != OK ||
	    bind(fd, (struct sockaddr *)&at, address_len(&at)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		abort();
	n->at = at;
	watch_init(&n->watch, loop, fd, on_query, n);
	watch_read(&n->watch, true);
}

struct found {
	struct loop *loop;
	enum err err;
	size_t count;
	char first[ADDRESS_TEXT_MAX];
	char why[BACKEND_LOOKUP_WHY];
	int calls;
};

static void
on_found(void *arg, enum err err, const struct sockaddr_storage *list,
    size_t count, const char *why)
{
	struct found *f = arg;

	f->err = err;
	f->count = count;
	f->calls++;
	snprintf(f->why, sizeof(f->why), "%s", why);
	if (count > 0)
		address_text(f->first, &list[0]);
	loop_stop(f->loop);
}

static struct found
look_up(struct loop *loop, struct backend_resolver *r, const char *name)
{
	struct found f = { .loop = loop };
	struct backend_lookup *l;

	if (backend_lookup_start(&l, r, loop, name, on_found, &f) != OK ||
	    f.calls > 0)
		abort(); /* never from inside the start */
	if (!net_kit_run(loop, NET_KIT_TIMEOUT_MS))
		backend_lookup_cancel(l);
	return f;
}

static void
test_lookup(struct loop *loop, struct nameserver *n, struct backend_resolver *r)
{
	struct found f;
	uint64_t began;

	n->one = "127.0.0.9";
	f = look_up(loop, r, "one.test");
	ok(f.calls == 1 && f.err == OK, "a name is found");
	is_int((long long)f.count, 1, "it has one address");
	is_str(f.first, "127.0.0.9", "the right one");
	n->two = "127.0.0.8";
	(void)net_kit_run(loop,
	    400); /* an answer that is fresh is given again */
	f = look_up(loop, r, "one.test");
	is_int((long long)f.count, 2, "or two");
	n->two = NULL;
	f = look_up(loop, r, "none.test");
	is_int(f.err, ERR_RESOLVE, "a name that does not exist");
	ok(strstr(f.why, "(none.test: 127.0.0.1 NXDOMAIN)") != NULL,
	    "the reason names the question, the server and its answer: %s",
	    f.why);
	f = look_up(loop, r, "localhost");
	ok(f.err == OK, "the hosts file is read, too: %s", f.first);
	f = look_up(loop, r, "192.0.2.1");
	is_str(f.first, "192.0.2.1", "a number is its own name");
	began = clock_mono_ms();
	f = look_up(loop, r, "half.test");
	is_str(f.first, "127.0.0.7", "without an answer for AAAA, A will do");
	ok(clock_mono_ms() - began < 2500, "after a short wait");
}

/* Several workers ask for the same name. */
static void
test_shared(struct loop *loop, struct nameserver *n, struct backend_resolver *r)
{
	struct found f[3] = { { .loop = loop }, { .loop = loop },
		{ .loop = loop } };
	struct backend_lookup *l[3];
	int before = n->asked;
	int i;

	n->one = "127.0.0.9";
	(void)net_kit_run(loop, 400);
	for (i = 0; i < 3; i++)
		if (backend_lookup_start(&l[i], r, loop, "one.test", on_found,
			&f[i]) != OK)
			abort();
	backend_lookup_cancel(l[1]);
	while (f[0].calls == 0 || f[2].calls == 0)
		if (!net_kit_run(loop, NET_KIT_TIMEOUT_MS))
			break;
	ok(f[0].err == OK && f[0].count == 1 && f[2].count == 1,
	    "one answer serves all that asked for a name");
	is_int(f[1].calls, 0, "except the one that is cancelled");
	is_int(n->asked - before, 1, "and the nameserver is asked once");
}

static void
test_cancel(struct loop *loop, struct backend_resolver *r)
{
	struct found f = { .loop = loop };
	struct backend_lookup *l;

	if (backend_lookup_start(&l, r, loop, "silent.test", on_found, &f) !=
	    OK)
		abort();
	net_kit_turns(loop);
	backend_lookup_cancel(l);
	backend_lookup_cancel(NULL);
	net_kit_turns(loop);
	is_int(f.calls, 0, "a cancelled lookup is silent");
	/* The resolver is freed while a thread waits for the answer. */
	if (backend_lookup_start(&l, r, loop, "silent.test", on_found, &f) !=
	    OK)
		abort();
	net_kit_turns(loop);
	backend_lookup_cancel(l);
}

struct call {
	struct loop *loop;
	enum reason reason;
	char text[256];
};

static void
on_dialled(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct call *c = arg;

	c->reason = reason;
	snprintf(c->text, sizeof(c->text), "%s", text);
	stream_close(broker);
	loop_stop(c->loop);
}

static struct call
dial(struct loop *loop, struct backend_pool *p)
{
	struct backend_dial_request r = { { NULL, 0 }, { NULL, 0 } };
	struct call c = { .loop = loop, .reason = REASON_COUNT };
	struct backend_dial *d;

	if (backend_dial_start(&d, p, &r, on_dialled, &c) != OK)
		abort();
	if (!net_kit_run(loop, NET_KIT_TIMEOUT_MS))
		backend_dial_cancel(d);
	return c;
}

/* Runs the loop until the nameserver was asked again and has answered. */
static bool
await_question(struct loop *loop, struct nameserver *n)
{
	int before = n->asked;
	int i;

	for (i = 0; i < 500 && n->asked == before; i++)
		(void)net_kit_run(loop, 10);
	net_kit_turns(loop);
	return n->asked > before;
}

/* A listener on 127.0.0.1; the same port at 127.0.0.2 is free for another. */
static void
test_pool(struct loop *loop, struct nameserver *n, struct backend_resolver *r)
{
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 20);
	char name[64], here[64];
	const char *addresses[] = { name };
	struct backend_options o = { .name = "x",
		.addresses = addresses,
		.address_count = 1,
		.resolve_ms = 400, /* longer than an answer is fresh */
		.timeout_ms = 2000 };
	struct backend_pool *p;
	struct call c;
	int tries;

	snprintf(name, sizeof(name), "one.test:%u", address_port(&at));
	snprintf(here, sizeof(here), "127.0.0.1:%u", address_port(&at));
	n->one = "127.0.0.1";
	(void)net_kit_run(loop, 400); /* the last answer is fresh no more */
	if (backend_pool_new(&p, loop, r, &o) != OK)
		abort();
	c = dial(loop, p);
	is_int(c.reason, REASON_NONE, "a dial waits for its name");
	is_str(c.text, here, "and says what it stood for");
	ok(await_question(loop, n), "the name is asked again");
	n->one = NULL;
	ok(await_question(loop, n), "and again, without an answer");
	c = dial(loop, p);
	is_int(c.reason, REASON_NONE, "the last good one is kept");
	n->one = "127.0.0.2";
	ok(await_question(loop, n), "now it is somewhere else");
	/* The answer comes from another thread. */
	for (tries = 0; tries < 50; tries++) {
		c = dial(loop, p);
		if (c.reason != REASON_NONE)
			break;
		(void)net_kit_run(loop, 20);
	}
	is_int(c.reason, REASON_BACKEND_UNREACHABLE, "where no server listens");
	n->one = "127.0.0.2";
	n->two = "127.0.0.1";
	ok(await_question(loop, n), "or at two places");
	for (tries = 0; tries < 50; tries++) {
		c = dial(loop, p);
		if (c.reason == REASON_NONE)
			break;
		(void)net_kit_run(loop, 20);
	}
	is_str(c.text, here, "of which one answers");
	n->two = NULL;
	backend_pool_put(p);
	close(listener);
}

/* A pod gets a new address: its old one fails, so the name is asked at once. */
static void
test_doubt(struct loop *loop, struct nameserver *n, struct backend_resolver *r)
{
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 20);
	char name[64];
	const char *addresses[] = { name };
	struct backend_options o = { .hold = true,
		.name = "x",
		.addresses = addresses,
		.address_count = 1,
		.resolve_ms = 600000,
		.timeout_ms = 4000,
		.backoff_ms = 50,
		.backoff_max_ms = 300 };
	struct backend_pool *p;
	struct call c;

	snprintf(name, sizeof(name), "one.test:%u", address_port(&at));
	n->one = "127.0.0.2";
	(void)net_kit_run(loop, 400);
	if (backend_pool_new(&p, loop, r, &o) != OK)
		abort();
	ok(await_question(loop, n), "a name");
	n->one = "127.0.0.1";
	c = dial(loop, p);
	is_int(c.reason, REASON_NONE, "that moved is found by the same dial");
	backend_pool_put(p);
	close(listener);
}

/* The broker is away and so is the nameserver: who is not to be held does not
 * wait for either. */
static void
test_silence(struct loop *loop, struct nameserver *n,
    struct backend_resolver *r)
{
	struct sockaddr_storage at = net_kit_refused();
	char name[64];
	const char *addresses[] = { name };
	struct backend_options o = { .name = "x",
		.addresses = addresses,
		.address_count = 1,
		.resolve_ms = 600000,
		.timeout_ms = 3000 };
	struct backend_pool *p;
	uint64_t began;
	struct call c;

	snprintf(name, sizeof(name), "one.test:%u", address_port(&at));
	n->one = "127.0.0.1";
	(void)net_kit_run(loop, 400);
	if (backend_pool_new(&p, loop, r, &o) != OK)
		abort();
	ok(await_question(loop, n), "a name is found");
	(void)net_kit_run(loop, 1100); /* a doubt so soon sends no query */
	n->silent = true;
	began = clock_mono_ms();
	c = dial(loop, p);
	is_int(c.reason, REASON_BACKEND_UNREACHABLE,
	    "what it stands for fails");
	ok(clock_mono_ms() - began < 1500, "and that is said at once");
	n->silent = false;
	backend_pool_put(p);
}

static void
test_nothing(struct loop *loop, struct backend_resolver *r)
{
	const char *addresses[] = { "none.test:1" };
	struct backend_options o = { .hold = true,
		.name = "x",
		.addresses = addresses,
		.address_count = 1,
		.timeout_ms = 150 };
	struct backend_pool *p;
	struct call c;

	if (backend_pool_new(&p, loop, r, &o) != OK)
		abort();
	c = dial(loop, p);
	is_int(c.reason, REASON_BACKEND_UNREACHABLE, "a name that is none");
	ok(strncmp(c.text, "none.test:1: ", 13) == 0, "it says which: %s",
	    c.text);
	ok(!backend_pool_up(p), "its pool is not up");
	backend_pool_put(p);
	o.hold = false;
	o.timeout_ms = 3000;
	if (backend_pool_new(&p, loop, r, &o) != OK)
		abort();
	c = dial(loop, p);
	is_int(c.reason, REASON_BACKEND_UNREACHABLE,
	    "refuse: when it is known");
	backend_pool_put(p);
}

/* No thread, and no question, before the sandbox. */
static void
test_hold(struct loop *loop, struct nameserver *n)
{
	struct backend_resolver *r = backend_resolver_new();
	struct found f = { .loop = loop };
	struct backend_lookup *l;
	int before = n->asked;

	backend_resolver_set_nameserver(r, &n->at);
	backend_resolver_hold(r);
	n->one = "127.0.0.9";
	if (backend_lookup_start(&l, r, loop, "one.test", on_found, &f) != OK)
		abort();
	(void)net_kit_run(loop, 200);
	ok(f.calls == 0 && n->asked == before,
	    "a held resolver sends no query");
	is_int(backend_resolver_release(r), OK, "it is released");
	if (f.calls == 0)
		(void)net_kit_run(loop, NET_KIT_TIMEOUT_MS);
	ok(f.calls == 1 && f.err == OK, "and then answers");
	backend_resolver_free(r);
}

int
main(void)
{
	struct loop *loop = loop_new();
	struct nameserver n;
	struct backend_resolver *r;

	log_set_level(LOG_LEVEL_ERROR);
	nameserver_start(&n, loop);
	r = backend_resolver_new();
	backend_resolver_set_nameserver(r, &n.at);
	test_lookup(loop, &n, r);
	test_shared(loop, &n, r);
	test_pool(loop, &n, r);
	test_doubt(loop, &n, r);
	test_silence(loop, &n, r);
	test_nothing(loop, r);
	test_cancel(loop, r);
	backend_resolver_free(r);
	test_hold(loop, &n);
	r = backend_resolver_new();
	ok(look_up(loop, r, "localhost").err == OK, "resolv.conf is read");
	backend_resolver_free(r);
	backend_resolver_free(NULL);
	watch_fini(&n.watch);
	loop_free(loop);
	return done_testing();
}
