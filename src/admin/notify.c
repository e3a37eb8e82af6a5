/* SPDX-License-Identifier: ISC */
/* A file of its own, because it alone asks the workers without an HTTP call. */
#include "admin/notify.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/problems.h"
#include "admin/totals.h"
#include "admin/worker_query.h"
#include "runtime/supervisor.h"

#define STEP_MS 5000

/* "1207 sessions, 2 of 3 brokers up", and what is wrong, if anything is. */
static void
write_line(char out[NOTIFY_TEXT_MAX], const struct admin *a,
    const struct totals *t)
{
	unsigned long long sessions =
	    counter_get(&t->counters.live[STAGE_RELAY]);
	json_t *list = problems_list(a, t);
	const char *problem =
	    json_string_value(json_object_get(json_array_get(list, 0), "text"));
	size_t up = 0;
	size_t i;

	for (i = 0; i < t->endpoint_count; i++)
		up += t->endpoints[i].up;
	snprintf(out, NOTIFY_TEXT_MAX,
	    "%llu session%s, %zu of %zu broker%s up%s%s", sessions,
	    sessions == 1 ? "" : "s", up, t->endpoint_count,
	    t->endpoint_count == 1 ? "" : "s", problem == NULL ? "" : "; ",
	    problem == NULL ? "" : problem);
	json_decref(list);
	/* A newline would begin another field. */
	for (i = 0; out[i] != '\0'; i++)
		if ((unsigned char)out[i] < ' ')
			out[i] = ' ';
}

static void
send_line(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct totals *t)
{
	struct notify *n = &a->notify;
	char line[NOTIFY_TEXT_MAX];

	(void)call;
	(void)r;
	write_line(line, a, t);
	/* The end of a reload also sets the line, and this one replaces that.
	 */
	if (strcmp(line, n->last_line) == 0 &&
	    n->reload_ended_at == a->master->reload_ended_at)
		return;
	n->reload_ended_at = a->master->reload_ended_at;
	memcpy(n->last_line, line, sizeof(line));
	supervisor_status(line);
}

static void
on_step(void *arg)
{
	struct admin *a = arg;

	timer_start(&a->notify.timer, STEP_MS);
	/* One query that hangs is enough: the watchdog acts on it. */
	if (!worker_query_is_late(a) && !a->master->unsupervised)
		totals_collect(a, NULL, NULL, TOTALS_STATE, send_line);
}

void
notify_init(struct admin *a)
{
	timer_init(&a->notify.timer, a->master->loop, on_step, a);
	if (supervisor_is_present())
		timer_start(&a->notify.timer, STEP_MS);
}

void
notify_fini(struct admin *a)
{
	timer_stop(&a->notify.timer);
}
