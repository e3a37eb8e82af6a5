/* SPDX-License-Identifier: ISC */
/*
 * Many devices that come back: each connects, and when it is thrown out comes
 * again after a while, as the MQTT libraries do it. Driven by words on stdin,
 * one a line; every line on stdout is an event, with milliseconds since the
 * start. Arguments are KEY=VALUE: port, cert, key, ca, devices, min, max (the
 * back-off in ms), concurrency. MQTT and TLS come from the benches' client.
 *
 *   says  all MS lost=N attempts=N     every device is in
 *         gone MS                      the first one fell out after that
 *         alive N                      answered a PINGREQ (after `ping')
 *         peak handshakes=N ahead=N    since the last `peak': most in any
 *                                      1 s, and how far they ever were before
 *                                      a steady rate from the first attempt
 */
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/args.h"
#include "bench/conn.h"
#include "bench/meter.h"

/* In the messages' count, which is of no use here: the device was in. */
#define WAS_IN UINT64_MAX

#define SLOTS 100 /* of 10 ms: one second */

/* Counts events in a window of one second that slides in steps of 10 ms. */
struct window {
	unsigned slots[SLOTS];
	unsigned sum;
	unsigned peak;
	uint64_t at; /* the present slot's number */
};

struct device {
	struct conn conn; /* first: cast from it */
	uint64_t due; /* ms: when to come again; 0 = under way, or in */
};

struct storm {
	struct conn_shape shape; /* first: cast from it */
	struct device *devices; /* owned */
	unsigned count;
	unsigned in;
	unsigned under_way;
	unsigned concurrency;
	unsigned min_ms;
	unsigned max_ms;
	unsigned alive;
	uint64_t lost;
	uint64_t attempts;
	uint64_t start; /* ns */
	uint64_t seed;
	bool told; /* that all are in */
	struct window handshakes;
	unsigned rate; /* of handshakes a second, to be held against */
	uint64_t first; /* ms of the first attempt since `peak'; 0 = none */
	uint64_t shaken; /* handshakes since then */
	int64_t ahead; /* the most they were before the rate */
};

static struct storm *
storm_of(const struct conn *c)
{
	return (struct storm *)(uintptr_t)c->shape;
}

static uint64_t
now_ms(const struct storm *s)
{
	return (meter_now_ns() - s->start) / 1000000;
}

static void
slide(struct window *w, uint64_t slot)
{
	unsigned steps = 0;

	while (w->at < slot && steps++ < SLOTS) {
		w->at++;
		w->sum -= w->slots[w->at % SLOTS];
		w->slots[w->at % SLOTS] = 0;
	}
	w->at = slot;
}

static void
count(struct window *w, uint64_t ms)
{
	slide(w, ms / 10);
	w->slots[w->at % SLOTS]++;
	w->sum++;
	if (w->sum > w->peak)
		w->peak = w->sum;
}

static uint32_t
random_number(struct storm *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return (uint32_t)(s->seed >> 16);
}

static void
tell_all(struct storm *s)
{
	printf("all %llu lost=%llu attempts=%llu\n",
	    (unsigned long long)now_ms(s), (unsigned long long)s->lost,
	    (unsigned long long)s->attempts);
	s->told = true;
}

static void
ready(struct conn *c)
{
	struct storm *s = storm_of(c);

	c->sent = WAS_IN;
	s->in++;
	s->under_way--;
	if (s->in == s->count)
		tell_all(s);
}

static void
failed(struct conn *c, const char *why)
{
	struct device *d = (struct device *)(void *)c;
	struct storm *s = storm_of(c);

	(void)why;
	d->due = now_ms(s) + s->min_ms +
	    random_number(s) % (s->max_ms - s->min_ms + 1);
	c->received = 0;
	if (c->sent == WAS_IN) {
		s->in--;
		s->lost++;
		if (s->told)
			printf("gone %llu\n", (unsigned long long)now_ms(s));
		s->told = false;
		return;
	}
	s->under_way--;
}

static void
packet(struct conn *c, unsigned type)
{
	storm_of(c)->alive += type == CONN_PINGRESP;
}

static void
writable(struct conn *c)
{
	(void)c;
}

/* A token bucket never lets more through than its rate since the start and its
 * burst, however late the machine makes us see it. */
static void
count_handshake(struct storm *s)
{
	uint64_t now = now_ms(s);
	int64_t due = (int64_t)((now - s->first) * s->rate / 1000);

	count(&s->handshakes, now);
	s->shaken++;
	if ((int64_t)s->shaken - due > s->ahead)
		s->ahead = (int64_t)s->shaken - due;
}

/* One event of a device. */
static void
turn(struct storm *s, struct conn *c)
{
	enum conn_phase before = c->phase;

	if (before >= CONN_DONE)
		return;
	conn_turn(c);
	if (before <= CONN_SHAKING && c->phase > CONN_SHAKING &&
	    c->phase < CONN_DONE)
		count_handshake(s);
}

/* Opens those whose time has come, but not all at once: the kernel's queues
 * are not what is to be tried. */
static void
open_due(struct storm *s)
{
	uint64_t now = now_ms(s);
	struct device *d;
	unsigned i;

	for (i = 0; i < s->count && s->under_way < s->concurrency; i++) {
		d = &s->devices[i];
		if (d->due == 0 || d->due > now)
			continue;
		d->due = 0;
		s->under_way++;
		s->attempts++;
		if (s->first == 0)
			s->first = now;
		conn_open(&d->conn, &s->shape, i);
	}
}

static void
ping_all(struct storm *s)
{
	uint8_t out[16];
	size_t len = conn_ping(out, false);
	unsigned i;

	s->alive = 0;
	for (i = 0; i < s->count; i++) {
		if (s->devices[i].conn.phase != CONN_READY)
			continue;
		(void)conn_send(&s->devices[i].conn, out, len);
		s->devices[i].conn.sent = WAS_IN;
	}
}

static void
poll_all(struct storm *s, int timeout)
{
	struct epoll_event events[256];
	int n = epoll_wait(s->shape.epoll, events, 256, timeout);
	int i;

	for (i = 0; i < n; i++)
		turn(s, events[i].data.ptr);
}

/* Carries out a word; false at the end of stdin. */
static bool
obey(struct storm *s)
{
	char line[64];
	uint64_t end;

	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	if (strcmp(line, "ping\n") == 0) {
		ping_all(s);
		end = now_ms(s) + 3000;
		while (s->alive < s->in && now_ms(s) < end)
			poll_all(s, 10);
		printf("alive %u\n", s->alive);
	} else if (strcmp(line, "peak\n") == 0) {
		printf("peak handshakes=%u ahead=%lld\n", s->handshakes.peak,
		    (long long)s->ahead);
		s->handshakes.peak = 0;
		s->ahead = 0;
		s->shaken = 0;
		s->first = 0;
	}
	return true;
}

static void
run(struct storm *s)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		open_due(s);
		poll_all(s, 10);
		if (poll(&in, 1, 0) > 0 && !obey(s))
			return;
	}
}

static bool
set_tls(struct storm *s, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	s->shape.ctx = ctx;
	s->shape.version = TLS1_3_VERSION;
	if (SSL_CTX_use_certificate_chain_file(ctx,
		args_text(argv, "cert", "")) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, args_text(argv, "key", ""),
		SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, args_text(argv, "ca", ""),
		NULL) != 1)
		return false;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
	return true;
}

static bool
prepare(struct storm *s, char **argv)
{
	unsigned i;

	s->shape.epoll = epoll_create1(EPOLL_CLOEXEC);
	s->shape.port = (uint16_t)args_number(argv, "port", "0");
	s->shape.ready = ready;
	s->shape.packet = packet;
	s->shape.writable = writable;
	s->shape.failed = failed;
	s->count = (unsigned)args_number(argv, "devices", "300");
	s->concurrency = (unsigned)args_number(argv, "concurrency", "2000");
	s->rate = (unsigned)args_number(argv, "rate", "0");
	s->min_ms = (unsigned)args_number(argv, "min", "1000");
	s->max_ms = (unsigned)args_number(argv, "max", "5000");
	s->start = meter_now_ns();
	s->seed = s->start | 1;
	s->devices = calloc(s->count, sizeof(*s->devices));
	if (s->devices == NULL || !set_tls(s, argv))
		return false;
	for (i = 0; i < s->count; i++) {
		s->devices[i].conn.phase = CONN_FAILED;
		s->devices[i].conn.fd = -1;
		s->devices[i].due = 1;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct storm s = { 0 };
	struct rlimit r;
	unsigned i;

	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (!prepare(&s, argv)) {
		fprintf(stderr, "storm: cert=, key= or ca= is bad\n");
		return 2;
	}
	run(&s);
	for (i = 0; i < s.count; i++)
		conn_close(&s.devices[i].conn);
	SSL_CTX_free(s.shape.ctx);
	free(s.devices);
	return 0;
}
