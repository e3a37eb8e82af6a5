/* SPDX-License-Identifier: ISC */
/*
 * What the WebSocket tests share: a stream beneath that is played by the
 * test, a client's frames built by code that knows nothing of the code under
 * test, and an owner that collects what it is told.
 */
#ifndef UNIT_WS_KIT_H
#define UNIT_WS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "io/loop.h"
#include "io/stream.h"

/* Bytes that grow; zeroed is empty. Free with wsk_free(). */
struct wsk_bytes {
	uint8_t *data; /* owned, of exactly len bytes */
	size_t len;
};

void wsk_add(struct wsk_bytes *b, const void *data, size_t len);
void wsk_add_str(struct wsk_bytes *b, const char *str);
void wsk_free(struct wsk_bytes *b);

/* A frame's first byte: opcode, and these. */
#define WSK_FIN 0x80
#define WSK_BINARY (WSK_FIN | 2)
#define WSK_CLOSE (WSK_FIN | 8)
#define WSK_PING (WSK_FIN | 9)
#define WSK_PONG (WSK_FIN | 10)

/* A client's frame, masked by a key that differs from frame to frame. */
void wsk_add_frame(struct wsk_bytes *b, unsigned first, const void *payload,
    size_t len);

/* The same, unmasked: what the server sends. */
void wsk_add_server_frame(struct wsk_bytes *b, unsigned first,
    const void *payload, size_t len);

/* `len' bytes that look random; the same for the same `len'. */
struct wsk_bytes wsk_noise(size_t len);

/* A small generator, for cuts that differ. */
uint32_t wsk_random(uint32_t *seed);

/* The stream beneath. It keeps the contract of io/stream.h, and checks that
 * the code above does. */
struct wsk_lower {
	struct stream stream; /* first */
	struct wsk_bytes in; /* all that will ever come */
	size_t arrived; /* of it, so far */
	size_t taken; /* of it, read */
	bool eof; /* comes behind `in' */
	bool broken; /* reads and writes fail */
	struct wsk_bytes out; /* written to it */
	size_t window; /* bytes it takes before it is full */
	size_t writes; /* calls that were made */
	size_t reads;
	bool wanted;
	bool promised; /* WRITABLE */
	bool told; /* by AGAIN or a short count: no READABLE till more */
	int shutdowns;
	int closes;
};

/* A stream beneath on which `in' will come (moved), with an endless window. */
void wsk_lower_init(struct wsk_lower *l, struct wsk_bytes in);
void wsk_lower_fini(struct wsk_lower *l);

/* `n' more bytes arrive, or as many as are left; tells READABLE if that is
 * wanted, and again until all is read or it is no longer wanted. */
void wsk_lower_arrive(struct wsk_lower *l, size_t n);

/* Tells READABLE while the contract says so, `n' times at the most. */
void wsk_lower_tell(struct wsk_lower *l, int n);

/* It takes `n' bytes more; tells WRITABLE if that was promised. */
void wsk_lower_open(struct wsk_lower *l, size_t n);

/* Above the code under test. */
struct wsk_owner {
	struct stream *stream; /* borrowed */
	size_t piece; /* bytes asked for in a read; 0 = 8192 */
	bool once; /* one read a READABLE, else until a short count */
	bool deaf; /* does not read when told */
	struct wsk_bytes got;
	ssize_t end; /* STREAM_EOF or _ERROR once read; else 1 */
	int readable; /* events */
	int writable;
};

/* Becomes the owner of `s', not yet wanting to read. */
void wsk_owner_init(struct wsk_owner *o, struct stream *s);
void wsk_owner_fini(struct wsk_owner *o);

/* Writes `len' bytes through `s' from a buffer with the headroom of the
 * contract and not a byte more; returns what the write did. */
ssize_t wsk_write(struct stream *s, const uint8_t *data, size_t len);

/* One turn of the loop: timers of no length fire, the dead are buried. */
void wsk_turn(struct loop *loop);

/*
 * Takes the server's frames `out' apart: their payload, and what they were, as
 * "d5 q3 c1000 d0" (data and pong with length, close with code). False when
 * they are not whole, unmasked, final frames in the shortest form.
 */
bool wsk_split(const struct wsk_bytes *out, struct wsk_bytes *data,
    char *events, size_t size);

#endif
