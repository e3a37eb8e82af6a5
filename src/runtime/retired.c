#include "runtime/retired.h"

#include <stddef.h>

#define LOOK_MS 500

/* Frees those that only we still count. */
static void
look(void *arg)
{
	struct retired *r = arg;
	struct snapshot **at = &r->newest;
	struct snapshot *s;

	while ((s = *at) != NULL) {
		if (!snapshot_is_last(s)) {
			at = &s->retired;
			continue;
		}
		*at = s->retired;
		snapshot_put(s);
	}
	if (r->newest != NULL)
		timer_start(&r->timer, LOOK_MS);
}

void
retired_init(struct retired *r, struct loop *loop)
{
	r->newest = NULL;
	timer_init(&r->timer, loop, look, r);
}

void
retired_take(struct retired *r, struct snapshot *s)
{
	s->retired = r->newest;
	r->newest = s;
	timer_start(&r->timer, LOOK_MS);
}

void
retired_fini(struct retired *r)
{
	struct snapshot *s;

	if (r->newest == NULL)
		return;
	timer_stop(&r->timer);
	while ((s = r->newest) != NULL) {
		r->newest = s->retired;
		snapshot_put(s);
	}
}
