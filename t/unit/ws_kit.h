/* SPDX-License-Identifier: ISC */
/*
 * What the WebSocket tests share: a client's frames, built by code that knows
 * nothing of the code under test, and an owner that collects what it is told.
 * The stream beneath is a struct script.
 */
#ifndef UNIT_WS_KIT_H
#define UNIT_WS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_kit.h"
#include "script_stream.h"

/* A frame's first byte: opcode, and these. */
#define WSK_FIN 0x80
#define WSK_BINARY (WSK_FIN | 2)
#define WSK_CLOSE (WSK_FIN | 8)
#define WSK_PING (WSK_FIN | 9)
#define WSK_PONG (WSK_FIN | 10)

/* A client's frame, masked by a key that differs from frame to frame. */
void wsk_add_frame(struct kit_bytes *b, unsigned first, const void *payload,
    size_t len);

/* The same, unmasked: what the server sends. */
void wsk_add_server_frame(struct kit_bytes *b, unsigned first,
    const void *payload, size_t len);

/* A stream beneath on which `in' (moved) will come, with an endless window. A
 * write of a WebSocket stream leaves it the headroom that no frame header can
 * have used. */
void wsk_lower_init(struct script *l, struct kit_bytes in);

/* Above the code under test. */
struct wsk_owner {
	struct stream *stream; /* borrowed */
	size_t piece; /* bytes asked for in a read; 0 = 8192 */
	bool once; /* one read a READABLE, else until a short count */
	bool deaf; /* does not read when told */
	struct kit_bytes got;
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

/*
 * Takes the server's frames `out' apart: their payload, and what they were, as
 * "d5 q3 c1000 d0" (data and pong with length, close with code). False when
 * they are not whole, unmasked, final frames in the shortest form.
 */
bool wsk_split(const struct kit_bytes *out, struct kit_bytes *data,
    char *events, size_t size);

#endif
