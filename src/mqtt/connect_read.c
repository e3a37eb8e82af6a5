/* SPDX-License-Identifier: ISC */
#include "mqtt/connect_read.h"

#include <stdlib.h>

struct mqtt_connect_read {
	struct loop *loop; /* borrowed */
	struct stream *stream; /* borrowed */
	const struct mqtt_policy *policy; /* borrowed */
	mqtt_connect_read_cb *done;
	void *arg; /* borrowed: done's */
	struct buf bytes; /* owned: what has come so far */
};

/* Lets go of the stream and frees `g'; its bytes must be taken care of. */
static void
let_go(struct mqtt_connect_read *g)
{
	stream_disown(g->stream);
	free(g);
}

/* The one way out. `g' is gone after this, and the stream may be. */
static void
finish(struct mqtt_connect_read *g, enum reason reason,
    struct mqtt_connect_result *result)
{
	mqtt_connect_read_cb *done = g->done;
	void *arg = g->arg;

	result->bytes = g->bytes;
	let_go(g);
	done(arg, reason, result);
	buf_fini(&result->bytes);
}

static void
finish_early(struct mqtt_connect_read *g, enum reason reason, const char *why)
{
	struct mqtt_connect_result result = { .why = why };

	finish(g, reason, &result);
}

/* `g' may be gone after this. */
static void
judge(struct mqtt_connect_read *g)
{
	struct mqtt_connect_result result = { 0 };
	enum parse verdict;

	verdict = mqtt_policy_parse(g->policy, &result.connect,
	    buf_slice(&g->bytes), &result.connect_len, &result.why);
	if (verdict == PARSE_MORE)
		return;
	result.level = result.connect.level;
	finish(g, result.connect.reason, &result);
}

/* `g' may be gone after this. */
static void
keep(struct mqtt_connect_read *g, const uint8_t *data, size_t len)
{
	if (buf_append(&g->bytes, data, len) == OK)
		judge(g);
	else
		finish_early(g, REASON_ACCEPT_RESOURCE,
		    err_text(ERR_NO_MEMORY));
}

/*
 * One read for an event: the stream tells again while there is more. Never
 * more than fits under the cap: bytes pipelined behind the CONNECT can wait
 * in the stream.
 */
static void
on_event(struct stream *s, enum stream_event event, void *arg)
{
	struct mqtt_connect_read *g = arg;
	uint8_t *scratch = loop_scratch(g->loop, LOOP_SCRATCH_PLAIN);
	size_t room = g->policy->max_connect_size - buf_len(&g->bytes);
	ssize_t n;

	if (event == STREAM_BROKEN) {
		finish_early(g, REASON_MQTT_CLOSED, err_text(stream_error(s)));
		return;
	}
	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, scratch,
	    room < LOOP_SCRATCH_LEN ? room : LOOP_SCRATCH_LEN);
	if (n > 0)
		keep(g, scratch, (size_t)n);
	else if (n == STREAM_EOF)
		finish_early(g, REASON_MQTT_CLOSED, "closed by the client");
	else if (n == STREAM_ERROR)
		finish_early(g, REASON_MQTT_CLOSED, err_text(stream_error(s)));
}

enum err
mqtt_connect_read_start(struct mqtt_connect_read **out, struct loop *loop,
    struct stream *s, const struct mqtt_policy *policy,
    mqtt_connect_read_cb *done, void *arg)
{
	struct mqtt_connect_read *g = calloc(1, sizeof(*g));

	*out = g;
	if (g == NULL)
		return ERR_NO_MEMORY;
	g->loop = loop;
	g->stream = s;
	g->policy = policy;
	g->done = done;
	g->arg = arg;
	buf_init(&g->bytes, policy->max_connect_size);
	stream_set_owner(s, on_event, g);
	stream_want_read(s, true);
	return OK;
}

void
mqtt_connect_read_cancel(struct mqtt_connect_read *g)
{
	if (g == NULL)
		return;
	buf_fini(&g->bytes);
	let_go(g);
}
