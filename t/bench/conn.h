/* SPDX-License-Identifier: ISC */
/*
 * A client's connection in a load: TCP, then TLS and WebSocket where asked
 * for, then CONNECT and perhaps SUBSCRIBE; after that it sends one ready-made
 * message over and over and counts the packets that come back. MQTT 3.1.1.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packet types, as in the first byte's upper half. */
#define CONN_CONNACK 2
#define CONN_PUBLISH 3
#define CONN_SUBACK 9
#define CONN_PINGRESP 13

enum conn_phase {
	CONN_NEW,
	CONN_DIALLING,
	CONN_SHAKING,
	CONN_UPGRADING,
	CONN_GREETING, /* CONNECT is out */
	CONN_SUBSCRIBING,
	CONN_READY,
	CONN_DONE, /* closed by us */
	CONN_FAILED
};

struct conn;

/* What all connections of a load share. */
struct conn_shape {
	int epoll;
	uint32_t address; /* of the server, host order */
	uint16_t port;
	bool websocket;
	bool nagle; /* leave Nagle's algorithm on */
	bool subscribe; /* to the topic of its own messages */
	/* Publish right behind the SUBSCRIBE; ready when that is back. */
	bool first;
	SSL_CTX *ctx; /* NULL: plaintext */
	SSL_SESSION *session; /* resume this one, which must work */
	uint16_t version; /* what must be agreed */
	const char *cipher; /* the same, or NULL */
	void (*ready)(struct conn *c);
	void (*packet)(struct conn *c, unsigned type);
	void (*writable)(struct conn *c);
	void (*failed)(struct conn *c, const char *why);
};

/* Follows MQTT's framing. */
struct conn_packets {
	uint32_t left;
	uint8_t type;
	uint8_t shift;
	uint8_t state;
};

/* Follows the frames of a WebSocket server. */
struct conn_frames {
	uint64_t left;
	uint8_t header[10];
	uint8_t have;
};

struct conn {
	const struct conn_shape *shape; /* borrowed */
	SSL *ssl; /* owned; NULL: plaintext */
	int fd; /* owned; -1 once closed */
	unsigned number;
	enum conn_phase phase;
	bool resuming; /* it offered the shape's session */
	struct conn_packets packets;
	struct conn_frames frames;
	uint32_t head; /* of the upgrade's answer: newlines seen in a row */
	uint32_t unsent; /* bytes of the present message still to go */
	uint64_t sent; /* messages */
	uint64_t received; /* packets PUBLISH */
	uint64_t since; /* for the modes: when it sent */
	uint64_t opened; /* when connect() was called */
	uint64_t acked; /* when the CONNACK came */
};

/* Begins to connect. Failures are told through shape->failed, then or
 * later. */
void conn_open(struct conn *c, const struct conn_shape *shape, unsigned number);

/* To be called when epoll reports `c'. It may be closed after it. */
void conn_turn(struct conn *c);

/* Sends the message, or goes on with it: true when it is out, false when the
 * socket has to take more first or the connection failed. */
bool conn_send(struct conn *c, const uint8_t *message, size_t len);

/* Ends it in good order. Harmless when closed. */
void conn_close(struct conn *c);

/*
 * A message: PUBLISH of `len' bytes altogether, QoS 0, to topic "t/NUMBER"
 * with the first letter replaced by `kind', framed as `websocket' says.
 * Returns its length in `out', which has room for len + 16.
 */
size_t conn_publish(uint8_t *out, char kind, unsigned number, size_t len,
    bool websocket);

/* PUBLISH that asks the stub for `count' messages of `size' bytes. */
size_t conn_ask(uint8_t *out, uint32_t count, uint32_t size, bool websocket);

/* PINGREQ, framed. */
size_t conn_ping(uint8_t *out, bool websocket);

#endif
