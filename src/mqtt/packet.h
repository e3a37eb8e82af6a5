/* SPDX-License-Identifier: ISC */
/*
 * What all MQTT packets have in common: the type, the fixed header and the
 * encodings of fields (MQTT 5, 1.5 and 2.1); a reader that takes the fields of
 * one packet; and a cursor that finds where packets begin in a stream. Pure.
 *
 * Clause numbers in texts are those of MQTT 5 unless a text says otherwise.
 */
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include "base/err.h"
#include "base/slice.h"
#include "domain/reason.h"

/* The high four bits of a packet's first byte (2.1.2). */
enum mqtt_type {
	MQTT_TYPE_RESERVED,
	MQTT_TYPE_CONNECT,
	MQTT_TYPE_CONNACK,
	MQTT_TYPE_PUBLISH,
	MQTT_TYPE_PUBACK,
	MQTT_TYPE_PUBREC,
	MQTT_TYPE_PUBREL,
	MQTT_TYPE_PUBCOMP,
	MQTT_TYPE_SUBSCRIBE,
	MQTT_TYPE_SUBACK,
	MQTT_TYPE_UNSUBSCRIBE,
	MQTT_TYPE_UNSUBACK,
	MQTT_TYPE_PINGREQ,
	MQTT_TYPE_PINGRESP,
	MQTT_TYPE_DISCONNECT,
	MQTT_TYPE_AUTH
};

/* The protocol level of a CONNECT without the bridge bit: the version. */
enum mqtt_level {
	MQTT_LEVEL_UNKNOWN = 0,
	MQTT_LEVEL_31 = 3, /* MQIsdp */
	MQTT_LEVEL_311 = 4,
	MQTT_LEVEL_5 = 5
};

#define MQTT_VARINT_MAX 4 /* bytes */
#define MQTT_REMAINING_MAX 268435455 /* the most that four bytes can encode */
#define MQTT_STRING_MAX 65535 /* a string's length has 16 bits */
#define MQTT_HEADER_MAX (1 + MQTT_VARINT_MAX)

static inline enum mqtt_type
mqtt_packet_type(uint8_t first)
{
	return (enum mqtt_type)(first >> 4);
}

/*
 * Reads the Variable Byte Integer at the front of `in'. PARSE_OK: `value' is
 * set, and `used' to its 1 to 4 bytes. That may be more than necessary, which
 * is malformed in MQTT 5 [MQTT-1.5.5-1] and legal before; the caller compares
 * with mqtt_varint_len(). PARSE_BAD: a fifth byte would follow.
 */
enum parse mqtt_varint_parse(struct slice in, uint32_t *value, size_t *used);

/* Bytes of the shortest encoding of `value' (<= MQTT_REMAINING_MAX). */
static inline size_t
mqtt_varint_len(uint32_t value)
{
	if (value < 1U << 14)
		return value < 1U << 7 ? 1 : 2;
	return value < 1U << 21 ? 3 : 4;
}

/* Writes the shortest encoding of `value' (<= MQTT_REMAINING_MAX) to `out',
 * which has room for mqtt_varint_len(value) bytes. Returns the end of it. */
uint8_t *mqtt_varint_write(uint8_t *out, uint32_t value);

/* Writes a string (<= MQTT_STRING_MAX) with its length to `out', which has
 * room for 2 + s.len bytes. Returns the end of it. */
uint8_t *mqtt_string_write(uint8_t *out, struct slice s);

struct mqtt_header {
	uint32_t remaining; /* bytes after the header */
	uint8_t first; /* type and flags */
	uint8_t len; /* of the header: 2 to 5 */
};

/* Reads a fixed header. PARSE_BAD: the Remaining Length has more than four
 * bytes. */
enum parse mqtt_header_parse(struct mqtt_header *h, struct slice in);

/* Bytes of the whole packet; at most 5 + MQTT_REMAINING_MAX. */
static inline size_t
mqtt_header_total(const struct mqtt_header *h)
{
	return (size_t)h->len + h->remaining;
}

/*
 * Takes the fields of a packet's body one after another. The first bad field
 * sets `reason' (for log, metric and CONNACK) and `why' (a sentence that names
 * the violated clause). Each function returns false if its field is bad, so a
 * parser is a row of calls. The values point into the packet.
 */
struct mqtt_reader {
	struct slice rest; /* borrowed: what is not taken yet */
	enum reason reason; /* REASON_NONE while all fields are good */
	const char *why; /* static; NULL while all fields are good */
};

static inline void
mqtt_reader_init(struct mqtt_reader *r, struct slice body)
{
	r->rest = body;
	r->reason = REASON_NONE;
	r->why = NULL;
}

/* Records what is wrong and returns false. `why' must be static. */
bool mqtt_reader_fail(struct mqtt_reader *r, enum reason reason,
    const char *why);

bool mqtt_reader_u8(struct mqtt_reader *r, uint8_t *value);
bool mqtt_reader_u16(struct mqtt_reader *r, uint16_t *value);
bool mqtt_reader_u32(struct mqtt_reader *r, uint32_t *value);

/* A Variable Byte Integer as MQTT 5 requires it: in its shortest form. */
bool mqtt_reader_varint(struct mqtt_reader *r, uint32_t *value);

/* Binary Data (1.5.6): two bytes of length, then as many bytes. */
bool mqtt_reader_binary(struct mqtt_reader *r, struct slice *value);

/* A UTF-8 Encoded String (1.5.4); `why' is recorded if it is not one. */
bool mqtt_reader_string(struct mqtt_reader *r, struct slice *value,
    const char *why);

/* A list of properties (2.2.2): a Variable Byte Integer, then as many bytes. */
bool mqtt_reader_properties(struct mqtt_reader *r, struct slice *value);

/*
 * Finds where packets begin in a stream. The relay moves one of these over
 * every chunk that it forwards in a direction, to stop a second CONNECT, to
 * find the CONNACK, and to know when a packet of its own may be inserted. It
 * skips bodies without examining them, so the cost is a few instructions for
 * a packet, not for a byte. All zero is the beginning of a stream.
 */
struct mqtt_cursor {
	uint32_t left; /* bytes of the current body that have not come */
	uint32_t length; /* the value of the length bytes so far */
	uint8_t seen; /* bytes of the current header so far; 0: none */
};

/* The types of packets at which mqtt_cursor_walk() stops, or'ed; 0: none. */
#define MQTT_CURSOR_AT(type) (1U << (type))
#define MQTT_CURSOR_AT_ANY 0xffffU

enum mqtt_cursor_stop {
	MQTT_CURSOR_END, /* at the end of the chunk */
	MQTT_CURSOR_PACKET, /* in front of a packet of a requested type */
	MQTT_CURSOR_BAD /* not MQTT: type 0, or a length of five bytes */
};

static inline void
mqtt_cursor_init(struct mqtt_cursor *c)
{
	c->left = 0;
	c->length = 0;
	c->seen = 0;
}

/* True between two packets, where another packet may be inserted. */
static inline bool
mqtt_cursor_at_boundary(const struct mqtt_cursor *c)
{
	return c->left == 0 && c->seen == 0;
}

/*
 * Moves from chunk[*pos] on and updates `*pos'.
 *
 * END: *pos is the length of the chunk; all of it may be forwarded.
 * PACKET: *pos is the offset of the first byte of a packet whose type is in
 * `stop'. The cursor is at a boundary in front of that byte. To remove the
 * packet, continue with *pos after it; to forward it, continue with `stop'
 * not containing its type.
 * BAD: *pos is the offset of the first byte of the bad packet, or unchanged if
 * that byte came in an earlier chunk. Do not continue.
 */
enum mqtt_cursor_stop mqtt_cursor_walk(struct mqtt_cursor *c,
    struct slice chunk, size_t *pos, unsigned stop);

#endif
