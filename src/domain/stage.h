/* SPDX-License-Identifier: ISC */
/*
 * The seven stages of a connection, in its order. The same word names the
 * folder, the state, the log field, the counter, the prefix of the close
 * reason, the tests' folder and, where the stage has one of its own, the
 * timeout option.
 */
#ifndef DOMAIN_STAGE_H
#define DOMAIN_STAGE_H

#define STAGES(X) \
	X(ACCEPT, "accept") \
	X(TLS, "tls") \
	X(WS, "ws") \
	X(MQTT, "mqtt") \
	X(IDENTITY, "identity") \
	X(BACKEND, "backend") \
	X(RELAY, "relay")

enum stage {
#define X(id, name) STAGE_##id,
	STAGES(X)
#undef X
	STAGE_COUNT
};

/* The word of the stage; static. */
const char *stage_name(enum stage stage);

#endif
