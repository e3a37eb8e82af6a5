/* SPDX-License-Identifier: ISC */
/*
 * Which CONNECTs are wanted here: versions, size, bridge bit. The one place
 * that gives the mqtt stage's verdict, so that `sallyport explain' cannot
 * differ from the daemon.
 */
#ifndef MQTT_POLICY_H
#define MQTT_POLICY_H

#include "mqtt/connect.h"

enum mqtt_bridge {
	MQTT_BRIDGE_KEEP,
	MQTT_BRIDGE_REFUSE
};

/* The bit of one version in mqtt_policy.versions. */
#define MQTT_VERSION_BIT(level) (1U << (level))
#define MQTT_VERSIONS_ALL \
	(MQTT_VERSION_BIT(MQTT_LEVEL_31) | MQTT_VERSION_BIT(MQTT_LEVEL_311) | \
	    MQTT_VERSION_BIT(MQTT_LEVEL_5))

struct mqtt_policy {
	size_t max_connect_size; /* bytes, the fixed header included */
	unsigned versions; /* MQTT_VERSION_BIT()s that are let in */
	enum mqtt_bridge bridge;
};

/*
 * As mqtt_connect_parse(), and also refuses what `policy' does not want:
 * MQTT_TOO_LARGE as soon as the header and the level are here (the level, so
 * that a v5 client can be told), then MQTT_VERSION, MQTT_BRIDGE, and
 * MQTT_CLIENTID for an empty ClientID with Clean Session 0 below MQTT 5. That
 * last one is the client's own mistake and refused before any name of a
 * certificate is put in its place.
 *
 * Never asks for more bytes than max_connect_size, if that is at least 14.
 */
enum parse mqtt_policy_parse(const struct mqtt_policy *policy,
    struct mqtt_connect *c, struct slice in, size_t *used, const char **why);

#endif
