/* SPDX-License-Identifier: ISC */
/*
 * Own ticket keys over days, with the clock moved: the key changes every twelve
 * hours, tickets of the two keys before still resume, older ones lead to a full
 * handshake, and no client is refused.
 */
#include "tls/tickets.h"

#include <stdlib.h>

#include "base/clock.h"
#include "tap.h"
#include "tls_kit.h"

#define HOURS_MS(h) ((uint64_t)(h)*3600 * 1000)
#define NAME_LEN 16 /* of the key, which a ticket begins with */

static struct kit k;
static uint64_t moved;

uint64_t __real_clock_mono_ms(void);
uint64_t __wrap_clock_mono_ms(void);

uint64_t
__wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + moved;
}

/* Connects with `resume' (may be NULL), which must succeed. Returns whether the
 * session was resumed. *next (may be NULL) receives the new ticket. */
static bool
resumes(struct tls_ctx *ctx, SSL_CTX *client, SSL_SESSION *resume,
    SSL_SESSION **next)
{
	bool in = kit_connect(&k, ctx, client, resume);
	struct tls_info info = { .resumed = false };

	if (ok(in, "comes in"))
		tls_stream_info(k.stream, &info);
	if (next != NULL) {
		*next = k.session;
		k.session = NULL;
	}
	SSL_SESSION_free(k.session);
	kit_close(&k);
	return info.resumed;
}

static SSL_SESSION *
ticket(struct tls_ctx *ctx, SSL_CTX *client)
{
	SSL_SESSION *s;

	ok(!resumes(ctx, client, NULL, &s) && s != NULL, "a ticket");
	return s;
}

static bool
same_key(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const uint8_t *x, *y;
	size_t n, m;

	SSL_SESSION_get0_ticket(a, &x, &n);
	SSL_SESSION_get0_ticket(b, &y, &m);
	return n > NAME_LEN && m > NAME_LEN && memcmp(x, y, NAME_LEN) == 0;
}

static struct tls_ctx *
make_ctx(void)
{
	return kit_ctx_with(tls_tickets_new());
}

/* One ticket in each period of twelve hours. */
static void
test_rotation(int version, const char *name)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	struct tls_ctx *ctx = make_ctx();
	SSL_SESSION *s[5], *again;
	int now, i;

	for (now = 0; now < 5; now++) {
		s[now] = ticket(ctx, client);
		again = ticket(ctx, client);
		ok(same_key(s[now], again), "%s: one key in 12 hours", name);
		SSL_SESSION_free(again);
		if (now > 0)
			ok(!same_key(s[now], s[now - 1]),
			    "%s: after %d hours a new key", name, 12 * now);
		for (i = 0; i <= now; i++)
			is_int(resumes(ctx, client, s[i], NULL), now - i <= 2,
			    "%s: %d keys on, a ticket %s", name, now - i,
			    now - i <= 2 ? "resumes" : "does not");
		moved += HOURS_MS(12);
	}
	for (i = 0; i < 5; i++)
		SSL_SESSION_free(s[i]);
	tls_ctx_put(ctx);
	SSL_CTX_free(client);
}

/* A session that is resumed after the key has changed gets a ticket of the new
 * key, also in TLS 1.2, where a resumption does not always bring one. */
static void
test_renewal(int version, const char *name)
{
	SSL_CTX *client =
	    kit_client("device.crt", "device.key", version, version);
	struct tls_ctx *ctx = make_ctx();
	SSL_SESSION *s = ticket(ctx, client), *next;

	moved += HOURS_MS(12);
	ok(resumes(ctx, client, s, &next), "%s: it resumes", name);
	ok(next != NULL && !same_key(next, s), "%s: ... and is renewed", name);
	SSL_SESSION_free(s);
	moved += HOURS_MS(24);
	ok(resumes(ctx, client, next, &s), "%s: which resumes a day on", name);
	SSL_SESSION_free(next);
	SSL_SESSION_free(s);
	tls_ctx_put(ctx);
	SSL_CTX_free(client);
}

/* No connection for days. */
static void
test_quiet(void)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	struct tls_ctx *ctx = make_ctx();
	SSL_SESSION *s = ticket(ctx, client);

	moved += HOURS_MS(35);
	ok(resumes(ctx, client, s, NULL), "35 quiet hours");
	moved += HOURS_MS(1);
	ok(!resumes(ctx, client, s, NULL), "and one more");
	moved += HOURS_MS(24 * 365);
	ok(!resumes(ctx, client, s, NULL), "a quiet year");
	SSL_SESSION_free(s);
	s = ticket(ctx, client);
	ok(resumes(ctx, client, s, NULL), "it goes on");
	SSL_SESSION_free(s);
	tls_ctx_put(ctx);
	SSL_CTX_free(client);
}

/* The program that takes over goes on with the keys of the other, and replaces
 * them when that one would have. */
static void
test_export(void)
{
	SSL_CTX *client = kit_client("device.crt", "device.key", TLS1_3_VERSION,
	    TLS1_3_VERSION);
	struct tls_tickets *old = tls_tickets_new(), *new = tls_tickets_new();
	uint8_t keys[TLS_TICKETS_EXPORT_MAX];
	struct tls_ctx *ctx = kit_ctx_with(tls_tickets_get(old)), *next;
	SSL_SESSION *s[2];
	uint64_t due;
	size_t len;

	s[0] = ticket(ctx, client);
	moved += HOURS_MS(12);
	s[1] = ticket(ctx, client);
	moved += HOURS_MS(11);
	len = tls_tickets_export(old, keys, &due);
	is_int(len, 2 * 48, "two keys so far");
	ok(due > 0 && due <= HOURS_MS(1), "and another one within an hour");
	is_int(tls_tickets_import(new, keys, len - 1, due), ERR_MALFORMED,
	    "no length of keys");
	is_int(tls_tickets_import(new, keys, 0, due), ERR_MALFORMED, "no keys");
	is_int(tls_tickets_import(new, keys, len, HOURS_MS(13)), ERR_MALFORMED,
	    "no time of ours");
	is_int(tls_tickets_import(new, keys, len, due), OK, "taken over");
	next = kit_ctx_with(new);
	ok(resumes(next, client, s[0], NULL), "the older key's ticket resumes");
	ok(resumes(next, client, s[1], NULL), "so does the newer one's");
	moved += HOURS_MS(1);
	ok(resumes(next, client, s[0], NULL), "with the third key, too");
	moved += HOURS_MS(12);
	ok(!resumes(next, client, s[0], NULL), "but not with the fourth");
	SSL_SESSION_free(s[0]);
	SSL_SESSION_free(s[1]);
	tls_ctx_put(ctx);
	tls_ctx_put(next);
	tls_tickets_put(old);
	SSL_CTX_free(client);
}

int
main(void)
{
	if (!ok(pki_make(), "certificates are made"))
		return done_testing();
	test_rotation(TLS1_3_VERSION, "TLS 1.3");
	test_rotation(TLS1_2_VERSION, "TLS 1.2");
	test_renewal(TLS1_3_VERSION, "TLS 1.3");
	test_renewal(TLS1_2_VERSION, "TLS 1.2");
	test_quiet();
	test_export();
	pki_remove();
	return done_testing();
}
