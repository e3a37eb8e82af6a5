/* SPDX-License-Identifier: ISC */
/*
 * Most requests come in one piece and are parsed in the loop's scratch buffer.
 * Memory is needed only for the last line of a request that is incomplete, and
 * for bytes that follow the request.
 */
#include "ws/open.h"

#include <stdlib.h>

#include "ws/stream_ws.h"

struct ws_open {
	struct loop_garbage garbage;
	struct loop *loop; /* borrowed */
	struct stream *lower; /* borrowed; NULL once the stage is over */
	ws_open_done *done;
	void *arg; /* borrowed: the argument of `done' */
	struct ws_policy policy;
	struct ws_upgrade upgrade;
	enum reason reason; /* for `done', once the answer is written */
	struct buf in; /* read but not parsed; after the request: frames */
	struct buf out; /* the part of the answer that is not written yet */
};

/* Ends the use of the stream beneath and frees everything; `o' itself lives
 * until the end of the loop turn. */
static void
retire(struct ws_open *o)
{
	buf_fini(&o->in);
	buf_fini(&o->out);
	o->lower = NULL;
	loop_free_later(o->loop, &o->garbage, o, free);
}

static void
finish(struct ws_open *o, enum reason reason)
{
	struct stream *lower = o->lower;
	struct stream *ws = NULL;
	char detail[WS_DETAIL_MAX];

	stream_disown(lower);
	if (reason == REASON_NONE) {
		ws = ws_stream_new(o->loop, lower, buf_slice(&o->in));
		if (ws == NULL)
			reason = REASON_ACCEPT_RESOURCE;
	}
	retire(o);
	o->done(o->arg, reason, ws, ws_upgrade_detail(&o->upgrade, detail));
}

/* Writes as much of the answer as the stream takes. The stage is over when all
 * is written. */
static void
write_answer(struct ws_open *o)
{
	ssize_t n;

	n = stream_write(o->lower, buf_data(&o->out), buf_len(&o->out));
	if (n < 0) {
		finish(o, REASON_WS_CLOSED);
		return;
	}
	buf_consume(&o->out, (size_t)n);
	if (buf_len(&o->out) == 0)
		finish(o, o->reason);
}

/* The result is known; what is left in `in' does not belong to the request. */
static void
answer(struct ws_open *o)
{
	uint8_t *to = buf_reserve(&o->out, WS_ANSWER_MAX);

	stream_want_read(o->lower, false);
	if (to == NULL) {
		finish(o, REASON_ACCEPT_RESOURCE);
		return;
	}
	o->reason = ws_upgrade_reason(o->upgrade.result);
	buf_commit(&o->out, ws_upgrade_answer(&o->upgrade, (char *)to));
	write_answer(o);
}

/* Parses the bytes kept so far followed by `in', and keeps what the parser did
 * not consume. */
static enum err
parse(struct ws_open *o, struct slice in, enum parse *p)
{
	bool kept = buf_len(&o->in) > 0;
	size_t used;

	if (kept) {
		if (buf_append(&o->in, in.data, in.len) != OK)
			return ERR_NO_MEMORY;
		in = buf_slice(&o->in);
	}
	*p = ws_upgrade_parse(&o->upgrade, in, &used);
	if (!kept)
		return buf_append(&o->in, in.data + used, in.len - used);
	buf_consume(&o->in, used);
	return OK;
}

static void
read_request(struct ws_open *o)
{
	uint8_t *data = loop_scratch(o->loop, LOOP_SCRATCH_FRAME);
	enum parse p;
	ssize_t n;

	/* One byte over the limit is enough for the parser to refuse the
	 * request. Bytes that are not read now stay in the stream beneath. */
	n = stream_read(o->lower, data, WS_UPGRADE_MAX + 1 - buf_len(&o->in));
	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		finish(o, REASON_WS_CLOSED);
		return;
	}
	if (parse(o, slice_make(data, (size_t)n), &p) != OK) {
		finish(o, REASON_ACCEPT_RESOURCE);
		return;
	}
	if (p != PARSE_MORE)
		answer(o);
}

static void
from_lower(struct stream *lower, enum stream_event event, void *arg)
{
	struct ws_open *o = arg;

	(void)lower;
	if (event == STREAM_READABLE)
		read_request(o); /* o may be gone */
	else if (event == STREAM_WRITABLE && buf_len(&o->out) > 0)
		write_answer(o); /* o may be gone */
}

enum err
ws_open_start(struct ws_open **out, struct loop *loop, struct stream *lower,
    const struct ws_policy *policy, ws_open_done *done, void *arg)
{
	struct ws_open *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return ERR_NO_MEMORY;
	o->loop = loop;
	o->lower = lower;
	o->done = done;
	o->arg = arg;
	o->policy = *policy;
	ws_upgrade_init(&o->upgrade, &o->policy);
	buf_init(&o->in, WS_UPGRADE_MAX + 1);
	buf_init(&o->out, WS_ANSWER_MAX);
	stream_set_owner(lower, from_lower, o);
	stream_want_read(lower, true);
	*out = o;
	return OK;
}

void
ws_open_cancel(struct ws_open *o)
{
	if (o == NULL || o->lower == NULL)
		return;
	stream_disown(o->lower);
	retire(o);
}
