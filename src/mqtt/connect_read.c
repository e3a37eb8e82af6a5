/* SPDX-License-Identifier: ISC */
#include "mqtt/connect_read.h"

#include <stdatomic.h>
#include <stdlib.h>

struct mqtt_connect_read {
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct stream *stream; /* borrowed; NULL once over */
	const struct mqtt_policy *policy; /* borrowed */
	mqtt_connect_read_cb *done;
	void *arg; /* borrowed: the argument of `done' */
	struct buf bytes; /* owned: what has come so far */
	struct mqtt_connect_budget *budget; /* borrowed; may be NULL */
	size_t charged; /* bytes counted in it */
};

/* Counts `len' bytes more. False: the budget does not have them. */
static bool
charge(struct mqtt_connect_read *r, size_t len)
{
	size_t total = buf_len(&r->bytes) + len;
	size_t more;

	if (r->budget == NULL || total <= MQTT_CONNECT_READ_FREE)
		return true;
	more = total - MQTT_CONNECT_READ_FREE - r->charged;
	r->charged += more;
	return atomic_fetch_add(&r->budget->used, more) + more <=
	    atomic_load(&r->budget->max);
}

/* Ends the use of the stream. `r' itself lives until the end of the loop turn,
 * because this may run inside its own callback. */
static void
retire(struct mqtt_connect_read *r)
{
	if (r->charged > 0)
		atomic_fetch_sub(&r->budget->used, r->charged);
	stream_disown(r->stream);
	r->stream = NULL;
	loop_free_later(r->loop, &r->garbage, r, free);
}

/* Reports the result. The stream may be gone after this. */
static void
finish(struct mqtt_connect_read *r, enum reason reason,
    struct mqtt_connect_result *result)
{
	result->bytes = r->bytes;
	buf_init(&r->bytes, 0);
	retire(r);
	r->done(r->arg, reason, result);
	buf_fini(&result->bytes);
}

static void
fail(struct mqtt_connect_read *r, enum reason reason, const char *why)
{
	struct mqtt_connect_result result = { .why = why };

	finish(r, reason, &result);
}

static void
judge(struct mqtt_connect_read *r)
{
	struct mqtt_connect_result result = { 0 };
	enum parse parsed;

	parsed = mqtt_policy_parse(r->policy, &result.connect,
	    buf_slice(&r->bytes), &result.connect_len, &result.why);
	if (parsed == PARSE_MORE)
		return;
	result.level = result.connect.level;
	finish(r, result.connect.reason, &result);
}

static void
keep(struct mqtt_connect_read *r, const uint8_t *data, size_t len)
{
	if (!charge(r, len))
		fail(r, REASON_ACCEPT_RESOURCE,
		    "all unfinished CONNECTs together are too large; see "
		    "[limits] connect_memory");
	else if (buf_append(&r->bytes, data, len) == OK)
		judge(r);
	else
		fail(r, REASON_ACCEPT_RESOURCE, err_text(ERR_NO_MEMORY));
}

/*
 * Reads once per event; the stream reports READABLE again while there is more.
 * Never reads more than max_connect_size: bytes pipelined after the CONNECT
 * can wait in the stream.
 */
static void
on_event(struct stream *s, enum stream_event event, void *arg)
{
	struct mqtt_connect_read *r = arg;
	uint8_t *scratch = loop_scratch(r->loop, LOOP_SCRATCH_PLAIN);
	size_t room = r->policy->max_connect_size - buf_len(&r->bytes);
	ssize_t n;

	if (event == STREAM_BROKEN) {
		fail(r, REASON_MQTT_CLOSED, err_text(stream_error(s)));
		return;
	}
	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, scratch,
	    room < LOOP_SCRATCH_LEN ? room : LOOP_SCRATCH_LEN);
	if (n > 0)
		keep(r, scratch, (size_t)n);
	else if (n == STREAM_EOF)
		fail(r, REASON_MQTT_CLOSED, "closed by the client");
	else if (n == STREAM_ERROR)
		fail(r, REASON_MQTT_CLOSED, err_text(stream_error(s)));
}

enum err
mqtt_connect_read_start(struct mqtt_connect_read **out, struct loop *loop,
    struct stream *s, const struct mqtt_policy *policy,
    mqtt_connect_read_cb *done, void *arg)
{
	struct mqtt_connect_read *r = calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return ERR_NO_MEMORY;
	r->loop = loop;
	r->stream = s;
	r->policy = policy;
	r->done = done;
	r->arg = arg;
	buf_init(&r->bytes, policy->max_connect_size);
	stream_set_owner(s, on_event, r);
	stream_want_read(s, true);
	return OK;
}

void
mqtt_connect_read_set_budget(struct mqtt_connect_read *r,
    struct mqtt_connect_budget *budget)
{
	r->budget = budget;
}

void
mqtt_connect_read_cancel(struct mqtt_connect_read *r)
{
	if (r == NULL || r->stream == NULL)
		return;
	buf_fini(&r->bytes);
	retire(r);
}
