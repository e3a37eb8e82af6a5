/* SPDX-License-Identifier: ISC */
/*
 * Each allocation of loading a profile, of a handshake and of the open stream
 * fails once: the operation is refused, nothing crashes and nothing leaks.
 */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc_kit.h"
#include "tap.h"
#include "tls_kit.h"

static struct kit k;

char *__wrap_strdup(const char *text);

/* The C library's strdup() would bypass the kit. */
char *
__wrap_strdup(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	return copy == NULL ? NULL : strcpy(copy, text);
}

static void
test_profile(void)
{
	struct report why, warnings;
	struct kit_options o;
	struct tls_ctx *ctx = NULL;
	enum err err = ERR_NO_MEMORY;
	unsigned n, good = 0;

	kit_options(&o);
	kit_list(&o, &o.o.crls, "root.crl", NULL);
	for (n = 1; n < 20000 && err != OK; n++) {
		alloc_kit_fail(n);
		err = kit_ctx_try(&o, NULL, &ctx, &why, &warnings);
		alloc_kit_fail(0);
		report_fini(&why);
		report_fini(&warnings);
		good += (err == OK) == (ctx != NULL);
	}
	tls_ctx_put(ctx);
	/* The C library allocates for the reports without the kit; leaks here
	 * are for the sanitizer to find. */
	ok(err == OK && good == n - 1,
	    "a profile: refused %u times, then built", n - 2);
}

/* Runs a handshake in whose turn number `turn' the n-th allocation fails. */
static bool
shake_with(struct tls_ctx *ctx, SSL_CTX *client, int turn, unsigned n)
{
	int i, done = 0;
	bool open;

	kit_open(&k, ctx, client, NULL);
	for (i = 0; i < 10 && !(done == 1 && k.opened) && !k.broken; i++) {
		done = SSL_do_handshake(k.client);
		alloc_kit_fail(i == turn ? n : 0);
		kit_turn(&k);
		alloc_kit_fail(0);
	}
	open = k.opened > 0;
	kit_close(&k);
	SSL_SESSION_free(k.session);
	k.session = NULL;
	return open;
}

static void
test_handshake(struct tls_ctx *ctx, SSL_CTX *client, int turn)
{
	size_t live = alloc_kit_live();
	unsigned n = 0, opened = 0;

	/* Some allocations, such as that of a ticket, may fail in an open
	 * connection, so it must open ten times in a row. */
	while (opened < 10 && n < 2000) {
		n++;
		opened = shake_with(ctx, client, turn, n) ? opened + 1 : 0;
	}
	ok(n < 2000, "turn %d: open once %u allocations are there", turn, n);
	is_int((long long)alloc_kit_live(), (long long)live, "nothing is lost");
}

static void
test_new(struct tls_ctx *ctx)
{
	struct loop *loop = loop_new();
	struct stream *s = NULL;
	size_t live = alloc_kit_live();
	unsigned n;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == -1)
		abort();
	for (n = 1; s == NULL && n < 100; n++) {
		alloc_kit_fail(n);
		s = tls_stream_new(loop, ctx, fd[0], TLS_APP_MQTT);
		alloc_kit_fail(0);
	}
	ok(s != NULL, "a stream is made with %u allocations", n - 2);
	stream_close(s);
	close(fd[1]);
	loop_free(loop);
	/* The count wraps where a block is freed that the C library made. */
	ok((ptrdiff_t)(alloc_kit_live() - live) <= 0, "nothing is lost");
}

/* The socket is full and there is no memory to save what it refused. */
static void
test_write(struct tls_ctx *ctx, SSL_CTX *client)
{
	static uint8_t data[STREAM_HEADROOM + 65536];
	unsigned fail, failed = 0;
	size_t live = alloc_kit_live();
	ssize_t n;
	int i;

	for (fail = 1; fail <= 30; fail++) {
		kit_connect(&k, ctx, client, NULL);
		alloc_kit_fail(fail);
		for (i = 0, n = 65536; i < 100 && n == 65536; i++)
			n = stream_write(k.stream, data + STREAM_HEADROOM,
			    65536);
		alloc_kit_fail(0);
		failed += n == STREAM_ERROR;
		kit_close(&k);
		SSL_SESSION_free(k.session);
		k.session = NULL;
	}
	ok(failed > 4, "%u writes without memory fail", failed);
	is_int((long long)alloc_kit_live(), (long long)live, "nothing is lost");
}

int
main(void)
{
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client;

	if (!ok(pki_make(), "certificates are made") ||
	    !ok(pki_run("crl root 1 1"), "and a CRL"))
		return done_testing();
	test_profile();
	kit_options(&o);
	kit_list(&o, &o.o.crls, "root.crl", NULL);
	ctx = kit_ctx(&o);
	client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	/* The library allocates some things once per process. */
	shake_with(ctx, client, 0, 0);
	test_handshake(ctx, client, 0);
	test_handshake(ctx, client, 1);
	test_new(ctx);
	test_write(ctx, client);
	SSL_CTX_free(client);
	tls_ctx_put(ctx);
	pki_remove();
	return done_testing();
}
