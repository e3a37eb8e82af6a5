/* SPDX-License-Identifier: ISC */
/*
 * The mqtt stage: reads a stream until one whole CONNECT is there, and gives
 * its verdict once. It waits for one client and knows no deadline; how long
 * that may take is the session's business.
 */
#ifndef MQTT_CONNECT_READ_H
#define MQTT_CONNECT_READ_H

#include "io/loop.h"
#include "io/stream.h"
#include "mqtt/policy.h"

struct mqtt_connect_read;

struct mqtt_connect_result {
	/* The CONNECT and whatever came behind it, in order. Owned: whoever
	 * wants it copies the struct and calls buf_init() on this one; the
	 * slices of `connect' stay good. Else it is freed after the call. */
	struct buf bytes;
	size_t connect_len; /* of bytes; the rest belongs to the broker */
	struct mqtt_connect connect; /* slices point into bytes */
	enum mqtt_level level; /* what to answer in; see mqtt_connect_parse() */
	const char *why; /* static, for the log's detail; NULL if good */
};

/*
 * Called once with REASON_NONE and a CONNECT, or with why there is none: one
 * of the MQTT_* reasons (MQTT_CLOSED also when the stream broke), or
 * ACCEPT_RESOURCE when memory ran out. The stream is paused, still the
 * caller's, and has no owner that minds; set one. The greet is gone: forget
 * its handle.
 */
typedef void mqtt_connect_read_cb(void *arg, enum reason reason,
    struct mqtt_connect_result *result);

/*
 * Becomes the owner of `s', an open stream that stays the caller's to close,
 * and starts reading. `policy' is borrowed until `done'; at no time are more
 * than its max_connect_size bytes (at least 14) kept, and no more than really
 * came. ERR_NO_MEMORY; then `s' is untouched and *out NULL.
 */
enum err mqtt_connect_read_start(struct mqtt_connect_read **out,
    struct loop *loop, struct stream *s, const struct mqtt_policy *policy,
    mqtt_connect_read_cb *done, void *arg) MUST_CHECK;

/* Stops: the stream is paused, `done' will not be called. NULL is fine. */
void mqtt_connect_read_cancel(struct mqtt_connect_read *g);

#endif
