/* SPDX-License-Identifier: ISC */
#include "io/linger.h"

#include <stdlib.h>

#include "io/timer.h"

#include "io/loop.h"

struct lingering {
	struct list node;
	struct loop_garbage garbage;
	struct linger_set *set; /* borrowed */
	struct loop *loop; /* borrowed */
	struct stream *stream; /* owned */
	struct timer timer;
	size_t read;
};

static void
finish(struct lingering *l)
{
	list_remove(&l->node);
	l->set->count--;
	timer_stop(&l->timer);
	stream_close(l->stream);
	l->stream = NULL;
	loop_free_later(l->loop, &l->garbage, l, free);
}

static void
expired(void *arg)
{
	finish(arg);
}

static void
drop_bytes(struct stream *s, enum stream_event event, void *arg)
{
	struct lingering *l = arg;
	ssize_t n;

	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, loop_scratch(l->loop, LOOP_SCRATCH_PLAIN),
	    LOOP_SCRATCH_LEN);
	if (n == STREAM_AGAIN)
		return;
	if (n > 0)
		l->read += (size_t)n;
	if (n <= 0 || l->read > l->set->bytes)
		finish(l);
}

void
linger_start(struct linger_set *set, struct loop *loop, struct stream *s,
    uint64_t ms)
{
	struct lingering *l = calloc(1, sizeof(*l));

	if (set->count >= set->max && !list_empty(&set->list))
		finish(list_entry(set->list.next, struct lingering, node));
	if (l == NULL || stream_shutdown(s) != OK) {
		free(l);
		stream_close(s);
		return;
	}
	l->set = set;
	l->loop = loop;
	l->stream = s;
	list_init(&l->node);
	list_append(&set->list, &l->node);
	set->count++;
	timer_init(&l->timer, loop, expired, l);
	timer_start_deadline(&l->timer, ms);
	stream_set_owner(s, drop_bytes, l);
	stream_want_read(s, true);
}

void
linger_end_all(struct linger_set *set)
{
	while (!list_empty(&set->list))
		finish(list_entry(set->list.next, struct lingering, node));
}
