/* SPDX-License-Identifier: ISC */
/*
 * Packet boundaries: the same wherever a stream is cut into chunks.
 */
#include "mqtt/packet.h"

#include "byte_kit.h"
#include "tap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What a walk over a whole stream has seen. */
struct seen {
	size_t count;
	size_t at[64]; /* offsets of packets, from the stream's beginning */
	uint8_t first[64];
	bool bad;
	size_t bad_at; /* where it began, as far as known */
	bool boundary; /* at the end */
};

/* Moves over the first byte of the packet at which the walk has stopped. */
static void
pass(struct mqtt_cursor *c, struct slice chunk, size_t *pos)
{
	chunk.len = *pos + 1;
	(void)mqtt_cursor_walk(c, chunk, pos, 0);
}

/* One chunk from an allocation of its own; false when the stream is bad. */
static bool
walk_chunk(struct mqtt_cursor *c, struct slice s, size_t from, size_t len,
    unsigned stop, struct seen *seen)
{
	struct kit_bytes chunk = kit_copy(s.data + from, len);
	enum mqtt_cursor_stop what;
	size_t pos = 0;

	while ((what = mqtt_cursor_walk(c, kit_slice(&chunk), &pos, stop)) ==
	    MQTT_CURSOR_PACKET) {
		if (!mqtt_cursor_at_boundary(c))
			seen->bad = true;
		seen->at[seen->count % LEN(seen->at)] = from + pos;
		seen->first[seen->count % LEN(seen->at)] = chunk.data[pos];
		seen->count++;
		pass(c, kit_slice(&chunk), &pos);
	}
	if (what == MQTT_CURSOR_BAD) {
		seen->bad = true;
		seen->bad_at = from + pos;
	} else if (pos != len) {
		diag("END at %zu of %zu", pos, len);
	}
	kit_free(&chunk);
	return what == MQTT_CURSOR_END;
}

/* Chunks of `step' bytes. */
static struct seen
walk(struct slice s, size_t step, unsigned stop)
{
	struct seen seen = { 0 };
	struct mqtt_cursor c;
	size_t from, len;

	mqtt_cursor_init(&c);
	for (from = 0; from < s.len; from += step) {
		len = s.len - from < step ? s.len - from : step;
		if (!walk_chunk(&c, s, from, len, stop, &seen))
			break;
	}
	seen.boundary = mqtt_cursor_at_boundary(&c);
	return seen;
}

static const struct row {
	const char *name;
	const char *hex;
	unsigned stop;
	size_t count; /* packets stopped at */
	size_t last; /* offset of the last one */
	bool bad;
	bool boundary;
} rows[] = {
	{ "nothing", "", MQTT_CURSOR_AT_ANY, 0, 0, false, true },
	{ "a PINGREQ", "c000", MQTT_CURSOR_AT_ANY, 1, 0, false, true },
	{ "half a PINGREQ", "c0", MQTT_CURSOR_AT_ANY, 1, 0, false, false },
	{ "three packets", "c000 30 03 0001'a' e000", MQTT_CURSOR_AT_ANY, 3, 7,
	    false, true },
	{ "a second CONNECT", "c000 10 02 0000 c000",
	    MQTT_CURSOR_AT(MQTT_TYPE_CONNECT), 1, 2, false, true },
	{ "a body that looks like a CONNECT",
	    "30 10 10101010101010101010101010101010 c000",
	    MQTT_CURSOR_AT(MQTT_TYPE_CONNECT), 0, 0, false, true },
	{ "an AUTH and the CONNACK", "f000 20 03 00 00 00 c000",
	    MQTT_CURSOR_AT(MQTT_TYPE_CONNACK), 1, 2, false, true },
	{ "nothing asked", "c000 10 02 0000 e000", 0, 0, 0, false, true },
	{ "a body that is not whole", "30 05 0001'a'", MQTT_CURSOR_AT_ANY, 1, 0,
	    false, false },
	{ "a length that is not whole", "30 8080", MQTT_CURSOR_AT_ANY, 1, 0,
	    false, false },
	{ "lengths longer than need be", "30 80808000 30 8100 aa e0 00",
	    MQTT_CURSOR_AT_ANY, 3, 9, false, true },
	{ "the largest body", "30 ffffff7f 00", MQTT_CURSOR_AT_ANY, 1, 0, false,
	    false },
	{ "type 0", "c000 0000", MQTT_CURSOR_AT_ANY, 1, 0, true, true },
	{ "type 0 when nothing is asked", "c000 0f00", 0, 0, 0, true, true },
	{ "a length of five bytes", "c000 30 8080808000", MQTT_CURSOR_AT_ANY, 2,
	    2, true, false },
};

static void
check_rows(void)
{
	const struct row *row = rows;
	struct kit_bytes b;
	struct seen s;
	size_t step;

	for (; row < rows + LEN(rows); row++) {
		b = kit_hex(row->hex);
		for (step = 1; step <= b.len || step == 1; step++) {
			s = walk(kit_slice(&b), step, row->stop);
			ok(s.count == row->count && s.bad == row->bad &&
				s.boundary == row->boundary &&
				(s.count == 0 ||
				    s.at[s.count - 1] == row->last),
			    "%s, chunks of %zu", row->name, step);
		}
		kit_free(&b);
	}
}

/* BAD says where: in front of the packet, if that is in this chunk. */
static void
check_bad_place(void)
{
	struct kit_bytes b = kit_hex("c000 c000 30 8080808000");
	struct seen s = walk(kit_slice(&b), b.len, 0);

	ok(s.bad && s.bad_at == 4, "bad in one chunk: at its first byte");
	s = walk(kit_slice(&b), 6, 0);
	ok(s.bad && s.bad_at == 6, "bad in the second: nothing of that");
	kit_free(&b);
}

/* A packet is taken out: the walk goes on behind it. */
static void
check_take_out(void)
{
	struct kit_bytes b = kit_hex("20 03 00 00 00 30 03 0001'a' d000");
	struct mqtt_cursor c;
	size_t pos = 0;

	mqtt_cursor_init(&c);
	is_int(mqtt_cursor_walk(&c, kit_slice(&b), &pos,
		   MQTT_CURSOR_AT(MQTT_TYPE_CONNACK)),
	    MQTT_CURSOR_PACKET, "in front of the CONNACK");
	is_int((long long)pos, 0, "at 0");
	pos = 5;
	is_int(mqtt_cursor_walk(&c, kit_slice(&b), &pos,
		   MQTT_CURSOR_AT(MQTT_TYPE_CONNACK)),
	    MQTT_CURSOR_END, "to the end behind it");
	ok(mqtt_cursor_at_boundary(&c), "at a boundary");
	ok(sizeof(c) <= 16, "in %zu bytes", sizeof(c));
	kit_free(&b);
}

/* A generator of numbers that is the same everywhere. */
static unsigned
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(*state >> 40);
}

/* Up to 40 packets, of lengths around those where the varint grows. */
static struct kit_bytes
random_stream(uint64_t *state, struct seen *want)
{
	static const size_t lens[] = { 0, 1, 2, 5, 50, 126, 127, 128, 129, 300,
		16383, 16384 };
	struct kit_bytes b = kit_copy("", 0);
	unsigned i, packets = next_random(state) % 40;
	size_t len;

	memset(want, 0, sizeof(*want));
	for (i = 0; i < packets; i++) {
		len = lens[next_random(state) % LEN(lens)];
		want->at[i] = b.len;
		want->first[i] = (uint8_t)(16 + next_random(state) % 240);
		kit_add_u8(&b, want->first[i]);
		kit_add_varint(&b, len);
		kit_add(&b, kit_run('\x10', len).data, len);
	}
	want->count = packets;
	return b;
}

static bool
same_packets(const struct seen *a, const struct seen *b)
{
	return a->count == b->count && !a->bad && !b->bad &&
	    memcmp(a->at, b->at, sizeof(a->at)) == 0 &&
	    memcmp(a->first, b->first, sizeof(a->first)) == 0;
}

/* Chunks of random length, mostly small. */
static struct seen
walk_randomly(struct slice s, uint64_t *state, unsigned most)
{
	struct seen seen = { 0 };
	struct mqtt_cursor c;
	size_t from, len;

	mqtt_cursor_init(&c);
	for (from = 0; from < s.len; from += len) {
		len = next_random(state) % most;
		if (len > s.len - from)
			len = s.len - from;
		(void)walk_chunk(&c, s, from, len, MQTT_CURSOR_AT_ANY, &seen);
	}
	seen.boundary = mqtt_cursor_at_boundary(&c);
	return seen;
}

static void
check_random(void)
{
	uint64_t state = 1;
	unsigned i, wrong = 0;
	struct seen want, got;
	struct kit_bytes b;

	for (i = 0; i < 300; i++) {
		b = random_stream(&state, &want);
		got = walk_randomly(kit_slice(&b), &state, 9 + i * 7);
		wrong += !same_packets(&got, &want) || !got.boundary;
		got = walk(kit_slice(&b), b.len + 1, MQTT_CURSOR_AT_ANY);
		wrong += !same_packets(&got, &want) || !got.boundary;
		kit_free(&b);
	}
	is_int(wrong, 0, "300 random streams in random chunks");
}

int
main(void)
{
	check_rows();
	check_bad_place();
	check_take_out();
	check_random();
	return done_testing();
}
