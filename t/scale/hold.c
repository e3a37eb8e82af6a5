/* SPDX-License-Identifier: ISC */
/*
 * Holds many sessions, half of them by WebSocket, and watches what becomes of
 * them while a CRL revokes some and while reloads go on: who is closed and
 * when, and how long echoed messages of the others take. Prints one line a
 * figure, KEY VALUE; t/scale/run judges them. Arguments are KEY=VALUE:
 *     tls=PORT wss=PORT   where the proxy listens
 *     dir=DIR             ca.crt, honest.crt, .key, and victimN.crt, .key
 *     conns=N victims=N   sessions, and how many are to be revoked
 *     from=FILE to=FILE   the CRL that does it, and where it is renamed to
 *     pid=N               the proxy's, for SIGHUP
 *     rate=N seconds=N    messages a second, and the length of a measurement
 * With commands=FILE it measures while shell commands run instead, each after a
 * measurement without one: a line of FILE is NAME, a tab and the command.
 */
#include <inttypes.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/conn.h"
#include "bench/meter.h"

#define SECOND UINT64_C(1000000000)
#define SIZE 100 /* bytes of a message */
#define BUSY 16 /* connections being opened at a time */
#define ROUNDS 3

/* One certificate over one transport; `hold' is reached from a conn by it. */
struct set {
	struct conn_shape shape; /* first: cast from it */
	struct hold *hold;
	bool victim;
};

/* Round trips of one kind of time. */
struct times {
	uint32_t *ns; /* owned */
	size_t count;
	size_t room;
};

struct hold {
	int epoll;
	char **argv;
	const char *dir;
	unsigned count;
	unsigned victims;
	uint64_t rate;
	uint64_t length; /* of a measurement, in ns */
	pid_t pid;
	pid_t command; /* that runs now */
	struct set honest[2]; /* TLS and WSS */
	struct set *victim; /* owned; one each */
	struct conn *conns; /* owned */
	unsigned opened;
	unsigned ready;
	unsigned failed; /* before the CRL */
	const char *why;
	unsigned next; /* whose turn it is to send */
	struct times *times; /* where round trips go */
	uint64_t renamed;
	uint64_t last_close;
	unsigned closed; /* victims */
	unsigned strays; /* others */
};

static struct set *
set_of(const struct conn *c)
{
	return (struct set *)(uintptr_t)c->shape;
}

static void
ready(struct conn *c)
{
	set_of(c)->hold->ready++;
}

static void
failed(struct conn *c, const char *why)
{
	struct set *s = set_of(c);
	struct hold *h = s->hold;

	if (h->renamed == 0) {
		h->failed++;
		h->why = why;
		return;
	}
	if (!s->victim) {
		h->strays++;
		return;
	}
	h->closed++;
	h->last_close = meter_now_ns();
}

static void
packet(struct conn *c, unsigned type)
{
	struct times *t = set_of(c)->hold->times;

	if (type != CONN_PUBLISH || c->since == 0)
		return;
	if (t != NULL && t->count < t->room)
		t->ns[t->count++] = (uint32_t)(meter_now_ns() - c->since);
	c->since = 0;
}

static void
writable(struct conn *c)
{
	(void)c;
}

static void
turn(struct hold *h, int timeout)
{
	struct epoll_event events[256];
	int n = epoll_wait(h->epoll, events, 256, timeout);
	int i;

	for (i = 0; i < n; i++)
		conn_turn(events[i].data.ptr);
}

static void
die(const char *what)
{
	fprintf(stderr, "hold: %s\n", what);
	exit(2);
}

/* NULL where it is not given. */
static const char *
optional_argument(const struct hold *h, const char *key)
{
	size_t len = strlen(key);
	int i;

	for (i = 1; h->argv[i] != NULL; i++)
		if (strncmp(h->argv[i], key, len) == 0 &&
		    h->argv[i][len] == '=')
			return h->argv[i] + len + 1;
	return NULL;
}

static const char *
argument(const struct hold *h, const char *key)
{
	const char *value = optional_argument(h, key);

	if (value == NULL)
		die(key);
	return value;
}

static uint64_t
number(const struct hold *h, const char *key)
{
	return strtoull(argument(h, key), NULL, 10);
}

static SSL_CTX *
make_ctx(const struct hold *h, const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char path[3][512];

	snprintf(path[0], sizeof(path[0]), "%s/%s.crt", h->dir, name);
	snprintf(path[1], sizeof(path[1]), "%s/%s.key", h->dir, name);
	snprintf(path[2], sizeof(path[2]), "%s/ca.crt", h->dir);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, path[0]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, path[1], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, path[2], NULL) != 1)
		die(path[0]);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

static void
make_set(struct hold *h, struct set *s, const char *name, bool websocket)
{
	s->hold = h;
	s->shape.epoll = h->epoll;
	s->shape.port = (uint16_t)number(h, websocket ? "wss" : "tls");
	s->shape.websocket = websocket;
	s->shape.ctx = make_ctx(h, name);
	s->shape.version = TLS1_3_VERSION;
	s->shape.ready = ready;
	s->shape.packet = packet;
	s->shape.writable = writable;
	s->shape.failed = failed;
}

/* Victims are spread evenly over all. */
static struct set *
choose(struct hold *h, unsigned i)
{
	unsigned each = h->victims == 0 ? 0 : h->count / h->victims;

	if (each > 0 && i % each == 0 && i / each < h->victims)
		return &h->victim[i / each];
	return &h->honest[i % 2];
}

static void
prepare(struct hold *h)
{
	char name[32];
	unsigned i;

	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->dir = argument(h, "dir");
	h->count = (unsigned)number(h, "conns");
	h->victims = (unsigned)number(h, "victims");
	h->rate = number(h, "rate");
	h->length = number(h, "seconds") * SECOND;
	h->pid = (pid_t)number(h, "pid");
	h->conns = calloc(h->count, sizeof(*h->conns));
	h->victim = calloc(h->victims + 1, sizeof(*h->victim));
	if (h->conns == NULL || h->victim == NULL)
		die("out of memory");
	make_set(h, &h->honest[0], "honest", false);
	make_set(h, &h->honest[1], "honest", true);
	for (i = 0; i < h->victims; i++) {
		snprintf(name, sizeof(name), "victim%u", i);
		make_set(h, &h->victim[i], name, i % 2 == 1);
		h->victim[i].victim = true;
	}
}

static void
open_all(struct hold *h)
{
	uint64_t end = meter_now_ns() + 300 * SECOND;

	while (h->ready < h->count && h->failed == 0 && meter_now_ns() < end) {
		for (; h->opened < h->count && h->opened - h->ready < BUSY;
		     h->opened++)
			conn_open(&h->conns[h->opened],
			    &choose(h, h->opened)->shape, h->opened);
		turn(h, 100);
	}
	if (h->ready < h->count)
		die(h->why == NULL ? "time is up" : h->why);
}

/* The next session that is there and waits for nothing. */
static struct conn *
whose_turn(struct hold *h)
{
	struct conn *c;
	unsigned i;

	for (i = 0; i < h->count; i++) {
		c = &h->conns[h->next++ % h->count];
		if (c->phase == CONN_READY && c->since == 0 &&
		    !set_of(c)->victim)
			return c;
	}
	return NULL;
}

static void
send_one(struct hold *h)
{
	struct conn *c = whose_turn(h);
	uint8_t out[SIZE + 16];

	if (c == NULL)
		return;
	c->since = meter_now_ns();
	(void)conn_send(c, out,
	    conn_publish(out, 'e', c->number, SIZE, c->shape->websocket));
}

static bool
never(struct hold *h)
{
	(void)h;
	return false;
}

/* Messages at the rate, until time is up or `done'; then those under way come
 * home. SIGHUP every `hup' ns, 0 = never. */
static void
measure(struct hold *h, struct times *t, uint64_t length, uint64_t hup,
    bool (*done)(struct hold *h))
{
	uint64_t start = meter_now_ns(), now = start, sent = 0;
	uint64_t next_hup = start + hup / 2;

	h->times = t;
	while (now - start < length && !done(h)) {
		for (; sent < (now - start) * h->rate / SECOND; sent++)
			send_one(h);
		if (hup > 0 && now >= next_hup) {
			kill(h->pid, SIGHUP);
			next_hup += hup;
		}
		turn(h, 1);
		now = meter_now_ns();
	}
	for (start = now; now - start < SECOND / 4; now = meter_now_ns())
		turn(h, 5);
	h->times = NULL;
}

static bool
all_closed(struct hold *h)
{
	return h->closed >= h->victims;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
times_init(struct times *t)
{
	t->count = 0;
	t->room = 1 << 20;
	t->ns = calloc(t->room, sizeof(*t->ns));
	if (t->ns == NULL)
		die("out of memory");
}

static void
print_times(const char *what, struct times *t)
{
	if (t->count == 0)
		die("nothing was measured");
	qsort(t->ns, t->count, sizeof(*t->ns), compare);
	printf("%s_count %zu\n", what, t->count);
	printf("%s_p50_us %.0f\n", what, t->ns[t->count / 2] / 1e3);
	printf("%s_p99_us %.0f\n", what, t->ns[t->count * 99 / 100] / 1e3);
	printf("%s_max_us %.0f\n", what, t->ns[t->count - 1] / 1e3);
	free(t->ns);
}

static void
run_revoke(struct hold *h)
{
	struct times before, sweep, after;

	times_init(&before);
	times_init(&sweep);
	times_init(&after);
	measure(h, &before, h->length, 0, never);
	h->renamed = meter_now_ns();
	if (rename(argument(h, "from"), argument(h, "to")) == -1)
		die("rename");
	measure(h, &sweep, 10 * SECOND, 0, all_closed);
	measure(h, &after, h->length, 0, never);
	print_times("before", &before);
	print_times("sweep", &sweep);
	print_times("after", &after);
	printf("closed %u\nstrays %u\n", h->closed, h->strays);
	printf("last_close_ms %.1f\n",
	    h->closed == 0 ? 0 : (double)(h->last_close - h->renamed) / 1e6);
}

static void
run_reload(struct hold *h)
{
	struct times none, each;
	int i;

	times_init(&none);
	times_init(&each);
	for (i = 0; i < ROUNDS; i++) {
		measure(h, &none, h->length, 0, never);
		measure(h, &each, h->length, SECOND, never);
	}
	print_times("no_reload", &none);
	print_times("reload", &each);
	printf("strays_after %u\n", h->strays);
}

static bool
has_ended(struct hold *h)
{
	int status;

	if (waitpid(h->command, &status, WNOHANG) != h->command)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("a command failed");
	return true;
}

static void
run_command(struct hold *h, const char *name, const char *command)
{
	struct times before, during;
	char what[64];

	times_init(&before);
	times_init(&during);
	measure(h, &before, h->length, 0, never);
	h->command = fork();
	if (h->command == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	measure(h, &during, 100 * SECOND, 0, has_ended);
	snprintf(what, sizeof(what), "%.40s_before", name);
	print_times(what, &before);
	print_times(name, &during);
}

static void
run_commands(struct hold *h, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	char *command;

	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		command = strchr(line, '\t');
		if (command == NULL)
			die("a command has no name");
		*command++ = '\0';
		run_command(h, line, command);
	}
	fclose(file);
	printf("strays %u\n", h->strays);
}

int
main(int argc, char **argv)
{
	struct hold h = { .argv = argv };
	const char *commands;
	struct rlimit r;
	uint64_t start = meter_now_ns();

	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	prepare(&h);
	open_all(&h);
	printf("sessions %u\nopen_seconds %.1f\n", h.ready,
	    (double)(meter_now_ns() - start) / 1e9);
	measure(&h, NULL, 5 * SECOND, 0, never); /* comes to rest */
	commands = optional_argument(&h, "commands");
	if (commands != NULL) {
		run_commands(&h, commands);
	} else {
		run_revoke(&h);
		run_reload(&h);
	}
	return 0;
}
