/*
 * What a TLS stream is made of; for tls/ alone.
 */
#ifndef TLS_STREAM_BODY_H
#define TLS_STREAM_BODY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"
#include "tls/handshake.h"
#include "tls/verify.h"
#include "tls/wire.h"

/* Its life: one way, from top to bottom. */
enum tls_state {
	TLS_STATE_SHAKING,
	TLS_STATE_OPEN,
	TLS_STATE_FAILED, /* waits for its owner to close it */
	TLS_STATE_CLOSED /* waits for the end of the turn */
};

struct tls_stream {
	struct stream stream; /* first: the two are cast into one another */
	struct loop_grave grave;
	struct tls_wire wire;
	SSL *ssl; /* owned */
	struct tls_handshake *hs; /* owned; NULL once its results are taken */
	struct tls_verdict failure; /* when failed, and after STREAM_ERROR */
	uint32_t overhead; /* bytes received in this turn and not handed on */
	uint32_t dropped; /* bytes read and dropped since it failed */
	enum tls_state state;
	bool looked; /* the first bytes look like TLS */
	bool want; /* the owner wants READABLE */
	bool in_turn; /* an event of ours is being told */
	bool did_read; /* the owner has read since it was told */
	bool dry; /* the last receive of this turn took all there was */
	bool owes; /* a WRITABLE was promised */
	bool fin; /* our half is to end, or has */
	bool ended; /* the other half has */
	bool deaf; /* reading ended in an error: stream.error */
};

static inline struct tls_stream *
tls_stream_of(const struct stream *s)
{
	return list_entry(s, struct tls_stream, stream);
}

#endif
