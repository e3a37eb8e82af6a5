/* SPDX-License-Identifier: ISC */
/*
 * What the pure parts cost, one call at a time. Without arguments: ns for
 * each. With NAME and COUNT: that one so often, for callgrind to count (see
 * t/bench/count). AEAD is here because it is the floor of every byte.
 */
#include <openssl/aead.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/denylist.h"
#include "mqtt/connect_edit.h"
#include "mqtt/packet.h"
#include "ws/decoder.h"
#include "ws/upgrade.h"

#define MESSAGE 100
#define DENIED 1000000

struct micro {
	uint8_t connect[64];
	size_t connect_len;
	uint8_t stream[16 * MESSAGE]; /* PUBLISH of 100 bytes */
	uint8_t bulk[16384 + 64];
	uint8_t header[WS_FRAME_HEAD_MAX + 1];
	struct identity_denylist *deny; /* owned */
	double deny_load_ms; /* what reading it took */
	unsigned denied; /* the last entry that was asked for */
	EVP_AEAD_CTX *aead; /* owned */
};

struct part {
	const char *name;
	const char *what;
	void (*run)(struct micro *m);
	unsigned work; /* calls, messages or bytes of a run; 0 = one */
};

static const char request[] = "GET /mqtt HTTP/1.1\r\n"
			      "Host: broker.example.com:8084\r\n"
			      "User-Agent: device/1.0\r\n"
			      "Upgrade: websocket\r\n"
			      "Connection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "micro: %s failed\n", what);
	exit(1);
}

static void
connect_parse(struct micro *m)
{
	struct mqtt_connect c;
	const char *why;
	size_t used;

	must(mqtt_connect_parse(&c, slice_make(m->connect, m->connect_len),
		 &used, &why) == PARSE_OK,
	    "CONNECT");
}

static void
connect_rewrite(struct micro *m)
{
	struct mqtt_connect_edit edit = {
		.username = { MQTT_SET, slice_str("device-001") },
		.password = MQTT_REMOVE,
	};
	struct mqtt_connect c;
	const char *why;
	struct buf out;
	size_t used;

	buf_init(&out, 0);
	must(mqtt_connect_parse(&c, slice_make(m->connect, m->connect_len),
		 &used, &why) == PARSE_OK &&
		mqtt_connect_write(&out, &c, &edit) == OK,
	    "rewrite");
	buf_fini(&out);
}

static void
cursor_walk(struct micro *m)
{
	struct mqtt_cursor c;
	size_t pos = 0;

	mqtt_cursor_init(&c);
	must(mqtt_cursor_walk(&c, slice_make(m->stream, sizeof(m->stream)),
		 &pos, MQTT_CURSOR_AT(1)) == MQTT_CURSOR_END,
	    "cursor");
}

static void
ws_header(struct micro *m)
{
	struct ws_frame f;
	enum err err;

	must(ws_frame_parse(&f, slice_make(m->header, 7), &err) == PARSE_OK,
	    "frame");
}

static void
ws_header_write(struct micro *m)
{
	(void)m;
	must(ws_frame_write(m->header, WS_OPCODE_BINARY, MESSAGE) == 2,
	    "header");
}

static void
unmask_message(struct micro *m)
{
	uint8_t key[4] = { 1, 2, 3, 4 };

	ws_unmask(m->bulk, m->bulk, MESSAGE, key);
}

static void
unmask_bulk(struct micro *m)
{
	uint8_t key[4] = { 1, 2, 3, 4 };

	ws_unmask(m->bulk, m->bulk, 16384, key);
}

static void
upgrade(struct micro *m)
{
	struct ws_policy policy = { .path = "/mqtt" };
	struct ws_upgrade u;
	size_t used;

	(void)m;
	ws_upgrade_init(&u, &policy);
	must(ws_upgrade_parse(&u, slice_make(request, sizeof(request) - 1),
		 &used) == PARSE_OK,
	    "upgrade");
}

static void
deny_miss(struct micro *m)
{
	struct identity_deny found;

	must(!identity_denylist_match_names(m->deny, slice_str("device-001"),
		 slice_str("device-001"), 1000, &found),
	    "deny list");
}

/* Another one each time, far from the last, so that no cache has it. */
static void
deny_hit(struct micro *m)
{
	char name[] = "bad-0000000";
	struct identity_deny found;
	unsigned n, digit;

	m->denied = (m->denied + 610639) % DENIED;
	for (n = m->denied, digit = 10; n > 0; n /= 10)
		name[digit--] = (char)('0' + n % 10);
	must(identity_denylist_match_names(m->deny, slice_str("device-001"),
		 slice_str(name), 1000, &found),
	    "deny list");
}

static void
seal_bulk(struct micro *m)
{
	static const uint8_t nonce[12];
	size_t len;

	must(EVP_AEAD_CTX_seal(m->aead, m->bulk, &len, sizeof(m->bulk), nonce,
		 sizeof(nonce), m->bulk, 16384, nonce, 5) == 1,
	    "AEAD");
}

static const struct part parts[] = {
	{ "connect_parse", "read a CONNECT", connect_parse, 1 },
	{ "connect_rewrite", "... and write it again", connect_rewrite, 1 },
	{ "cursor", "walk over a message of 100 bytes", cursor_walk, 16 },
	{ "ws_header", "read a frame's header", ws_header, 1 },
	{ "ws_header_write", "write one", ws_header_write, 1 },
	{ "unmask", "unmask 100 bytes", unmask_message, 1 },
	{ "unmask_bulk", "unmask 16 KiB", unmask_bulk, 1 },
	{ "upgrade", "read an upgrade request", upgrade, 1 },
	{ "deny_miss", "look up two names, not among 1,000,000", deny_miss, 1 },
	{ "deny_hit", "... one of them there, another each time", deny_hit, 1 },
	{ "seal", "AES-128-GCM over 16 KiB", seal_bulk, 1 },
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct identity_denylist *
make_denylist(double *ms)
{
	size_t cap = DENIED * 24 + 64;
	char *text = malloc(cap);
	struct identity_denylist *l;
	struct report report;
	uint64_t start;
	size_t len;
	int i;

	must(text != NULL, "memory");
	len = (size_t)snprintf(text, cap, "as,who,reason,until\n");
	for (i = 0; i < DENIED; i++)
		len += (size_t)snprintf(text + len, cap - len,
		    "clientid,bad-%07d,,\n", i);
	report_init(&report);
	start = now_ns();
	l = denylist_make(slice_make(text, len), "deny.csv", &report);
	must(l != NULL, "making a deny list");
	*ms = (double)(now_ns() - start) / 1e6;
	report_fini(&report);
	free(text);
	return l;
}

static void
make(struct micro *m)
{
	static const uint8_t connect[] = { 0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4,
		0xc2, 0, 60, 0, 10, 'd', 'e', 'v', 'i', 'c', 'e', '-', '0', '0',
		'1', 0, 4, 'u', 's', 'e', 'r', 0, 6, 's', 'e', 'c', 'r', 'e',
		't' };
	static const uint8_t head[] = { 0x82, 0x80 | MESSAGE, 1, 2, 3, 4, 5 };
	static const uint8_t key[16];
	size_t i;

	memset(m, 0, sizeof(*m));
	memcpy(m->connect, connect, sizeof(connect));
	m->connect[1] = sizeof(connect) - 2;
	m->connect_len = sizeof(connect);
	for (i = 0; i < sizeof(m->stream); i += MESSAGE) {
		m->stream[i] = 0x30;
		m->stream[i + 1] = MESSAGE - 2;
	}
	memcpy(m->header, head, sizeof(head));
	m->aead = EVP_AEAD_CTX_new(EVP_aead_aes_128_gcm(), key, sizeof(key), 0);
	must(m->aead != NULL, "AEAD");
	m->deny = make_denylist(&m->deny_load_ms);
}

/* The best of some rounds: what is above it is the machine's. */
static double
measure(struct micro *m, const struct part *p)
{
	double best = 0, ns;
	uint64_t start;
	int round, i;

	for (round = 0; round < 15; round++) {
		start = now_ns();
		for (i = 0; i < 2000; i++)
			p->run(m);
		ns = (double)(now_ns() - start) / 2000 / p->work;
		if (round == 0 || ns < best)
			best = ns;
	}
	return best;
}

int
main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	struct micro m;
	size_t i;

	if (argc == 2) { /* names, for t/bench/count */
		for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			printf("%s %u\n", parts[i].name, parts[i].work);
		return 0;
	}
	make(&m);
	if (argc < 3)
		printf("%-16s %9.1f ms  read 1,000,000 rows\n", "deny_load",
		    m.deny_load_ms);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (argc < 3)
			printf("%-16s %9.1f ns  %s\n", parts[i].name,
			    measure(&m, &parts[i]), parts[i].what);
		else if (strcmp(argv[1], parts[i].name) == 0)
			for (; count > 0; count--)
				parts[i].run(&m);
	}
	EVP_AEAD_CTX_free(m.aead);
	identity_denylist_put(m.deny);
	return 0;
}
