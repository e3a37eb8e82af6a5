/* SPDX-License-Identifier: ISC */
/*
 * Takes the fields of a packet's body one after the other from a slice, and
 * remembers what was wrong with the first bad one: the reason for log, metric
 * and CONNACK, and a sentence naming the clause that is broken. Clause numbers
 * are those of MQTT 5 unless the text says otherwise.
 *
 * Every function returns false once something is wrong, so that a parser is a
 * row of takes. What they give points into the packet.
 */
#ifndef MQTT_READER_H
#define MQTT_READER_H

#include "domain/reason.h"
#include "mqtt/packet.h"

struct mqtt_reader {
	struct slice rest; /* borrowed: what is not taken yet */
	enum reason reason; /* REASON_NONE while all is good */
	const char *why; /* static; NULL while all is good */
};

static inline void
mqtt_reader_init(struct mqtt_reader *r, struct slice body)
{
	r->rest = body;
	r->reason = REASON_NONE;
	r->why = NULL;
}

/* Notes what is wrong and returns false. `why' must be static. */
bool mqtt_reader_fail(struct mqtt_reader *r, enum reason reason,
    const char *why);

bool mqtt_reader_u8(struct mqtt_reader *r, uint8_t *value);
bool mqtt_reader_u16(struct mqtt_reader *r, uint16_t *value);
bool mqtt_reader_u32(struct mqtt_reader *r, uint32_t *value);

/* A varint as MQTT 5 has it: not one byte longer than needed. */
bool mqtt_reader_varint(struct mqtt_reader *r, uint32_t *value);

/* `len' bytes. */
bool mqtt_reader_bytes(struct mqtt_reader *r, size_t len, struct slice *value);

/* Two bytes of length, then as many bytes: Binary Data (1.5.6). */
bool mqtt_reader_binary(struct mqtt_reader *r, struct slice *value);

/* The same, and a valid UTF-8 string (1.5.4); `why' is what to say if not. */
bool mqtt_reader_string(struct mqtt_reader *r, struct slice *value,
    const char *why);

/* A varint of length, then as many bytes: a list of properties (2.2.2). */
bool mqtt_reader_properties(struct mqtt_reader *r, struct slice *value);

#endif
