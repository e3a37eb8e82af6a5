/* SPDX-License-Identifier: ISC */
/*
 * What the MQTT tests share: bytes in allocations of their exact size, so that
 * ASan sees one read too many, and an encoder of CONNECT of its own, simple
 * and slow, that knows nothing of the code under test.
 */
#ifndef UNIT_MQTT_KIT_H
#define UNIT_MQTT_KIT_H

#include "base/slice.h"

/* Bytes being put together; free with kit_free(). */
struct kit_bytes {
	uint8_t *data; /* owned, of exactly len bytes (1 if len is 0) */
	size_t len;
};

/* A copy in an allocation of its own exact size. */
struct kit_bytes kit_copy(const void *data, size_t len);

/*
 * Reads hex digits; 'text in quotes' stands for itself, blanks for nothing.
 * Dies on anything else.
 */
struct kit_bytes kit_hex(const char *text);

void kit_free(struct kit_bytes *b);

/* Appenders; the allocation stays exact. */
void kit_add(struct kit_bytes *b, const void *data, size_t len);
void kit_add_u8(struct kit_bytes *b, unsigned value);
void kit_add_u16(struct kit_bytes *b, unsigned value);
void kit_add_varint(struct kit_bytes *b, size_t value);
void kit_add_string(struct kit_bytes *b, struct slice s);

static inline struct slice
kit_slice(const struct kit_bytes *b)
{
	return slice_make(b->data, b->len);
}

/* A string of `len' times `c', in storage that stays. */
struct slice kit_run(char c, size_t len);

/* A CONNECT in fields; data NULL means the field is not there. */
struct mqtt_kit_connect {
	unsigned level; /* the byte: 3, 4, 5, or with the bridge bit */
	bool clean;
	unsigned keep_alive;
	struct slice properties; /* v5 */
	struct slice client_id;
	struct slice will_topic; /* data != NULL: there is a will */
	struct slice will_payload;
	struct slice will_properties; /* v5 */
	unsigned will_qos;
	bool will_retain;
	struct slice username;
	struct slice password;
};

struct kit_bytes mqtt_kit_connect(const struct mqtt_kit_connect *k);

#endif
