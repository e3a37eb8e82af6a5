/*
 * What is known of a client when its identity is decided: the certificate it
 * proved, the CONNECT it sent, and where it came from. All borrowed.
 */
#ifndef IDENTITY_INPUT_H
#define IDENTITY_INPUT_H

#include "domain/cert.h"
#include "mqtt/connect.h"

/* The longest Username or ClientID: an MQTT string's 16-bit length. */
#define IDENTITY_NAME_MAX 65535

/* Room for the sentence that says why, NUL included. */
#define IDENTITY_WHY_MAX 256

struct identity_input {
	const struct cert *cert; /* verified; NULL: none was presented */
	const struct mqtt_connect *connect; /* parsed and of good form */
	struct slice sni; /* as the client sent it; empty: none */
	struct slice peer; /* the address as text, without a port */
};

#endif
