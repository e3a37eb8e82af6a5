/* SPDX-License-Identifier: ISC */
/*
 * The open stream: bulk data in both directions under back-pressure, all ways
 * to end, and the memory of an idle connection.
 */
#include <malloc.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "tls_kit.h"

#define BULK (2u * 1024 * 1024)

static struct kit k;
static uint8_t scratch[STREAM_HEADROOM + 200000];

/* Writes bytes `at' to `at + len' of a long text without a period of the size
 * of a record. */
static void
fill(uint8_t *data, size_t at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++, at++)
		data[i] = (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static bool
is_text(const uint8_t *data, size_t at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++, at++)
		if (data[i] != (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16)))
			return false;
	return true;
}

static SSL_CTX *
open_stream(struct tls_ctx *ctx, int version)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	struct cert *cert;

	SSL_CTX_set_mode(client,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (!kit_connect(&k, ctx, client, NULL) ||
	    tls_stream_take_cert(k.stream, &cert) != OK)
		return client;
	tls_facts_free(cert);
	return client;
}

static void
finish(SSL_CTX *client)
{
	kit_close(&k);
	SSL_SESSION_free(k.session);
	SSL_CTX_free(client);
}

/* Reads at our end with a buffer of `room' bytes and checks the text. */
struct sink {
	size_t at;
	size_t room;
	bool good;
	bool paused;
	int pause_every;
	int reads;
	int eofs;
};

static void
sink_hear(struct stream *s, enum stream_event event, void *arg)
{
	struct sink *sink = arg;
	ssize_t n;

	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, k.data, sink->room);
	if (n > 0) {
		sink->good = sink->good && is_text(k.data, sink->at, (size_t)n);
		sink->at += (size_t)n;
	} else if (n == STREAM_EOF) {
		sink->eofs++;
		stream_want_read(s, false);
	}
	if (sink->pause_every != 0 && ++sink->reads % sink->pause_every == 0) {
		stream_want_read(s, false);
		sink->paused = true;
	}
}

static void
test_up(struct tls_ctx *ctx, int version, size_t chunk, size_t room, int pause)
{
	SSL_CTX *client = open_stream(ctx, version);
	struct sink sink = { 0, room, true, false, pause, 0, 0 };
	size_t sent = 0, want;
	int n, idle = 0;

	stream_set_owner(k.stream, sink_hear, &sink);
	stream_want_read(k.stream, true);
	while (sink.at < BULK && idle < 1000) {
		want = BULK - sent < chunk ? BULK - sent : chunk;
		fill(scratch, sent, want);
		n = want == 0 ? 0 : SSL_write(k.client, scratch, (int)want);
		if (n > 0)
			sent += (size_t)n;
		idle = n > 0 ? 0 : idle + 1;
		kit_turn(&k);
		if (sink.paused) {
			sink.paused = false;
			stream_want_read(k.stream, true);
		}
	}
	ok(sink.at == BULK && sink.good,
	    "2 MiB up in pieces of %zu into %zu, pause %d", chunk, room, pause);
	SSL_shutdown(k.client);
	kit_turn(&k);
	if (sink.paused && sink.eofs == 0)
		stream_want_read(k.stream, true);
	kit_turn(&k);
	kit_turn(&k);
	is_int(sink.eofs, 1, "... then its end, once");
	finish(client);
}

/* Sends text to the client in pieces of `chunk'; the client reads every second
 * turn. */
static void
test_down(struct tls_ctx *ctx, int version, size_t chunk)
{
	SSL_CTX *client = open_stream(ctx, version);
	size_t sent = 0, got = 0, want;
	int n, turns, refused = 0, told;
	bool good = true;
	ssize_t w;

	told = k.writable;
	for (turns = 0; got < BULK && turns < 1000000; turns++) {
		want = BULK - sent < chunk ? BULK - sent : chunk;
		fill(scratch + STREAM_HEADROOM, sent, want);
		w = want == 0
		    ? 0
		    : stream_write(k.stream, scratch + STREAM_HEADROOM, want);
		if (w == STREAM_ERROR)
			break;
		sent += (size_t)w;
		if ((size_t)w < want)
			refused++;
		do {
			n = kit_client_read(&k, k.data, 65536);
			if (n > 0) {
				good = good && is_text(k.data, got, (size_t)n);
				got += (size_t)n;
			}
		} while (n > 0 && turns % 2 == 0);
		kit_turn(&k);
	}
	ok(got == BULK && good, "2 MiB down in pieces of %zu", chunk);
	ok(refused == 0 || k.writable > told,
	    "... refused %d times, WRITABLE told %d times", refused,
	    k.writable - told);
	is_int(stream_shutdown(k.stream), OK, "... our half ends");
	kit_turn(&k);
	is_int(kit_client_read(&k, k.data, 100), -1, "... the client hears");
	is_int(k.client_error, SSL_ERROR_ZERO_RETURN, "... a close_notify");
	/* The other half stays open. */
	k.received = 0;
	stream_want_read(k.stream, true);
	is_int(SSL_write(k.client, "late", 4), 4, "... and may still talk");
	kit_turn(&k);
	is_mem(k.data, k.received, "late", 4, "... to us");
	finish(client);
}

/* Bytes that the socket refused are still sent after a shutdown. */
static void
test_shutdown_behind(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);
	size_t sent = 0, got = 0;
	bool good = true;
	ssize_t w;
	int n, i;

	do {
		fill(scratch + STREAM_HEADROOM, sent, 100000);
		w = stream_write(k.stream, scratch + STREAM_HEADROOM, 100000);
		sent += w > 0 ? (size_t)w : 0;
	} while (w == 100000);
	is_int(stream_shutdown(k.stream), OK, "shutdown behind a full socket");
	for (i = 0; i < 1000; i++) {
		n = kit_client_read(&k, k.data, 65536);
		if (n < 0)
			break;
		good = good && is_text(k.data, got, (size_t)n);
		got += (size_t)n;
		kit_turn(&k);
	}
	ok(good && got == sent, "all %zu bytes come", sent);
	is_int(k.client_error, SSL_ERROR_ZERO_RETURN, "... then close_notify");
	finish(client);
}

static void
test_fin(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);

	stream_want_read(k.stream, true);
	SSL_write(k.client, "bye", 3);
	shutdown(k.fd, SHUT_WR);
	kit_turn(&k);
	kit_turn(&k);
	is_mem(k.data, k.received, "bye", 3, "the last words of a bare FIN");
	ok(k.eof, "... and its end");
	is_int(stream_error(k.stream), OK, "... and is no error");
	finish(client);
}

/* Data and close_notify in one segment, without FIN. */
static void
test_notify_behind_data(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);

	stream_want_read(k.stream, true);
	SSL_write(k.client, "bye", 3);
	SSL_shutdown(k.client);
	kit_turn(&k);
	kit_turn(&k);
	is_mem(k.data, k.received, "bye", 3,
	    "data right before a close_notify");
	ok(k.eof, "... and the end, though the socket is silent");
	finish(client);
}

static void
test_reset(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);

	close(k.fd);
	k.last = 0;
	fill(scratch + STREAM_HEADROOM, 0, 10);
	is_int(stream_write(k.stream, scratch + STREAM_HEADROOM, 10),
	    STREAM_ERROR, "a write to one who left");
	is_int(stream_error(k.stream), ERR_RESET, "... is a reset");
	SSL_set_quiet_shutdown(k.client, 1);
	k.fd = -1;
	finish(client);
}

/* Data of a client that has left is read, though it cannot be answered. */
static void
test_gone(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);

	SSL_write(k.client, "last", 4);
	close(k.fd);
	fill(scratch + STREAM_HEADROOM, 0, 10);
	is_int(stream_write(k.stream, scratch + STREAM_HEADROOM, 10),
	    STREAM_ERROR, "a client spoke and left: no answer");
	stream_want_read(k.stream, true);
	kit_turn(&k);
	kit_turn(&k);
	is_mem(k.data, k.received, "last", 4, "... but it is heard");
	ok(k.eof, "... to its end");
	SSL_set_quiet_shutdown(k.client, 1);
	k.fd = -1;
	finish(client);
}

/* Bytes that are not records of this connection. */
static void
test_forged(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);
	static const uint8_t record[] = { 23, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7,
		8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
		24, 25, 26, 27, 28, 29, 30, 31, 32 };

	stream_want_read(k.stream, true);
	is_int(write(k.fd, record, sizeof(record)), sizeof(record), "forged");
	kit_turn(&k);
	is_int(k.last, STREAM_ERROR, "a record that does not decrypt");
	is_str(reason_name(k.reason), "tls_handshake", "... has a reason");
	is_int(kit_client_read(&k, scratch, 10), -1, "... the client is told");
	is_int(k.alert, SSL_AD_BAD_RECORD_MAC, "... by bad_record_mac");
	finish(client);
}

/* A key update requested by the client. */
static void
test_key_update(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);

	stream_want_read(k.stream, true);
	is_int(SSL_key_update(k.client, SSL_KEY_UPDATE_REQUESTED), 1, "asked");
	SSL_write(k.client, "one", 3);
	kit_turn(&k);
	is_mem(k.data, k.received, "one", 3, "data behind a key update");
	memcpy(scratch + STREAM_HEADROOM, "two", 3);
	is_int(stream_write(k.stream, scratch + STREAM_HEADROOM, 3), 3, "back");
	is_int(kit_client_read(&k, scratch, 10), 3, "... arrives");
	finish(client);
}

/* Counts how many tiny records are read per turn, and that all are read. */
static void
count_hear(struct stream *s, enum stream_event event, void *arg)
{
	struct sink *sink = arg;
	ssize_t n;

	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, k.data, sink->room);
	if (n > 0)
		sink->at += (size_t)n;
}

static void
test_tiny(struct tls_ctx *ctx, bool key_updates)
{
	SSL_CTX *client = open_stream(ctx, TLS1_3_VERSION);
	struct sink sink = { .room = 65536 };
	size_t i, sent = 0, most = 0, before;

	stream_set_owner(k.stream, count_hear, &sink);
	do { /* as many as the socket takes */
		if (key_updates)
			SSL_key_update(k.client, SSL_KEY_UPDATE_NOT_REQUESTED);
	} while (SSL_write(k.client, "x", 1) == 1 && ++sent < 1000);
	stream_want_read(k.stream, true);
	for (i = 0; i < 100 && sink.at < sent; i++) {
		before = sink.at;
		kit_turn(&k);
		if (sink.at - before > most)
			most = sink.at - before;
	}
	is_int((long long)sink.at, (long long)sent, "tiny records%s: all come",
	    key_updates ? " and key updates" : "");
	ok(sent > 200 && most < 200,
	    "others have their turn in between: %zu of %zu at most", most,
	    sent);
	finish(client);
}

static void
test_renegotiation(struct tls_ctx *ctx)
{
	SSL_CTX *client = open_stream(ctx, TLS1_2_VERSION);
	stream_want_read(k.stream, true);
	SSL_set_renegotiate_mode(k.client, ssl_renegotiate_explicit);
	if (SSL_renegotiate(k.client) != 1) {
		ok(true, "this library's client never asks first");
	} else {
		SSL_do_handshake(k.client);
		kit_turn(&k);
		is_int(k.last, STREAM_ERROR, "renegotiation is refused");
	}
	finish(client);
}

static void
measure(struct tls_ctx *ctx, int version, const char *name)
{
	enum {
		COUNT = 200
	};
	static struct kit kits[COUNT];
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	size_t before, after, clients;
	struct cert *cert;
	int i;

	for (i = 0; i < COUNT; i++) {
		kit_connect(&kits[i], ctx, client, NULL);
		stream_want_read(kits[i].stream, true);
		if (tls_stream_take_cert(kits[i].stream, &cert) == OK)
			tls_facts_free(cert);
	}
	before = mallinfo2().uordblks;
	for (i = 0; i < COUNT; i++) {
		SSL_set_quiet_shutdown(kits[i].client, 1);
		SSL_free(kits[i].client);
		kits[i].client = NULL;
		SSL_SESSION_free(kits[i].session);
	}
	clients = before - mallinfo2().uordblks;
	before = mallinfo2().uordblks;
	for (i = 0; i < COUNT; i++) {
		stream_close(kits[i].stream);
		kits[i].stream = NULL;
		kit_turn(&kits[i]);
	}
	after = mallinfo2().uordblks;
	diag("%s: %zu bytes for each idle stream (a client: %zu)", name,
	    (before - after) / COUNT, clients / COUNT);
	ok((before - after) / COUNT < 3584,
	    "%s: an idle stream takes less than 3.5 KiB", name);
	for (i = 0; i < COUNT; i++)
		kit_close(&kits[i]);
	SSL_CTX_free(client);
}

/* Looks at the records that wait in the client's socket, and returns the length
 * of the longest one with data, or `longest'. */
static size_t
longest_record(size_t longest)
{
	static uint8_t bytes[400000];
	ssize_t n = recv(k.fd, bytes, sizeof(bytes), MSG_PEEK);
	size_t at = 0, len;

	while (n > 0 && at + 5 <= (size_t)n) {
		len = ((size_t)bytes[at + 3] << 8) + bytes[at + 4] + 5;
		if (bytes[at] == SSL3_RT_APPLICATION_DATA && len > longest)
			longest = len;
		at += len;
	}
	return longest;
}

/* What is written, and how long records may become. */
static const struct sizes {
	const char *name;
	size_t piece; /* bytes of one write */
	size_t count; /* of writes */
	uint16_t record_max; /* the option; 0: the default */
	size_t most; /* bytes of a record with its header */
	size_t least; /* of the longest one */
} sizes[] = {
	{ "small packets", 100, 60, 0, 200, 100 },
	{ "sixty small packets in one piece", 6000, 1, 0, 4096, 4000 },
	{ "one large packet", 20000, 1, 0, 4096, 4000 },
	{ "many of them", 6000, 100, 0, 4096, 4000 },
	{ "just under what bulk is", 65536, 15, 0, 4096, 4000 },
	{ "bulk", 65536, 40, 0, 16500, 16384 },
	{ "bulk, option 4096", 65536, 40, 4096, 4200, 4096 },
	{ "bulk, option 512", 65536, 20, 512, 600, 512 },
	{ "bulk, option 1000", 65536, 20, 1000, 1100, 1000 },
};

static void
test_sizes(int version, const struct sizes *z)
{
	struct kit_options o;
	struct tls_ctx *ctx;
	SSL_CTX *client;
	size_t i, got = 0, longest = 0;
	ssize_t w = 0;
	int n;

	kit_options(&o);
	o.o.record_max = z->record_max;
	ctx = kit_ctx(&o);
	client = open_stream(ctx, version);
	for (i = 0; i < z->count; i++) {
		fill(scratch + STREAM_HEADROOM, 0, z->piece);
		w = stream_write(k.stream, scratch + STREAM_HEADROOM, z->piece);
		longest = longest_record(longest);
		do {
			kit_turn(&k);
			n = kit_client_read(&k, k.data, 65536);
			got += n > 0 ? (size_t)n : 0;
		} while (n > 0);
	}
	ok(w > 0 && got > 0 && longest <= z->most && longest >= z->least,
	    "%s, TLS %s: the longest record has %zu bytes", z->name,
	    version == TLS1_3_VERSION ? "1.3" : "1.2", longest);
	finish(client);
	tls_ctx_put(ctx);
}

static void
test_all(struct tls_ctx *ctx)
{
	static const size_t chunks[] = { 4096, 16384, 16385, 65536, 150000 };
	size_t i;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		test_up(ctx, TLS1_3_VERSION, chunks[i], 65536, 0);
		test_up(ctx, TLS1_3_VERSION, chunks[i], 65536, 3);
		test_up(ctx, TLS1_2_VERSION, chunks[i], 5000, 0);
		test_up(ctx, TLS1_3_VERSION, chunks[i], 5000, 2);
		test_down(ctx, TLS1_3_VERSION, chunks[i]);
		test_down(ctx, TLS1_2_VERSION, chunks[i]);
	}
	test_shutdown_behind(ctx);
	test_fin(ctx);
	test_notify_behind_data(ctx);
	test_reset(ctx);
	test_gone(ctx);
	test_forged(ctx);
	test_key_update(ctx);
	test_tiny(ctx, false);
	test_tiny(ctx, true);
	test_renegotiation(ctx);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		test_sizes(TLS1_3_VERSION, &sizes[i]);
		test_sizes(TLS1_2_VERSION, &sizes[i]);
	}
	measure(ctx, TLS1_3_VERSION, "TLS 1.3");
	measure(ctx, TLS1_2_VERSION, "TLS 1.2");
}

int
main(void)
{
	struct kit_options o;
	struct tls_ctx *ctx;

	if (!ok(pki_make(), "certificates are made"))
		return done_testing();
	kit_options(&o);
	ctx = kit_ctx(&o);
	if (ok(ctx != NULL, "a profile is built"))
		test_all(ctx);
	tls_ctx_put(ctx);
	pki_remove();
	return done_testing();
}
