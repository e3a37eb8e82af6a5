/* SPDX-License-Identifier: ISC */
/*
 * The load generator: makes one kind of load against one port, measures what
 * the proxy's processes spend on it, and prints one line of JSON. All counts
 * and times are bounded. Arguments are KEY=VALUE, see NOTES.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "conn.h"
#include "meter.h"

#define SECOND UINT64_C(1000000000)

/* Messages a connection sends before others get their turn, of `flat', where
 * a proxy is not to find many of them together, and of `up'. */
#define FLAT_SENDS 1
#define UP_SENDS 16

struct load;

struct mode {
	const char *name;
	char kind; /* of topic; 0: no messages */
	bool subscribe;
	/* Sends what is due; called every turn. May be NULL. */
	void (*tick)(struct load *l);
	void (*packet)(struct load *l, struct conn *c, unsigned type);
	void (*run)(struct load *l);
};

struct load {
	struct conn_shape shape; /* first: cast from it */
	const struct mode *mode;
	struct meter meter;
	struct conn *conns; /* owned */
	unsigned conn_count;
	unsigned concurrency;
	unsigned opened;
	unsigned ready;
	unsigned finished; /* of this run: connections that are done */
	unsigned failed;
	uint64_t count; /* messages or connections to be measured */
	uint64_t sent;
	uint64_t received;
	uint64_t rate; /* messages a second */
	uint64_t start; /* of the measured part */
	uint64_t cpu; /* at the start */
	uint64_t deadline;
	uint64_t pss;
	uint32_t size;
	bool running; /* messages flow */
	bool reopen; /* mode handshake: a ready connection closes */
	const char *why; /* the first failure */
	uint8_t *message; /* owned; of the one connection, or of all */
	size_t message_len;
	uint32_t
	    *rtt; /* owned; ns of each round trip, or to the first message */
	uint32_t *connack; /* owned; ns from connect() to each CONNACK */
	uint64_t timed; /* how many there are of both */
	double seconds;
	uint64_t cpu_used;
};

static struct load *
load_of(const struct conn *c)
{
	return (struct load *)(uintptr_t)c->shape;
}

static void
failed(struct conn *c, const char *why)
{
	struct load *l = load_of(c);

	l->failed++;
	if (l->why == NULL)
		l->why = why;
}

/* The times of a connection that has got its first message. */
static void
keep_times(struct load *l, const struct conn *c)
{
	if (!l->running || l->timed >= l->count)
		return;
	l->connack[l->timed] = (uint32_t)(c->acked - c->opened);
	l->rtt[l->timed++] = (uint32_t)(meter_now_ns() - c->opened);
}

static void
ready(struct conn *c)
{
	struct load *l = load_of(c);

	l->ready++;
	if (l->shape.first)
		keep_times(l, c);
	if (l->reopen)
		conn_close(c);
}

static void
packet(struct conn *c, unsigned type)
{
	struct load *l = load_of(c);

	if (l->mode->packet != NULL)
		l->mode->packet(l, c, type);
}

static void
writable(struct conn *c)
{
	(void)c; /* tick() tries by itself */
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct conn *c = SSL_get_app_data(ssl);
	struct load *l = load_of(c);

	SSL_SESSION_free(l->shape.session);
	l->shape.session = session;
	return 1;
}

/* One turn of the loop. */
static void
turn(struct load *l, int timeout)
{
	struct epoll_event events[256];
	int n, i;

	if (l->running && l->mode->tick != NULL)
		l->mode->tick(l);
	n = epoll_wait(l->shape.epoll, events, 256, timeout);
	for (i = 0; i < n; i++)
		conn_turn(events[i].data.ptr);
}

static bool
in_time(const struct load *l)
{
	return meter_now_ns() < l->deadline;
}

/* Gives the other side time to come to rest. */
static void
settle(struct load *l, unsigned ms)
{
	uint64_t end = meter_now_ns() + ms * UINT64_C(1000000);

	while (meter_now_ns() < end)
		turn(l, 5);
}

/* Opens `count' connections, some at a time, until all are ready or failed. */
static void
open_all(struct load *l, unsigned count)
{
	unsigned busy;

	l->opened = l->ready = 0;
	while (l->ready + l->failed < count && l->failed < 20 && in_time(l)) {
		busy = l->opened - l->ready - l->failed;
		for (; l->opened < count && busy < l->concurrency; busy++) {
			conn_open(&l->conns[l->opened], &l->shape, l->opened);
			l->opened++;
		}
		turn(l, 100);
	}
	if (l->ready + l->failed < count && l->why == NULL)
		l->why = "time is up";
	if (l->ready < count)
		l->failed += count - l->ready - l->failed;
}

static void
begin(struct load *l)
{
	l->cpu = meter_cpu_ns(&l->meter);
	l->start = meter_now_ns();
	l->running = true;
}

static void
end(struct load *l)
{
	l->running = false;
	l->seconds = (double)(meter_now_ns() - l->start) / (double)SECOND;
	l->cpu_used = meter_cpu_ns(&l->meter) - l->cpu;
}

/*
 * handshake: connections to CONNACK, one after the other, and away.
 */
static void
run_handshake(struct load *l)
{
	unsigned count = (unsigned)l->count;

	l->reopen = true;
	open_all(l, count < 50 ? count : 50); /* warm up */
	settle(l, 100);
	begin(l);
	open_all(l, count);
	settle(l, 100);
	end(l);
	l->received = l->ready;
}

/* connect: the same, to the first message; how long each of them waits. */
static void
run_connect(struct load *l)
{
	unsigned count = (unsigned)l->count;

	l->reopen = true;
	open_all(l, count < l->concurrency ? count : l->concurrency);
	settle(l, 100);
	begin(l);
	open_all(l, count);
	end(l);
	l->received = l->ready;
}

/* resumed: the same with the ticket of a first connection. */
static void
run_resumed(struct load *l)
{
	open_all(l, 1);
	settle(l, 100); /* the ticket comes behind */
	conn_close(&l->conns[0]);
	if (l->shape.session == NULL) {
		l->failed++;
		l->why = "no ticket came";
		return;
	}
	SSL_CTX_sess_set_new_cb(l->shape.ctx, NULL);
	SSL_CTX_set_session_cache_mode(l->shape.ctx, SSL_SESS_CACHE_OFF);
	run_handshake(l);
}

/* idle: memory of connections that do nothing. */
static void
run_idle(struct load *l)
{
	uint64_t before, after;

	l->reopen = true;
	open_all(l, 20); /* warm up */
	settle(l, 500);
	l->reopen = false;
	before = meter_pss_kib(&l->meter);
	begin(l);
	open_all(l, (unsigned)l->count);
	settle(l, 1500);
	end(l);
	l->received = l->ready;
	after = meter_pss_kib(&l->meter);
	l->pss = after > before ? after - before : 0;
}

/* All connections stand; then messages until all is done. */
static void
run_messages(struct load *l)
{
	open_all(l, l->conn_count);
	settle(l, 300);
	if (l->failed > 0)
		return;
	begin(l);
	while (l->finished < l->conn_count && l->failed == 0 && in_time(l))
		turn(l, l->rate > 0 ? 1 : l->mode->tick == NULL ? 100 : 0);
	end(l);
	if (l->failed > 0 || l->finished == l->conn_count)
		return;
	l->failed = 1;
	l->why = "time is up";
}

/* Behind its last message a connection says PINGREQ: the answer tells that
 * all before it has arrived. */
static void
ping(struct load *l, struct conn *c)
{
	uint8_t out[16];

	if (c->since != 0)
		return;
	if (conn_send(c, out, conn_ping(out, l->shape.websocket)))
		c->since = 1;
}

/* flat and up: as many as the socket takes. */
static void
send_share(struct load *l, unsigned sends)
{
	uint64_t share = l->count / l->conn_count;
	struct conn *c;
	unsigned i, n;

	for (i = 0; i < l->conn_count; i++) {
		c = &l->conns[i];
		for (n = 0; n < sends && c->sent < share; n++)
			if (!conn_send(c, l->message, l->message_len))
				break;
		if (c->sent >= share && c->since == 0 && c->unsent == 0)
			ping(l, c);
	}
}

static void
tick_flat(struct load *l)
{
	send_share(l, FLAT_SENDS);
}

static void
tick_up(struct load *l)
{
	send_share(l, UP_SENDS);
}

static void
packet_flat(struct load *l, struct conn *c, unsigned type)
{
	if (type != CONN_PINGRESP)
		return;
	l->received += c->sent - 1;
	l->finished++;
}

/* paced: so many a second over all connections, in turn. */
static void
tick_paced(struct load *l)
{
	uint64_t due = (meter_now_ns() - l->start) * l->rate / SECOND;
	struct conn *c;
	unsigned i;

	while (l->sent < due && l->sent < l->count) {
		c = &l->conns[l->sent % l->conn_count];
		if (!conn_send(c, l->message, l->message_len))
			return;
		l->sent++;
	}
	if (l->sent < l->count)
		return;
	for (i = 0; i < l->conn_count; i++)
		ping(l, &l->conns[i]);
}

static void
send_own(struct load *l, struct conn *c)
{
	uint8_t out[4096];

	c->since = meter_now_ns();
	if (conn_send(c, out,
		conn_publish(out, l->mode->kind, c->number, l->size,
		    l->shape.websocket)))
		l->sent++;
}

/* echo: one message under way on each connection. */
static void
tick_echo(struct load *l)
{
	unsigned i;

	for (i = 0; i < l->conn_count && l->sent < l->conn_count; i++)
		if (l->conns[i].since == 0)
			send_own(l, &l->conns[i]);
}

static void
packet_echo(struct load *l, struct conn *c, unsigned type)
{
	if (type != CONN_PUBLISH)
		return;
	l->received++;
	if (l->sent < l->count)
		send_own(l, c);
	else
		l->finished++;
}

/* latency: now and then one message, and how long it takes. */
static void
tick_latency(struct load *l)
{
	uint64_t due = (meter_now_ns() - l->start) * l->rate / SECOND;

	if (l->sent < l->count && l->sent == l->received && l->sent < due)
		send_own(l, &l->conns[l->sent % l->conn_count]);
}

static void
packet_latency(struct load *l, struct conn *c, unsigned type)
{
	if (type != CONN_PUBLISH)
		return;
	l->rtt[l->timed++] = (uint32_t)(meter_now_ns() - c->since);
	l->received++;
	if (l->received == l->count)
		l->finished = l->conn_count;
}

/* down: each connection asks once and counts. */
static void
tick_down(struct load *l)
{
	uint8_t out[64];
	unsigned i;

	for (i = 0; i < l->conn_count; i++) {
		if (l->conns[i].since != 0)
			continue;
		l->conns[i].since = 1;
		conn_send(&l->conns[i], out,
		    conn_ask(out, (uint32_t)(l->count / l->conn_count), l->size,
			l->shape.websocket));
	}
}

static void
packet_down(struct load *l, struct conn *c, unsigned type)
{
	l->received += type == CONN_PUBLISH;
	if (c->received == l->count / l->conn_count)
		l->finished++;
}

static const struct mode modes[] = {
	{ "handshake", 0, false, NULL, NULL, run_handshake },
	{ "connect", 0, true, NULL, NULL, run_connect },
	{ "resumed", 0, false, NULL, NULL, run_resumed },
	{ "idle", 0, false, NULL, NULL, run_idle },
	{ "flat", 's', false, tick_flat, packet_flat, run_messages },
	{ "paced", 's', false, tick_paced, packet_flat, run_messages },
	{ "echo", 'e', true, tick_echo, packet_echo, run_messages },
	{ "latency", 'e', true, tick_latency, packet_latency, run_messages },
	{ "up", 's', false, tick_up, packet_flat, run_messages },
	{ "down", 'p', false, tick_down, packet_down, run_messages },
};

static bool
set_version(struct load *l, const char *version)
{
	SSL_CTX *ctx = l->shape.ctx;

	l->shape.version =
	    strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	return SSL_CTX_set_min_proto_version(ctx, l->shape.version) == 1 &&
	    SSL_CTX_set_max_proto_version(ctx, l->shape.version) == 1 &&
	    SSL_CTX_set1_curves_list(ctx, "X25519:P-256") == 1;
}

/* The cipher is part of what is compared. */
static bool
set_cipher(struct load *l, const char *key_type)
{
	if (l->shape.version == TLS1_3_VERSION) {
		l->shape.cipher = "TLS_AES_128_GCM_SHA256";
		return true;
	}
	l->shape.cipher = strcmp(key_type, "rsa") == 0
	    ? "ECDHE-RSA-AES128-GCM-SHA256"
	    : "ECDHE-ECDSA-AES128-GCM-SHA256";
	return SSL_CTX_set_strict_cipher_list(l->shape.ctx, l->shape.cipher) ==
	    1;
}

static bool
set_tls(struct load *l, char **argv)
{
	const char *cert = args_text(argv, "cert", NULL);
	const char *key = args_text(argv, "key", NULL);
	const char *ca = args_text(argv, "ca", NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	l->shape.ctx = ctx;
	if (!set_version(l, args_text(argv, "tls", "1.3")) ||
	    !set_cipher(l, args_text(argv, "server", "ecdsa")))
		return false;
	if (cert == NULL || key == NULL || ca == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return false;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_ENABLE_PARTIAL_WRITE);
	if (strcmp(l->mode->name, "resumed") != 0)
		return true;
	SSL_CTX_set_session_cache_mode(ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	return true;
}

static bool
set_mode(struct load *l, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			l->mode = &modes[i];
	return l->mode != NULL;
}

/* Every connection publishes to topics of its own, but where no client
 * subscribes one ready message does for all. */
static bool
make_buffers(struct load *l)
{
	unsigned most = l->conn_count;

	if (l->mode->kind == 0 && l->count > most)
		most = (unsigned)l->count;
	l->conns = calloc(most, sizeof(*l->conns));
	l->message = malloc(l->size + 64);
	l->rtt = calloc(l->count + 1, sizeof(*l->rtt));
	l->connack = calloc(l->count + 1, sizeof(*l->connack));
	if (l->conns == NULL || l->message == NULL || l->rtt == NULL ||
	    l->connack == NULL)
		return false;
	l->message_len =
	    conn_publish(l->message, 's', 0, l->size, l->shape.websocket);
	return true;
}

static const char *
prepare(struct load *l, char **argv)
{
	const char *transport = args_text(argv, "transport", "tls");

	if (!set_mode(l, args_text(argv, "mode", "")))
		return "no such mode";
	l->shape.epoll = epoll_create1(EPOLL_CLOEXEC);
	l->shape.address =
	    ntohl(inet_addr(args_text(argv, "address", "127.0.0.1")));
	l->shape.port = (uint16_t)args_number(argv, "port", "0");
	l->shape.websocket = strcmp(transport, "wss") == 0;
	l->shape.nagle = args_number(argv, "nagle", "0") != 0;
	l->shape.subscribe = l->mode->subscribe;
	l->shape.first = l->mode->run == run_connect;
	l->shape.ready = ready;
	l->shape.packet = packet;
	l->shape.writable = writable;
	l->shape.failed = failed;
	l->conn_count = (unsigned)args_number(argv, "conns", "1");
	l->concurrency = (unsigned)args_number(argv, "concurrency", "8");
	l->count = args_number(argv, "count", "1000");
	l->rate = args_number(argv, "rate", "0");
	l->size = (uint32_t)args_number(argv, "size", "100");
	l->deadline =
	    meter_now_ns() + args_number(argv, "timeout", "60") * SECOND;
	meter_init(&l->meter, (pid_t)args_number(argv, "pid", "0"));
	if (strcmp(transport, "plain") != 0 && !set_tls(l, argv))
		return "cert=, key= or ca= is missing or bad";
	if (!make_buffers(l))
		return "out of memory";
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_us(const struct load *l, const uint32_t *ns, unsigned percent)
{
	if (l->timed == 0)
		return 0;
	return ns[(l->timed - 1) * percent / 100] / 1000.0;
}

static void
print(struct load *l)
{
	double per =
	    l->received == 0 ? 0 : (double)l->cpu_used / (double)l->received;

	qsort(l->rtt, l->timed, sizeof(*l->rtt), compare);
	qsort(l->connack, l->timed, sizeof(*l->connack), compare);
	printf("{\"mode\":\"%s\",\"done\":%" PRIu64
	       ",\"failed\":%u,\"why\":\"%s\",\"seconds\":%.3f,"
	       "\"cpu_ns\":%" PRIu64 ",\"each_ns\":%.1f,"
	       "\"pss_kib\":%" PRIu64
	       ",\"each_kib\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"connack_p50_us\":%.1f,\"connack_p99_us\":%.1f}\n",
	    l->mode->name, l->received, l->failed, l->why == NULL ? "" : l->why,
	    l->seconds, l->cpu_used, per, l->pss,
	    l->received == 0 ? 0 : (double)l->pss / (double)l->received,
	    percentile_us(l, l->rtt, 50), percentile_us(l, l->rtt, 99),
	    percentile_us(l, l->connack, 50), percentile_us(l, l->connack, 99));
}

int
main(int argc, char **argv)
{
	struct load l = { 0 };
	const char *why = prepare(&l, argv);
	unsigned i;

	(void)argc;
	if (why != NULL) {
		fprintf(stderr, "load: %s\n", why);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	args_raise_files();
	l.mode->run(&l);
	print(&l);
	for (i = 0; i < l.conn_count && l.mode->kind != 0; i++)
		conn_close(&l.conns[i]);
	return l.failed == 0 ? 0 : 1;
}
