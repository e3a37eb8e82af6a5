/* SPDX-License-Identifier: ISC */
/*
 * Writes a CONNECT with a changed Username, ClientID, password or User
 * Properties and no other byte changed. The caller decides what to change;
 * this file ensures that the result is a valid packet. Pure.
 */
#ifndef MQTT_CONNECT_EDIT_H
#define MQTT_CONNECT_EDIT_H

#include "base/buf.h"
#include "mqtt/connect.h"

/* What to do with a field. */
enum mqtt_edit {
	MQTT_KEEP,
	MQTT_SET,
	MQTT_REMOVE
};

struct mqtt_edit_field {
	enum mqtt_edit what;
	struct slice value; /* for MQTT_SET: borrowed, valid UTF-8 */
};

struct mqtt_user_property {
	struct slice name; /* borrowed, valid UTF-8 */
	struct slice value; /* borrowed, valid UTF-8 */
};

/* All zero changes nothing. */
struct mqtt_connect_edit {
	struct mqtt_edit_field username; /* may not be set to "" */
	struct mqtt_edit_field client_id; /* MQTT_REMOVE leaves it empty */
	enum mqtt_edit password; /* MQTT_KEEP or MQTT_REMOVE */
	/* Authentication Method and Data of MQTT 5: MQTT_KEEP or MQTT_REMOVE */
	enum mqtt_edit authentication;
	/* Borrowed. Both lists have no effect below MQTT 5. */
	const struct mqtt_user_property *add; /* after the client's own */
	size_t add_count;
	const struct slice *drop; /* names of the client's to remove */
	size_t drop_count;
};

/*
 * Appends the packet `c', as parsed, changed by `edit', to `out' in a single
 * reservation of its exact size. If nothing changes, the client's own bytes
 * are appended. Otherwise only the flags of the changed fields, the Remaining
 * Length and the property length change with them.
 *
 * Two changes are made beyond `edit', so that a broker never receives half of
 * a pair of credentials: below MQTT 5 the password is removed together with
 * the Username [3.1.1: MQTT-3.1.2-22], and an empty Username is removed
 * together with the password.
 *
 * ERR_LIMIT: a string over 65,535 bytes, a packet longer than its header can
 * express, or the cap of `out'. ERR_MALFORMED: a value that is not UTF-8, or
 * an empty Username. ERR_NO_MEMORY. On error `out' is unchanged.
 */
enum err mqtt_connect_write(struct buf *out, const struct mqtt_connect *c,
    const struct mqtt_connect_edit *edit) MUST_CHECK;

#endif
