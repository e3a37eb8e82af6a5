/* SPDX-License-Identifier: ISC */
/*
 * pump: sends PUBLISH packets and receives bytes at the same time, hashing
 * both, as fast as the other side lets it. Without progress for stall=MS it
 * answers "stalled", and continue=1 goes on later from there.
 */
#include "peer.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* xorshift: cheap bytes that do not compress or repeat soon. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A QoS 0 PUBLISH to topic "t" whose body has `size' bytes. */
static void
make_packet(struct pump *u, struct bytes *to)
{
	uint8_t head[8] = { 0x30 };
	size_t n = 1, left = u->size, at, i;
	uint32_t word;

	do {
		head[n++] = (uint8_t)(left % 128 | (left > 127 ? 128 : 0));
		left /= 128;
	} while (left > 0);
	memcpy(head + n, "\0\1t", 3);
	bytes_add(to, head, n + 3);
	for (i = 3; i < u->size; i += sizeof(word)) {
		word = next_random(&u->seed);
		at = u->size - i;
		bytes_add(to, &word, at < sizeof(word) ? at : sizeof(word));
	}
}

/* Fills u->out with the next packet, cut into frames of `chunk' on wss. */
static void
refill(struct conn *c)
{
	struct pump *u = &c->pump;
	struct bytes packet = { 0 };
	size_t at, n;

	make_packet(u, &packet);
	u->made++;
	u->sent += packet.len;
	SHA256_Update(&u->sent_sum, packet.data, packet.len);
	if (!c->websocket)
		bytes_add(&u->out, packet.data, packet.len);
	for (at = 0; c->websocket && at < packet.len; at += n) {
		n = packet.len - at < u->chunk ? packet.len - at : u->chunk;
		ws_frame_write(&u->out, 2, packet.data + at, n, c->ws_server);
	}
	bytes_free(&packet);
}

/* Writes until the socket is full or all is sent. */
static enum io
push(struct conn *c, int *moved)
{
	struct pump *u = &c->pump;
	size_t at = 0, done;
	enum io io = IO_OK;

	while (io == IO_OK && (u->out.len > 0 || u->made < u->packets)) {
		if (u->out.len == 0)
			refill(c);
		for (at = 0; io == IO_OK && at < u->out.len; at += done) {
			io = conn_try_write(c, u->out.data + at,
			    u->out.len - at, &done);
			*moved |= done > 0;
		}
		bytes_drop(&u->out, at);
	}
	return io;
}

static void
take(struct pump *u, const uint8_t *data, size_t len)
{
	u->received += len;
	SHA256_Update(&u->received_sum, data, len);
}

/* Consumes c->in: bytes as they are, or the payload of data frames. */
static void
digest(struct conn *c)
{
	struct frame f;

	if (!c->websocket) {
		take(&c->pump, c->in.data, c->in.len);
		c->in.len = 0;
		return;
	}
	while (ws_frame_parse(&c->in, &f)) {
		if (f.op <= 2)
			take(&c->pump, f.payload, f.len);
		else if (f.op == 8 && f.len >= 2)
			c->close_code = f.payload[0] << 8 | f.payload[1];
		bytes_drop(&c->in, f.whole);
	}
}

static enum io
pull(struct conn *c, int *moved)
{
	enum io io = IO_OK;
	int rounds;

	/* Not until dry: the other direction wants its turn too. */
	for (rounds = 0; rounds < 8 && io == IO_OK; rounds++) {
		io = conn_try_read(c);
		*moved |= io == IO_OK;
	}
	digest(c);
	return io;
}

static int
all_sent(const struct pump *u)
{
	return u->made >= u->packets && u->out.len == 0;
}

static void
begin(struct conn *c, const struct args *a)
{
	struct pump *u = &c->pump;

	u->expect = strcmp(arg_str(a, "expect", "0"), "eof") == 0
	    ? UINT64_MAX
	    : (uint64_t)arg_num(a, "expect", 0);
	if (arg_num(a, "continue", 0))
		return;
	u->packets = (uint64_t)arg_num(a, "packets", 0);
	u->size = (size_t)arg_num(a, "size", 65536);
	u->chunk = (size_t)arg_num(a, "chunk", 65536);
	u->seed = (uint32_t)arg_num(a, "seed", 1);
	u->made = u->sent = u->received = 0;
	u->out.len = 0;
	SHA256_Init(&u->sent_sum);
	SHA256_Init(&u->received_sum);
	/* What came before and was not asked for counts as received. */
	take(u, c->data.data, c->data.len);
	c->data.len = 0;
	digest(c);
}

static void
print_sum(const char *key, const SHA256_CTX *sum)
{
	SHA256_CTX copy = *sum;
	uint8_t md[SHA256_DIGEST_LENGTH];
	size_t i;

	SHA256_Final(md, &copy);
	printf(" %s=", key);
	for (i = 0; i < sizeof(md); i++)
		printf("%02x", md[i]);
}

static void
report(const struct conn *c, const char *word)
{
	const struct pump *u = &c->pump;

	printf("%s sent=%llu received=%llu queued=%zu", word,
	    (unsigned long long)u->sent, (unsigned long long)u->received,
	    u->out.len);
	print_sum("sent_sha256", &u->sent_sum);
	print_sum("received_sha256", &u->received_sum);
	printf(" how=%s close=%d alert=%d error=%s\n",
	    c->how != NULL ? c->how : "-", c->close_code, c->alert,
	    c->error[0] != '\0' ? c->error : "-");
}

/* One turn; returns IO_OK while there is something left to do. */
static enum io
turn(struct conn *c, int *moved)
{
	enum io io = IO_OK;

	if (!all_sent(&c->pump))
		io = push(c, moved);
	if (io == IO_EOF || io == IO_ERROR)
		return io;
	return pull(c, moved);
}

void
pump_run(struct peer *p, struct conn *c, const struct args *a)
{
	int64_t deadline = arg_deadline(a);
	int64_t stall = arg_num(a, "stall", 0);
	int64_t last = now_ms();
	const char *word = "ok";
	enum io io;
	int moved;

	(void)p;
	begin(c, a);
	while (!all_sent(&c->pump) || c->pump.received < c->pump.expect) {
		moved = 0;
		io = turn(c, &moved);
		if (io == IO_EOF || io == IO_ERROR) {
			word = io == IO_EOF ? "eof" : "error";
			break;
		}
		if (moved) {
			last = now_ms();
			continue;
		}
		(void)conn_poll(c,
		    all_sent(&c->pump) ? POLLIN : POLLIN | POLLOUT,
		    now_ms() + 20);
		if (stall > 0 && now_ms() - last > stall) {
			word = "stalled";
			break;
		}
		if (now_ms() > deadline) {
			word = "timeout";
			break;
		}
	}
	report(c, word);
}
