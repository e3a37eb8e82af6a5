/* SPDX-License-Identifier: ISC */
/*
 * peer: both ends of the wire for the integration tests. It plays the device
 * (TCP, TLS, WebSocket) and the broker (a listening socket that records), is
 * driven by one command a line on stdin and answers one line each on stdout.
 * Every command has a deadline. It understands MQTT only as far as pump needs
 * to send well-formed packets; packets are built in t/lib/Sallyport/Mqtt.pm.
 */
#ifndef LIB_PEER_H
#define LIB_PEER_H

#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_CONNS 1024
#define PEER_SESSIONS 32
#define PEER_ARGS 32
#define PEER_NAME 24

/* Bytes that grow; zero-initialised is empty. */
struct bytes {
	uint8_t *data; /* owned */
	size_t len;
	size_t cap;
};

/* How a wait ended. */
enum io {
	IO_OK,
	IO_EOF,
	IO_TIMEOUT,
	IO_ERROR
};

/* A full-duplex transfer; kept between commands, so it can be continued. */
struct pump {
	uint64_t packets; /* to send */
	size_t size; /* bytes of one packet's body */
	size_t chunk; /* bytes of one write, or of one frame */
	uint64_t made; /* packets put in `out' so far */
	uint64_t expect; /* bytes to receive; UINT64_MAX: until EOF */
	uint64_t sent;
	uint64_t received;
	uint32_t seed;
	struct bytes out; /* framed, not yet written */
	SHA256_CTX sent_sum;
	SHA256_CTX received_sum;
};

/* One socket: listening, accepted or dialled. */
struct conn {
	char name[PEER_NAME]; /* "" = free slot */
	int fd;
	int websocket; /* frame what is sent, unframe what comes */
	int ws_server; /* do not mask */
	SSL_CTX *ctx; /* owned, NULL before tls */
	SSL *ssl; /* owned, NULL before tls */
	SSL_SESSION *session; /* owned, the newest ticket */
	int alert; /* the last alert received, -1 none */
	int close_code; /* of a WebSocket close frame, -1 none */
	const char *how; /* how it ended: notify, fin, reset, close */
	char error[200];
	struct bytes in; /* as read from the socket or TLS */
	struct bytes data; /* MQTT bytes out of frames */
	struct pump pump;
};

struct session {
	char name[PEER_NAME];
	SSL_SESSION *session; /* owned */
};

struct peer {
	struct conn conns[PEER_CONNS];
	struct session sessions[PEER_SESSIONS];
};

/* A command: VERB NAME KEY=VALUE... ; all borrowed from the line. */
struct args {
	const char *verb;
	const char *name;
	size_t count;
	const char *key[PEER_ARGS];
	const char *value[PEER_ARGS];
};

/* One WebSocket frame, unmasked; payload points into the conn's input. */
struct frame {
	int op;
	int fin;
	int rsv;
	int masked;
	const uint8_t *payload;
	size_t len;
	size_t whole; /* bytes to consume */
};

/* peer.c */

/* The value of `key', or `otherwise' when it was not given. */
const char *arg_str(const struct args *a, const char *key,
    const char *otherwise);
long arg_num(const struct args *a, const char *key, long otherwise);

/* Milliseconds of the monotonic clock by which this command must answer. */
int64_t arg_deadline(const struct args *a);

/* The named connection; NULL when there is none. */
struct conn *peer_find(struct peer *p, const char *name);

/* Prints the answer for an ended wait, with what is known of the end. */
void say_end(const struct conn *c, enum io io);

/* peer_io.c */
int64_t now_ms(void);
void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_drop(struct bytes *b, size_t len); /* from the front */
void bytes_free(struct bytes *b);

/* Waits for poll events on the connection's socket. */
enum io conn_poll(struct conn *c, short events, int64_t deadline);

/* One read of what is there, without waiting; IO_TIMEOUT: nothing yet. */
enum io conn_try_read(struct conn *c);

/* One write; `*done' says how much. IO_TIMEOUT: the socket is full. */
enum io conn_try_write(struct conn *c, const uint8_t *data, size_t len,
    size_t *done);

/* Reads at least one byte into c->in by the deadline. */
enum io conn_fill(struct conn *c, int64_t deadline);

/* Writes all by the deadline. */
enum io conn_put(struct conn *c, const uint8_t *data, size_t len,
    int64_t deadline);

/* Closes the socket and forgets all; the slot is free afterwards. */
void conn_free(struct conn *c);

/* peer_net.c: open, listen, accept, pending; each answers its command. */
void net_open(struct peer *p, struct conn *c, const struct args *a);
void net_listen(struct peer *p, struct conn *c, const struct args *a);
void net_accept(struct peer *p, struct conn *c, const struct args *a);
void net_pending(struct peer *p, struct conn *c, const struct args *a);

/* peer_tls.c: tls, ticket */
void tls_handshake(struct peer *p, struct conn *c, const struct args *a);
void tls_ticket(struct peer *p, struct conn *c, const struct args *a);

/* peer_ws.c */

/* Appends one frame to `out'; masked unless `server'. */
void ws_frame_write(struct bytes *out, int op, const uint8_t *payload,
    size_t len, int server);

/* The next frame in `in': 1 = there, 0 = more bytes needed. */
int ws_frame_parse(struct bytes *in, struct frame *f);

/* peer_pump.c */
void pump_run(struct peer *p, struct conn *c, const struct args *a);

#endif
