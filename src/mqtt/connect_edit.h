/* SPDX-License-Identifier: ISC */
/*
 * Writes a CONNECT again with another Username, ClientID, password or User
 * Properties and not one other byte changed. What goes in is the caller's
 * decision; that the result is a good packet is made sure here.
 */
#ifndef MQTT_CONNECT_EDIT_H
#define MQTT_CONNECT_EDIT_H

#include "base/buf.h"
#include "mqtt/connect.h"

/* What becomes of a field. */
enum mqtt_edit {
	MQTT_KEEP,
	MQTT_SET,
	MQTT_REMOVE
};

struct mqtt_edit_field {
	enum mqtt_edit what;
	struct slice value; /* borrowed; of MQTT_SET, valid UTF-8 */
};

struct mqtt_user_property {
	struct slice name; /* borrowed, valid UTF-8 */
	struct slice value; /* borrowed, valid UTF-8 */
};

/* All zero: change nothing. */
struct mqtt_connect_edit {
	struct mqtt_edit_field username; /* may not be set to nothing */
	struct mqtt_edit_field client_id; /* MQTT_REMOVE leaves it empty */
	enum mqtt_edit password; /* MQTT_KEEP or MQTT_REMOVE */
	/* Borrowed. Below MQTT 5, which has none, these two do nothing. */
	const struct mqtt_user_property *add; /* behind the client's own */
	size_t add_count;
	const struct slice *drop; /* names of the client's to leave out */
	size_t drop_count;
};

/*
 * The exact size of the packet that mqtt_connect_write() makes of `c', as
 * parsed, and `edit'. ERR_LIMIT: a string over 65,535 bytes or a packet over
 * what its header can say; ERR_MALFORMED: a value that is not UTF-8, or a
 * Username set to nothing.
 */
enum err mqtt_connect_size(const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit, size_t *size) MUST_CHECK;

/*
 * Appends the edited packet to `out' in one reservation of its exact size.
 * Where nothing is changed the bytes are the client's own. Otherwise only the
 * flags of the changed fields, remaining length and property length follow
 * the change. Two things are done beyond `edit', since no broker may be sent
 * half a pair of credentials: below MQTT 5 the password goes with the
 * Username [3.1.1: MQTT-3.1.2-22], and a password that is removed takes a
 * Username of no bytes with it.
 *
 * Errors as above, and ERR_LIMIT for the cap of `out', ERR_NO_MEMORY; `out'
 * is unchanged then.
 */
enum err mqtt_connect_write(struct buf *out, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit) MUST_CHECK;

#endif
