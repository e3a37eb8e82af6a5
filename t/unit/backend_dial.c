/* SPDX-License-Identifier: ISC */
/*
 * Dialling over real sockets: what answers, what refuses, what stays silent,
 * and what is no endpoint's fault.
 */
#include "backend/dial.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dial_kit.h"
#include "io/timer.h"
#include "net_kit.h"
#include "tap.h"

static void
test_tcp(struct loop *loop)
{
	struct backend_options o = { .hold = true };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	uint8_t out[STREAM_HEADROOM + 5];
	char in[16];
	int fd;

	dial_kit_start(s, 0, "device", "PROXY UNKNOWN\r\n");
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "a broker is dialled");
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
	dial_kit_end(s);
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

struct later {
	struct timer timer;
	int listener;
	int accepted;
};

static void
accept_one(void *arg)
{
	struct later *l = arg;

	l->accepted = accept(l->listener, NULL, NULL);
}

/* A unix socket says at once that its queue is full. */
static void
test_unix(struct loop *loop)
{
	struct backend_options o = { .hold = true, .timeout_ms = 2000 };
	struct sockaddr_storage at = unix_path("broker");
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct later later = { .listener = dial_kit_listen(&at, 0) };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);

	ok(dial_kit_all(s, 1), "a unix socket is dialled");
	is_int(s->call[0].reason, REASON_NONE, "with success");
	is_str(s->call[0].text, addresses[0], "and it says where");
	timer_init(&later.timer, loop, accept_one, &later);
	timer_start(&later.timer, 70);
	ok(dial_kit_all(s, 2), "its queue is full");
	is_int(s->call[1].reason, REASON_NONE, "until the server accepts");
	ok(backend_pool_up(s->pool), "which is no fault of the broker");
	close(later.accepted);
	close(later.listener);
	dial_kit_end(s);
	o.timeout_ms = 100;
	s = dial_kit_begin(loop, addresses, &o);
	ok(dial_kit_all(s, 1), "no server listens there any more");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	dial_kit_end(s);
}

static void
test_refused(struct loop *loop)
{
	struct backend_options o = { .hold = true, .timeout_ms = 150 };
	struct sockaddr_storage at = net_kit_refused();
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	uint64_t began = clock_mono_ms();
	char want[256];

	snprintf(want, sizeof(want), "%s: Connection refused", addresses[0]);
	ok(dial_kit_all(s, 2), "no server listens");
	ok(clock_mono_ms() - began >= 140, "hold: until the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	is_str(s->call[0].text, want, "and it says why");
	is_int(s->call[1].reason, REASON_BACKEND_UNREACHABLE,
	    "so is one that only waited");
	is_str(s->call[1].text, want, "which says why as well");
	ok(!backend_pool_up(s->pool), "the pool is down");
	dial_kit_end(s);
	o.hold = false;
	s = dial_kit_begin(loop, addresses, &o);
	began = clock_mono_ms();
	ok(dial_kit_all(s, 1), "refuse: at once");
	ok(clock_mono_ms() - began < 100, "that is, before the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_UNREACHABLE, "unreachable");
	is_str(s->call[0].text, want, "and it says why");
	ok(dial_kit_all(s, 3), "two more while it is left alone");
	is_int(s->call[2].reason, REASON_BACKEND_UNREACHABLE, "try it anyway");
	dial_kit_end(s);
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
	struct backend_options o = { .hold = true, .timeout_ms = 120 };
	struct sockaddr_storage hole, good;
	int filler[4];
	int hole_fd = net_kit_black_hole(&hole, filler);
	int good_fd = net_kit_listen(&good, 5);
	const char *const one[] = { dial_kit_text(&hole), NULL };
	const char *const two[] = { dial_kit_text(&hole), dial_kit_text(&good),
		NULL };
	struct dial_kit *s = dial_kit_begin(loop, one, &o);
	uint64_t began = clock_mono_ms();

	ok(dial_kit_all(s, 1), "no answer at all");
	ok(clock_mono_ms() - began >= 110, "until the deadline");
	is_int(s->call[0].reason, REASON_BACKEND_TIMEOUT, "is a timeout");
	dial_kit_end(s);
	o.timeout_ms = 400;
	s = dial_kit_begin(loop, two, &o);
	began = clock_mono_ms();
	ok(dial_kit_all(s, 1), "a second address has its share of the time");
	is_int(s->call[0].reason, REASON_NONE, "and answers");
	is_str(s->call[0].text, two[1], "in place of the first");
	ok(clock_mono_ms() - began >= 180, "after half of it");
	began = clock_mono_ms();
	ok(dial_kit_all(s, 2), "the next dial");
	ok(clock_mono_ms() - began < 100, "does not wait for the first again");
	dial_kit_end(s);
	o.attempt_ms = 50;
	s = dial_kit_begin(loop, two, &o);
	began = clock_mono_ms();
	ok(dial_kit_all(s, 1) && s->call[0].reason == REASON_NONE,
	    "with a limit for each try");
	ok(clock_mono_ms() - began < 180, "it is sooner");
	dial_kit_end(s);
	close_filler(filler);
	close(hole_fd);
	close(good_fd);
}

static void
stop_loop(void *arg)
{
	loop_stop(arg);
}

/* The process is stopped for longer than the dial may take. */
static void
test_standstill(struct loop *loop)
{
	struct backend_options o = { .hold = true, .timeout_ms = 400 };
	struct sockaddr_storage hole, good;
	int filler[4];
	int hole_fd = net_kit_black_hole(&hole, filler);
	int good_fd = net_kit_listen(&good, 5);
	const char *const two[] = { dial_kit_text(&hole), dial_kit_text(&good),
		NULL };
	struct dial_kit *s = dial_kit_begin(loop, two, &o);
	uint64_t until = clock_mono_ms() + 1000;
	struct timer timer;

	timer_init(&timer, loop, stop_loop, loop);
	timer_start(&timer, 10);
	dial_kit_start(s, 0, "device", "");
	loop_run(loop);
	while (clock_mono_ms() < until)
		;
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "after a standstill");
	is_int(s->call[0].reason, REASON_NONE, "the dial goes on");
	is_str(s->call[0].text, two[1], "to the second address");
	dial_kit_end(s);
	close_filler(filler);
	close(hole_fd);
	close(good_fd);
}

/* However long the back-off: with nowhere else to go, one look a second. */
static void
test_eager(struct loop *loop)
{
	struct backend_options o = { .hold = true,
		.timeout_ms = 4000,
		.backoff_ms = 60000,
		.backoff_max_ms = 60000 };
	struct dial_kit_comeback back = { .at = net_kit_refused() };
	struct sockaddr_storage other = net_kit_refused();
	const char *const addresses[] = { dial_kit_text(&back.at),
		dial_kit_text(&other), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	uint64_t began = clock_mono_ms();

	dial_kit_come_back(&back, loop, 50);
	ok(dial_kit_all(s, 1), "both are down");
	is_int(s->call[0].reason, REASON_NONE, "one comes back");
	ok(clock_mono_ms() - began < 2000, "it is found in a second");
	dial_kit_end(s);
	close(back.listener);
}

static void
test_sources(struct loop *loop)
{
	static const char *const sources[] = { "127.0.0.2", "::1",
		"127.0.0.3" };
	struct backend_options o = { .hold = true,
		.sources = sources,
		.source_count = 3 };
	struct sockaddr_storage at, peer;
	int listener = net_kit_listen(&at, 20);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	socklen_t len;
	char text[ADDRESS_TEXT_MAX];
	int i, fd, two = 0, three = 0;

	ok(dial_kit_all(s, 10), "ten dials from two addresses");
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
	dial_kit_end(s);
	close(listener);
}

/* The first broker hangs: the queue of its unix socket is full. */
static void
test_full_queue(struct loop *loop)
{
	struct backend_options o = { .hold = true, .timeout_ms = 4000 };
	struct sockaddr_storage at, hung;
	int listener = net_kit_listen(&at, 20);
	const char *const addresses[] = { "unix:dial-full.sock",
		dial_kit_text(&at), NULL };
	struct dial_kit *s;
	int fill[4];
	int fd, i;

	(void)unlink("dial-full.sock");
	if (address_parse(&hung, addresses[0]) != OK)
		abort();
	fd = dial_kit_listen(&hung, 0);
	for (i = 0; i < 4; i++) {
		fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&hung,
		    address_len(&hung));
	}
	s = dial_kit_begin(loop, addresses, &o);
	ok(dial_kit_all(s, 5), "the first broker's queue is full");
	for (i = 0; i < 5 && s->call[i].reason == REASON_NONE; i++)
		;
	is_int(i, 5, "five of five dials reach the second");
	(void)net_kit_run(loop, BACKEND_FULL_MS + 100);
	ok(dial_kit_all(s, 6), "one more, a second later");
	is_int(s->call[5].reason, REASON_NONE, "reaches it as well");
	for (i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
	dial_kit_end(s);

	/* Alone, a full queue is waited for. */
	(void)unlink("dial-full.sock");
	fd = dial_kit_listen(&hung, 0);
	for (i = 0; i < 4; i++) {
		fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&hung,
		    address_len(&hung));
	}
	o.timeout_ms = 200;
	{
		const char *const alone[] = { "unix:dial-full.sock", NULL };

		s = dial_kit_begin(loop, alone, &o);
	}
	ok(dial_kit_all(s, 1), "a full queue and no other broker");
	is_int(s->call[0].reason, REASON_BACKEND_BUSY, "busy at the deadline");
	ok(strstr(s->call[0].text, "queue of connections is full") != NULL,
	    "and it says why: %s", s->call[0].text);
	ok(backend_pool_up(s->pool), "which is no failure so soon");
	dial_kit_end(s);
	for (i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
	(void)unlink("dial-full.sock");
	close(listener);
}

static void
test_no_descriptors(struct loop *loop)
{
	struct backend_options o = { .hold = true, .timeout_ms = 120 };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);
	struct rlimit old, tight;
	int probe = dup(0);

	close(probe);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)probe;
	setrlimit(RLIMIT_NOFILE, &tight);
	ok(dial_kit_all(s, 1), "no descriptor is left");
	setrlimit(RLIMIT_NOFILE, &old);
	is_int(s->call[0].reason, REASON_BACKEND_BUSY, "busy");
	ok(strstr(s->call[0].text, "Too many open files") != NULL,
	    "and it says why: %s", s->call[0].text);
	ok(backend_pool_up(s->pool), "the broker is not to blame");
	dial_kit_end(s);
	close(listener);
}

/* A dial keeps its pool, which a reload has let go. */
static void
test_pool_goes(struct loop *loop)
{
	struct backend_options o = { .hold = true };
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, 5);
	const char *const addresses[] = { dial_kit_text(&at), NULL };
	struct dial_kit *s = dial_kit_begin(loop, addresses, &o);

	dial_kit_start(s, 0, "", "");
	backend_pool_put(s->pool);
	s->pool = NULL;
	s->stop_at = 1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "the pool is put");
	is_int(s->call[0].reason, REASON_NONE, "the dial goes on");
	dial_kit_end(s);
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
	struct backend_options o = { .hold = true, .name = "x" };
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
	test_standstill(loop);
	test_eager(loop);
	test_sources(loop);
	test_full_queue(loop);
	test_no_descriptors(loop);
	test_pool_goes(loop);
	test_options(loop);
	loop_free(loop);
	snprintf(path, sizeof(path), "%s/broker", dir);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
