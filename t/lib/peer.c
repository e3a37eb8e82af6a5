/* SPDX-License-Identifier: ISC */
/*
 * The command loop of peer: reads a line, finds the verb in the table, lets
 * it answer. See peer.h for what the tool is. Unknown words are errors, so a
 * test with a slip of the pen fails loudly.
 */
#include "peer.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *
arg_str(const struct args *a, const char *key, const char *otherwise)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		if (strcmp(a->key[i], key) == 0)
			return a->value[i];
	}
	return otherwise;
}

long
arg_num(const struct args *a, const char *key, long otherwise)
{
	const char *text = arg_str(a, key, NULL);

	return text == NULL ? otherwise : strtol(text, NULL, 10);
}

int64_t
arg_deadline(const struct args *a)
{
	return now_ms() + arg_num(a, "timeout", 5000);
}

struct conn *
peer_find(struct peer *p, const char *name)
{
	size_t i;

	for (i = 0; i < PEER_CONNS; i++) {
		if (strcmp(p->conns[i].name, name) == 0)
			return &p->conns[i];
	}
	return NULL;
}

static void
print_hex(const char *key, const uint8_t *data, size_t len)
{
	size_t i;

	printf(" %s=", key);
	for (i = 0; i < len; i++)
		printf("%02x", data[i]);
}

static void
print_word(const char *key, const char *text)
{
	printf(" %s=", key);
	for (; *text != '\0'; text++)
		putchar(*text == ' ' ? '_' : *text);
}

/* The facts of an end: how it came, and what the other side said. */
static void
print_end(const struct conn *c)
{
	if (c->how != NULL)
		print_word("how", c->how);
	if (c->alert >= 0)
		printf(" alert=%d", c->alert);
	if (c->close_code >= 0)
		printf(" close=%d", c->close_code);
	if (c->error[0] != '\0')
		print_word("error", c->error);
}

static const char *
io_word(enum io io)
{
	static const char *const words[] = {
		[IO_OK] = "ok",
		[IO_EOF] = "eof",
		[IO_TIMEOUT] = "timeout",
		[IO_ERROR] = "error",
	};

	return words[io];
}

void
say_end(const struct conn *c, enum io io)
{
	printf("%s", io_word(io));
	print_end(c);
	printf("\n");
}

static unsigned
nibble(char digit)
{
	return digit <= '9' ? (unsigned)(digit - '0')
			    : (unsigned)(digit | 32) - 'a' + 10;
}

/* Decodes text=WORD, hex=DIGITS and file=PATH, in that order, into `to'. */
static void
payload_from(const struct args *a, struct bytes *to)
{
	const char *hex = arg_str(a, "hex", "");
	const char *file = arg_str(a, "file", NULL);
	const char *text = arg_str(a, "text", "");
	uint8_t block[65536];
	size_t n;
	FILE *f;

	bytes_add(to, text, strlen(text));
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		block[0] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
		bytes_add(to, block, 1);
	}
	f = file != NULL ? fopen(file, "rb") : NULL;
	while (f != NULL && (n = fread(block, 1, sizeof(block), f)) > 0)
		bytes_add(to, block, n);
	if (f != NULL)
		fclose(f);
}

/* send NAME hex= [chunk=N] [raw=1] [tcp=1]: raw goes around WebSocket frames,
 * tcp around TLS too. */
static void
do_send(struct peer *p, struct conn *c, const struct args *a)
{
	struct bytes all = { 0 }, wire = { 0 };
	int64_t deadline = arg_deadline(a);
	SSL *ssl = c->ssl;
	enum io io = IO_OK;
	size_t chunk, at, n;

	(void)p;
	payload_from(a, &all);
	if (arg_num(a, "tcp", 0))
		c->ssl = NULL;
	chunk = (size_t)arg_num(a, "chunk", (long)all.len);
	for (at = 0; io == IO_OK && at < all.len; at += n) {
		n = all.len - at < chunk ? all.len - at : chunk;
		wire.len = 0;
		if (c->websocket && !arg_num(a, "raw", 0) && c->ssl == ssl)
			ws_frame_write(&wire, 2, all.data + at, n,
			    c->ws_server);
		else
			bytes_add(&wire, all.data + at, n);
		io = conn_put(c, wire.data, wire.len, deadline);
	}
	c->ssl = ssl;
	bytes_free(&all);
	bytes_free(&wire);
	say_end(c, io);
}

/* Moves what frames hold from c->in to c->data; IO_EOF at a close frame. */
static enum io
unframe(struct conn *c)
{
	struct bytes pong = { 0 };
	struct frame f;
	enum io io = IO_OK;

	while (io == IO_OK && ws_frame_parse(&c->in, &f)) {
		if (f.op <= 2)
			bytes_add(&c->data, f.payload, f.len);
		if (f.op == 9)
			ws_frame_write(&pong, 10, f.payload, f.len,
			    c->ws_server);
		if (f.op == 8) {
			c->close_code =
			    f.len < 2 ? 1005 : f.payload[0] << 8 | f.payload[1];
			c->how = "close";
			io = IO_EOF;
		}
		bytes_drop(&c->in, f.whole);
	}
	if (pong.len > 0)
		(void)conn_put(c, pong.data, pong.len, now_ms() + 1000);
	bytes_free(&pong);
	return io;
}

/* Reads until `want' bytes are there; want 0 = until the end. */
static enum io
gather(struct conn *c, struct bytes *from, size_t want, int64_t deadline)
{
	enum io io = IO_OK;

	if (from == &c->data)
		io = unframe(c);
	while (io == IO_OK && (want == 0 || from->len < want)) {
		io = conn_fill(c, deadline);
		if (io == IO_OK && from == &c->data)
			io = unframe(c);
	}
	return want > 0 && from->len >= want ? IO_OK : io;
}

/* recv NAME n=N [raw=1] [quiet=1]: n=0 until the end. */
static void
do_recv(struct peer *p, struct conn *c, const struct args *a)
{
	struct bytes *from =
	    c->websocket && !arg_num(a, "raw", 0) ? &c->data : &c->in;
	size_t want = (size_t)arg_num(a, "n", 0);
	enum io io = gather(c, from, want, arg_deadline(a));
	size_t n = want > 0 && want < from->len ? want : from->len;

	(void)p;
	printf("%s n=%zu", io_word(io), n);
	if (io != IO_OK)
		print_end(c);
	if (!arg_num(a, "quiet", 0))
		print_hex("hex", from->data, n);
	bytes_drop(from, n);
	printf("\n");
}

/* head NAME: an HTTP head, through its empty line. */
static void
do_head(struct peer *p, struct conn *c, const struct args *a)
{
	int64_t deadline = arg_deadline(a);
	enum io io = IO_OK;
	uint8_t *end = NULL;
	size_t n;

	(void)p;
	for (;;) {
		if (c->in.len > 0)
			end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
		if (end != NULL || io != IO_OK)
			break;
		io = conn_fill(c, deadline);
	}
	if (end == NULL) {
		say_end(c, io);
		return;
	}
	n = (size_t)(end - c->in.data) + 4;
	printf("ok");
	print_hex("hex", c->in.data, n);
	printf("\n");
	bytes_drop(&c->in, n);
}

/* frame NAME: the next WebSocket frame, as it is. */
static void
do_frame(struct peer *p, struct conn *c, const struct args *a)
{
	int64_t deadline = arg_deadline(a);
	enum io io = IO_OK;
	struct frame f;

	(void)p;
	while (!ws_frame_parse(&c->in, &f)) {
		io = conn_fill(c, deadline);
		if (io != IO_OK) {
			say_end(c, io);
			return;
		}
	}
	printf("ok op=%d fin=%d rsv=%d masked=%d", f.op, f.fin, f.rsv,
	    f.masked);
	print_hex("hex", f.payload, f.len);
	printf("\n");
	bytes_drop(&c->in, f.whole);
}

/* websocket NAME [server=1]: the upgrade is done, frames from now on. */
static void
do_websocket(struct peer *p, struct conn *c, const struct args *a)
{
	(void)p;
	c->websocket = 1;
	c->ws_server = (int)arg_num(a, "server", 0);
	printf("ok\n");
}

/* eof NAME [notify=0]: half-close; TLS says close_notify first. */
static void
do_eof(struct peer *p, struct conn *c, const struct args *a)
{
	(void)p;
	if (c->ssl != NULL && arg_num(a, "notify", 1))
		(void)SSL_shutdown(c->ssl);
	if (arg_num(a, "fin", 1))
		(void)shutdown(c->fd, SHUT_WR);
	ERR_clear_error();
	printf("ok\n");
}

/* reset NAME: RST instead of FIN. */
static void
do_reset(struct peer *p, struct conn *c, const struct args *a)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)p;
	(void)a;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_free(c);
	printf("ok\n");
}

static void
do_close(struct peer *p, struct conn *c, const struct args *a)
{
	(void)p;
	(void)a;
	if (c->ssl != NULL)
		(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
	conn_free(c);
	printf("ok\n");
}

enum slot {
	OLD_CONN,
	NEW_CONN
};

static const struct command {
	const char *verb;
	enum slot slot;
	void (*run)(struct peer *p, struct conn *c, const struct args *a);
} commands[] = {
	{ "open", NEW_CONN, net_open },
	{ "listen", NEW_CONN, net_listen },
	{ "accept", NEW_CONN, net_accept },
	{ "pending", OLD_CONN, net_pending },
	{ "tls", OLD_CONN, tls_handshake },
	{ "ticket", OLD_CONN, tls_ticket },
	{ "websocket", OLD_CONN, do_websocket },
	{ "send", OLD_CONN, do_send },
	{ "recv", OLD_CONN, do_recv },
	{ "head", OLD_CONN, do_head },
	{ "frame", OLD_CONN, do_frame },
	{ "pump", OLD_CONN, pump_run },
	{ "eof", OLD_CONN, do_eof },
	{ "reset", OLD_CONN, do_reset },
	{ "close", OLD_CONN, do_close },
};

/* Cuts the line at blanks; 0 = good. */
static int
split(char *line, struct args *a)
{
	char *save = NULL, *word, *equals;

	memset(a, 0, sizeof(*a));
	a->verb = strtok_r(line, " \n", &save);
	a->name = strtok_r(NULL, " \n", &save);
	if (a->verb == NULL || a->name == NULL || strlen(a->name) >= PEER_NAME)
		return -1;
	while ((word = strtok_r(NULL, " \n", &save)) != NULL) {
		equals = strchr(word, '=');
		if (equals == NULL || a->count == PEER_ARGS)
			return -1;
		*equals = '\0';
		a->key[a->count] = word;
		a->value[a->count++] = equals + 1;
	}
	return 0;
}

/* The connection a command works on: an old one, or a free slot named. */
static struct conn *
slot_for(struct peer *p, const struct command *cmd, const struct args *a)
{
	struct conn *c = peer_find(p, a->name);

	if (cmd->slot == OLD_CONN || c != NULL)
		return cmd->slot == OLD_CONN ? c : NULL;
	c = peer_find(p, "");
	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->fd = c->alert = c->close_code = -1;
	memcpy(c->name, a->name, strlen(a->name) + 1);
	return c;
}

static void
run(struct peer *p, char *line)
{
	struct args a;
	struct conn *c;
	size_t i;

	if (split(line, &a) != 0) {
		printf("error what=syntax\n");
		return;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].verb, a.verb) != 0)
			continue;
		c = slot_for(p, &commands[i], &a);
		if (c == NULL)
			printf("error what=no_such_name\n");
		else
			commands[i].run(p, c, &a);
		return;
	}
	printf("error what=unknown_verb\n");
}

int
main(void)
{
	struct peer *p = calloc(1, sizeof(*p));
	char *line = NULL;
	size_t cap = 0, i;

	if (p == NULL)
		return 99;
	signal(SIGPIPE, SIG_IGN);
	while (getline(&line, &cap, stdin) > 0) {
		run(p, line);
		fflush(stdout);
	}
	for (i = 0; i < PEER_CONNS; i++) {
		if (p->conns[i].name[0] != '\0')
			conn_free(&p->conns[i]);
	}
	for (i = 0; i < PEER_SESSIONS; i++)
		SSL_SESSION_free(p->sessions[i].session);
	free(line);
	free(p);
	return 0;
}
