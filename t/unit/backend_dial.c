/*
 * Dialling over real sockets: what answers, what refuses, what stays silent,
 * and what comes back; the queue, the pace and giving up.
 */
#include "backend/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/timer.h"
#include "net_kit.h"
#include "tap.h"

#define MANY 300

/* What one dial came to. */
struct call {
	struct seen *seen;
	struct backend_dial *dial;
	enum reason reason;
	struct stream *broker;
	char text[256];
	int calls;
	struct call *cancel; /* another one to cancel in the callback */
};

struct seen {
	struct loop *loop;
	struct backend_pool *pool;
	int ended;
	int stop_at;
	struct call call[MANY];
};

static void
on_done(void *arg, enum reason reason, struct stream *broker, const char *text)
{
	struct call *c = arg;

	c->dial = NULL;
	c->reason = reason;
	c->broker = broker;
	c->calls++;
	snprintf(c->text, sizeof(c->text), "%s", text);
	if (c->cancel != NULL)
		backend_dial_cancel(c->cancel->dial);
	if (++c->seen->ended == c->seen->stop_at)
		loop_stop(c->seen->loop);
}

/* One pool for the addresses given, the last NULL. */
static struct seen *
begin(struct loop *loop, const char *const *addresses,
    const struct backend_options *options)
{
	struct seen *s = calloc(1, sizeof(*s));
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

static void
dial_with(struct seen *s, int n, const char *client_id, const char *header)
{
	struct backend_dial_request r = { slice_str(client_id),
		slice_str(header) };
	struct call *c = &s->call[n];

	c->seen = s;
	if (backend_dial_start(&c->dial, s->pool, &r, on_done, c) != OK ||
	    c->calls > 0)
		abort(); /* never from inside the start */
}

/* Starts dials up to number n - 1 and runs until all have ended. */
static bool
dial_all(struct seen *s, int n)
{
	int i;

	for (i = s->stop_at; i < n; i++)
		dial_with(s, i, "device", "");
	s->stop_at = n;
	return net_kit_run(s->loop, NET_KIT_PATIENCE_MS);
}

static void
end(struct seen *s)
{
	int i;

	for (i = 0; i < MANY; i++)
		stream_close(s->call[i].broker);
	backend_pool_put(s->pool);
	net_kit_turns(s->loop);
	free(s);
}

static char *
text_of(const struct sockaddr_storage *at)
{
	static char text[4][ADDRESS_TEXT_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	address_text_port(text[turn], at);
	return text[turn];
}

static void
test_tcp(struct loop *loop)
{
	struct backend_options o = { 0 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	uint8_t out[STREAM_HEADROOM + 5];
	char in[16];
	int fd;

	dial_with(s, 0, "device", "PROXY UNKNOWN\r\n");
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "a broker is dialled");
	is_int(s->call[0].reason, REASON_NONE, "with success");
	is_str(s->call[0].text, addresses[0], "and it says where");
	memcpy(out + STREAM_HEADROOM, "hello", 5);
	is_int(stream_write(s->call[0].broker, out + STREAM_HEADROOM, 5), 5,
	    "it can be written to at once");
	fd = accept(listener, NULL, NULL);
	is_int(recv(fd, in, 15, MSG_WAITALL), 15, "the header comes first");
	ok(memcmp(in, "PROXY UNKNOWN\r\n", 15) == 0, "as it was given");
	is_int(recv(fd, in, 5, MSG_WAITALL), 5, "then what was written");
	is_int((long long)backend_pool_counts(s->pool)->dials, 1, "one dial");
	is_int((long long)backend_pool_counts(s->pool)->dialled, 1, "one made");
	is_int((long long)backend_pool_counts(s->pool)->held, 0, "none held");
	close(fd);
	close(listener);
	end(s);
}

static struct sockaddr_storage
unix_path(const char *name)
{
	static char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage at;

	snprintf(text, sizeof(text), "unix:%s/%s", getenv("TEST_DIR"), name);
	if (address_parse(&at, text) != OK)
		abort();
	return at;
}

static int
listen_at(const struct sockaddr_storage *at, int backlog)
{
	static const int on = 1;
	int fd = socket(at->ss_family, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)at, address_len(at)) == -1 ||
	    listen(fd, backlog) == -1)
		abort();
	return fd;
}

struct later {
	struct timer timer;
	int listener;
	int accepted[8];
	int count;
	struct sockaddr_storage at;
};

static void
accept_one(void *arg)
{
	struct later *l = arg;

	l->accepted[l->count++] = accept(l->listener, NULL, NULL);
}

/* A unix socket says at once that its queue is full. */
static void
test_unix(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 2000 };
	struct sockaddr_storage at = unix_path("broker");
	const char *const addresses[] = { text_of(&at), NULL };
	struct later later = { .listener = listen_at(&at, 0) };
	struct seen *s = begin(loop, addresses, &o);

	ok(dial_all(s, 1), "a unix socket is dialled");
	is_int(s->call[0].reason, REASON_NONE, "with success");
	is_str(s->call[0].text, addresses[0], "and it says where");
	timer_init(&later.timer, loop, accept_one, &later);
	timer_start(&later.timer, 70);
	ok(dial_all(s, 2), "its queue is full");
	is_int(s->call[1].reason, REASON_NONE, "until somebody accepts");
	ok(backend_pool_up(s->pool), "which is no fault of the broker");
	close(later.accepted[0]);
	close(later.listener);
	end(s);
	o.timeout_ms = 100;
	s = begin(loop, addresses, &o);
	ok(dial_all(s, 1), "nobody listens there any more");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	end(s);
}

static void
test_refused(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 150 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	uint64_t began = clock_mono_ms();
	char want[256];

	snprintf(want, sizeof(want), "%s: Connection refused", addresses[0]);
	ok(dial_all(s, 2), "nobody listens");
	ok(clock_mono_ms() - began >= 140, "hold: until the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	is_str(s->call[0].text, want, "and it says why");
	is_int(s->call[1].reason, REASON_BACKEND_UNREACHABLE,
	    "so is one that only waited");
	is_str(s->call[1].text, want, "which says why as well");
	ok(!backend_pool_up(s->pool), "the pool is down");
	end(s);
	o.hold = BACKEND_REFUSE;
	s = begin(loop, addresses, &o);
	began = clock_mono_ms();
	ok(dial_all(s, 1), "refuse: at once");
	ok(clock_mono_ms() - began < 100, "that is, before the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	is_str(s->call[0].text, want, "and it says why");
	ok(dial_all(s, 3), "two more while it is left alone");
	is_int(s->call[2].reason, REASON_BACKEND_UNREACHABLE, "try it anyway");
	end(s);
}

static void
close_filler(int *filler)
{
	int i;

	for (i = 0; i < 4; i++)
		close(filler[i]);
}

static void
test_black_hole(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 120 };
	struct sockaddr_storage hole, good;
	int filler[4];
	int hole_fd = net_kit_black_hole(&hole, filler);
	int good_fd = net_kit_listen(&good, 5);
	const char *const one[] = { text_of(&hole), NULL };
	const char *const two[] = { text_of(&hole), text_of(&good), NULL };
	struct seen *s = begin(loop, one, &o);
	uint64_t began = clock_mono_ms();

	ok(dial_all(s, 1), "no answer at all");
	ok(clock_mono_ms() - began >= 110, "until the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_TIMEOUT, "is a timeout");
	end(s);
	o.timeout_ms = 400;
	s = begin(loop, two, &o);
	began = clock_mono_ms();
	ok(dial_all(s, 1), "a second address has its share of the time");
	is_int(s->call[0].reason, REASON_NONE, "and answers");
	is_str(s->call[0].text, two[1], "in place of the first");
	ok(clock_mono_ms() - began >= 180, "after half of it");
	began = clock_mono_ms();
	ok(dial_all(s, 2), "the next dial");
	ok(clock_mono_ms() - began < 100, "does not wait for the first again");
	end(s);
	o.attempt_ms = 50;
	s = begin(loop, two, &o);
	began = clock_mono_ms();
	ok(dial_all(s, 1) && s->call[0].reason == REASON_NONE,
	    "with a limit for each try");
	ok(clock_mono_ms() - began < 180, "it is sooner");
	end(s);
	close_filler(filler);
	close(hole_fd);
	close(good_fd);
}

static void
come_back(void *arg)
{
	struct later *l = arg;

	l->listener = listen_at(&l->at, MANY);
}

/* The broker restarts: all wait, one tries, all get in. */
static void
test_hold(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 3000,
		.backoff_ms = 20,
		.backoff_max_ms = 40 };
	struct later later = { .at = net_kit_refused() };
	const char *const addresses[] = { text_of(&later.at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	int good = 0;
	int i;

	timer_init(&later.timer, loop, come_back, &later);
	timer_start(&later.timer, 150);
	ok(dial_all(s, MANY), "%d dials while the broker is away", MANY);
	for (i = 0; i < MANY; i++)
		good += s->call[i].reason == REASON_NONE;
	is_int(good, MANY, "all get in when it is back");
	is_int((long long)backend_pool_counts(s->pool)->waiting, 0,
	    "nobody waits any more");
	is_int((long long)backend_pool_counts(s->pool)->held, MANY,
	    "all had waited");
	end(s);
	close(later.listener);
}

struct tally {
	int count;
	enum backend_state state;
	uint64_t failed;
	char error[128];
	char endpoint[ADDRESS_TEXT_MAX];
	char address[ADDRESS_TEXT_MAX];
};

static void
tally(const struct backend_status *st, void *arg)
{
	struct tally *t = arg;

	t->count++;
	t->state = st->state;
	t->failed = st->failed;
	snprintf(t->error, sizeof(t->error), "%s", st->error);
	snprintf(t->endpoint, sizeof(t->endpoint), "%s", st->endpoint);
	snprintf(t->address, sizeof(t->address), "%s", st->address);
}

/* While a broker is away it sees one try now and then, not a storm. */
static void
test_trials(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 300,
		.backoff_ms = 50,
		.backoff_max_ms = 50 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	struct tally t = { 0 };

	dial_with(s, 0, "", "");
	net_kit_turns(loop);
	s->stop_at = 1;
	ok(dial_all(s, 100), "100 dials to somebody who is away");
	backend_pool_each(s->pool, tally, &t);
	is_int(t.count, 1, "one endpoint");
	ok(t.failed >= 3 && t.failed <= 10, "%d tries in 300 ms",
	    (int)t.failed);
	is_int(t.state, BACKEND_DOWN, "it is down");
	is_str(t.error, "Connection refused", "and it says why");
	is_str(t.endpoint, addresses[0], "and where");
	end(s);
}

static void
test_queue(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 120, .queue = 3 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	int i, busy = 0;

	dial_with(s, 0, "", "");
	net_kit_turns(loop);
	s->stop_at = 1;
	ok(dial_all(s, 8), "eight dials, three may wait");
	for (i = 0; i < 8; i++)
		busy += s->call[i].reason == REASON_BACKEND_BUSY;
	is_int(busy, 5, "five are told that it is busy");
	is_str(s->call[7].text, "too many wait for [backend test]", "and why");
	is_int((long long)backend_pool_counts(s->pool)->busy, 5, "counted");
	end(s);
}

static void
test_pace(struct loop *loop)
{
	struct ratelimit pace;
	struct backend_options o = { .pace = &pace };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 50);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s;
	uint64_t began, took;

	ratelimit_init(&pace, 100, 1);
	s = begin(loop, addresses, &o);
	began = clock_mono_ms();
	ok(dial_all(s, 21), "21 dials at 100 a second");
	took = clock_mono_ms() - began;
	ok(took >= 195 && took < 1000, "take 200 ms: %d", (int)took);
	end(s);
	o.timeout_ms = 55;
	s = begin(loop, addresses, &o);
	ok(dial_all(s, 20), "some do not get their turn in time");
	is_int(s->call[19].reason, REASON_BACKEND_BUSY, "they hear busy");
	end(s);
	close(listener);
}

static void
test_cancel(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 150, .backoff_ms = 1000 };
	struct sockaddr_storage hole;
	int filler[4];
	int hole_fd = net_kit_black_hole(&hole, filler);
	const char *const addresses[] = { text_of(&hole), NULL };
	struct seen *s = begin(loop, addresses, &o);

	dial_with(s, 0, "", "");
	dial_with(s, 1, "", "");
	net_kit_turns(loop);
	backend_dial_cancel(s->call[0].dial); /* while trying */
	backend_dial_cancel(s->call[0].dial); /* twice in one turn */
	backend_dial_cancel(NULL);
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "the other goes on");
	is_int(s->call[0].calls, 0, "the cancelled one is not told");
	is_int(s->call[1].calls, 1, "the other is");
	/* It is down now: dials wait. */
	dial_with(s, 2, "", "");
	backend_dial_cancel(s->call[2].dial);
	dial_with(s, 3, "", "");
	net_kit_turns(loop);
	backend_dial_cancel(s->call[3].dial);
	is_int((long long)backend_pool_counts(s->pool)->waiting, 0,
	    "cancelled ones do not wait");
	ok(!net_kit_run(loop, 200), "nor hear anything");
	is_int(s->call[2].calls + s->call[3].calls, 0, "ever");
	end(s);
	close_filler(filler);
	close(hole_fd);
}

/* Trials go round; whoever leaves during one does not take it along. */
static void
test_cancel_trial(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 4000,
		.attempt_ms = 20,
		.backoff_ms = 1,
		.backoff_max_ms = 1 };
	struct sockaddr_storage at;
	int filler[4];
	int listener = net_kit_black_hole(&at, filler);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	struct tally t = { 0 };
	int i;

	for (i = 0; i < 3; i++)
		dial_with(s, i, "", "");
	do {
		(void)net_kit_run(loop, 2);
		backend_pool_each(s->pool, tally, &t);
	} while (t.state != BACKEND_TRIAL);
	ok(true, "an endpoint is on trial");
	for (i = 0; i < 2; i++)
		backend_dial_cancel(s->call[i].dial);
	close_filler(filler);
	close(accept(listener, NULL, NULL));
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "two of three leave");
	is_int(s->call[2].reason, REASON_NONE, "the third gets through");
	end(s);
	close(listener);
}

static void
test_cancel_inside(struct loop *loop)
{
	struct backend_options o = { 0 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);

	dial_with(s, 0, "", "");
	dial_with(s, 1, "", "");
	s->call[0].cancel = &s->call[1];
	s->call[1].cancel = &s->call[0];
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "one cancels the other");
	net_kit_turns(loop);
	is_int(s->call[0].calls + s->call[1].calls, 1, "which hears nothing");
	end(s);
	close(listener);
}

static void
test_sources(struct loop *loop)
{
	static const char *const sources[] = { "127.0.0.2", "::1",
		"127.0.0.3" };
	struct backend_options o = { .sources = sources, .source_count = 3 };
	struct sockaddr_storage at, peer;
	int listener = net_kit_listen(&at, 20);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	socklen_t len;
	char text[ADDRESS_TEXT_MAX];
	int i, fd, two = 0, three = 0;

	ok(dial_all(s, 10), "ten dials from two addresses");
	for (i = 0; i < 10; i++) {
		len = sizeof(peer);
		fd = accept(listener, (struct sockaddr *)&peer, &len);
		address_text(text, &peer);
		two += strcmp(text, "127.0.0.2") == 0;
		three += strcmp(text, "127.0.0.3") == 0;
		close(fd);
	}
	is_int(two, 5, "half from one");
	is_int(three, 5, "half from the other");
	end(s);
	close(listener);
}

static void
test_no_descriptors(struct loop *loop)
{
	struct backend_options o = { .timeout_ms = 120 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);
	struct rlimit old, tight;
	int probe = dup(0);

	close(probe);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)probe;
	setrlimit(RLIMIT_NOFILE, &tight);
	ok(dial_all(s, 1), "no descriptor is left");
	setrlimit(RLIMIT_NOFILE, &old);
	is_int(s->call[0].reason, REASON_BACKEND_BUSY, "busy");
	ok(strstr(s->call[0].text, "Too many open files") != NULL,
	    "and it says why: %s", s->call[0].text);
	ok(backend_pool_up(s->pool), "the broker is not to blame");
	end(s);
	close(listener);
}

/* A dial keeps its pool, which a reload has let go. */
static void
test_pool_goes(struct loop *loop)
{
	struct backend_options o = { 0 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { text_of(&at), NULL };
	struct seen *s = begin(loop, addresses, &o);

	dial_with(s, 0, "", "");
	backend_pool_put(s->pool);
	s->pool = NULL;
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "the pool is put");
	is_int(s->call[0].reason, REASON_NONE, "the dial goes on");
	end(s);
	close(listener);
}

static void
test_options(struct loop *loop)
{
	static const char *const good[] = { "127.0.0.1:1", "[::1]:1883",
		"unix:/x", "broker:1883", "mq.example.org:1883", "1a:1" };
	static const char *const bad[] = { "", "broker", ":1883", "127.0.0.1:0",
		"broker:0", "127.0.0:1883", "1.2.3.4.5:1", "[broker]:1883",
		"[::1]", "unix:", "tcp://broker:1883" };
	static const char *const sources[] = { "localhost" };
	struct backend_options o = { .name = "x" };
	struct backend_pool *p = NULL;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(backend_address_check(good[i]), OK, "good: '%s'",
		    good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(backend_address_check(bad[i]), ERR_MALFORMED,
		    "bad: '%s'", bad[i]);
	is_int(backend_pool_new(&p, loop, NULL, &o), ERR_CONFIG,
	    "a pool needs an address");
	o.addresses = bad;
	o.address_count = 1;
	is_int(backend_pool_new(&p, loop, NULL, &o), ERR_CONFIG, "a good one");
	o.addresses = good;
	o.sources = sources;
	o.source_count = 1;
	is_int(backend_pool_new(&p, loop, NULL, &o), ERR_CONFIG,
	    "and sources that are numbers");
	o.source_count = 0;
	o.probe_password = "secret";
	is_int(backend_pool_new(&p, loop, NULL, &o), ERR_CONFIG,
	    "and no password without a user name");
	ok(p == NULL, "else none is made");
	net_kit_turns(loop);
}

int
main(void)
{
	struct loop *loop = loop_new();
	char dir[] = "/tmp/sallyport-dial-XXXXXX";
	char path[64];

	if (mkdtemp(dir) == NULL)
		abort();
	setenv("TEST_DIR", dir, 1);
	log_set_level(LOG_LEVEL_ERROR);
	test_tcp(loop);
	test_unix(loop);
	test_refused(loop);
	test_black_hole(loop);
	test_hold(loop);
	test_trials(loop);
	test_queue(loop);
	test_pace(loop);
	test_cancel(loop);
	test_cancel_trial(loop);
	test_cancel_inside(loop);
	test_sources(loop);
	test_no_descriptors(loop);
	test_pool_goes(loop);
	test_options(loop);
	loop_free(loop);
	snprintf(path, sizeof(path), "%s/broker", dir);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
