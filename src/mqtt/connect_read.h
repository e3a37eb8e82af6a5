/* SPDX-License-Identifier: ISC */
/*
 * The mqtt stage: reads one whole CONNECT from a stream and reports the
 * result once. It has no deadline; the session has.
 */
#ifndef MQTT_CONNECT_READ_H
#define MQTT_CONNECT_READ_H

#include "io/loop.h"
#include "io/stream.h"
#include "mqtt/connect.h"

struct mqtt_connect_read;

/* Bytes of an unfinished CONNECT that no budget counts: more than what nearly
 * all devices send, so that a full budget does not keep them out. */
#define MQTT_CONNECT_READ_FREE 4096

/* The bytes that the unfinished CONNECTs of many clients have together, without
 * MQTT_CONNECT_READ_FREE of each. Any thread. */
struct mqtt_connect_budget {
	_Atomic size_t used;
	_Atomic size_t max;
};

struct mqtt_connect_result {
	/* The CONNECT and the bytes that followed it, in order. Owned, and
	 * freed after the callback. To keep it, copy the struct and call
	 * buf_init() on this one; the slices of `connect' stay valid. */
	struct buf bytes;
	size_t connect_len; /* of bytes; the rest belongs to the broker */
	struct mqtt_connect connect; /* slices point into bytes */
	enum mqtt_level level; /* for the answer; see mqtt_connect_parse() */
	const char *why; /* static, for the log's detail; NULL if good */
};

/*
 * Called once: with REASON_NONE and a CONNECT; or with a MQTT_* reason
 * (MQTT_CLOSED also if the stream failed), or with ACCEPT_RESOURCE if out of
 * memory. The stream is paused and has no owner to report to; it belongs to the
 * caller of start, as before. The handle is invalid from now on.
 */
typedef void mqtt_connect_read_cb(void *arg, enum reason reason,
    struct mqtt_connect_result *result);

/*
 * Becomes the owner of the events of `s', an open stream that the caller will
 * close, and starts reading. `policy' is borrowed until `done' is called. At
 * most its max_connect_size bytes (at least 14) are kept, and never more than
 * have come. ERR_NO_MEMORY: `s' is unchanged and *out is NULL.
 */
enum err mqtt_connect_read_start(struct mqtt_connect_read **out,
    struct loop *loop, struct stream *s, const struct mqtt_policy *policy,
    mqtt_connect_read_cb *done, void *arg) MUST_CHECK;

/* Counts the bytes in `budget' (borrowed) from now on: where they would be more
 * than it has, the client is refused with ACCEPT_RESOURCE. */
void mqtt_connect_read_set_budget(struct mqtt_connect_read *r,
    struct mqtt_connect_budget *budget);

/* Stops: the stream is paused, and `done' will not be called. Accepts NULL. */
void mqtt_connect_read_cancel(struct mqtt_connect_read *r);

#endif
