/* SPDX-License-Identifier: ISC */
/*
 * An encoder of CONNECT of the tests' own, simple and slow, that knows nothing
 * of the code under test.
 */
#ifndef UNIT_MQTT_KIT_H
#define UNIT_MQTT_KIT_H

#include <stdbool.h>

#include "byte_kit.h"

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
