/* SPDX-License-Identifier: ISC */
#include "runtime/deny_sweep.h"

#include <stdlib.h>

#include "runtime/master.h"
#include "session/sweep.h"

/* How often to ask whether a sweep over all sessions is over. */
#define POLL_MS 5

/* More entries are cheaper to judge by a sweep over all sessions. */
#define ENTRIES_MAX 16

struct deny_sweep;

/* One worker's share; the message goes there and back. */
struct deny_sweep_part {
	struct loop_message message;
	struct deny_sweep *sweep; /* borrowed */
	struct worker *worker; /* borrowed */
	bool begun;
	bool busy; /* the worker's sweep is still running */
	uint64_t before; /* sessions that sweeps had ended before */
	struct sweep_entries entries; /* where the sweep has some */
	struct sweep_cursor counted; /* for a trial */
	uint64_t ended;
};

struct deny_sweep {
	struct list node; /* in the caller's list */
	bool stopped; /* by deny_sweep_stop(): its caller was told */
	struct loop *home; /* borrowed: the main thread's */
	struct identity_deny_filter entries[ENTRIES_MAX];
	size_t count; /* of them; 0: judge all sessions by the whole list */
	struct identity_denylist *trial; /* counted; only count the sessions
					  * that this list denies */
	struct timer poll;
	size_t waiting; /* parts that are with a worker */
	denylist_done *done; /* may be NULL */
	void *arg;
	size_t part_count;
	struct deny_sweep_part parts[];
};

static void send_parts(struct deny_sweep *s);

static void
sweep_free(struct deny_sweep *s)
{
	identity_denylist_put(s->trial);
	free(s);
}

static void
poll_parts(void *arg)
{
	send_parts(arg);
}

/* A part is back on the main thread. */
static void
part_came_back(struct loop_message *message)
{
	struct deny_sweep_part *part =
	    list_entry(message, struct deny_sweep_part, message);
	struct deny_sweep *s = part->sweep;
	uint64_t ended = 0;
	bool busy = false;
	struct report none;
	size_t i;

	if (--s->waiting > 0)
		return;
	for (i = 0; i < s->part_count; i++) {
		ended += s->parts[i].ended;
		busy = busy || s->parts[i].busy;
	}
	if (s->stopped) {
		sweep_free(s);
	} else if (busy) {
		timer_start(&s->poll, POLL_MS);
	} else {
		list_remove(&s->node);
		report_init(&none);
		denylist_complete(s->done, s->arg, OK, &none, ended);
		sweep_free(s);
	}
}

/* On the worker's thread. */
static void
run_part(struct loop_message *message)
{
	struct deny_sweep_part *part =
	    list_entry(message, struct deny_sweep_part, message);
	struct deny_sweep *s = part->sweep;
	struct session_manager *m = worker_sessions(part->worker);

	if (s->trial != NULL) {
		part->busy = !sweep_count(m, s->trial, &part->counted);
		part->ended = part->counted.denied;
		part->message.run = part_came_back;
		loop_post(s->home, &part->message); /* part may be gone */
		return;
	}
	if (!part->begun) {
		part->begun = true;
		part->before = m->swept;
		if (s->count == 0 && m->session_count > 0)
			sweep_start(m, SWEEP_DENYLIST);
	}
	part->busy = s->count > 0 ? !sweep_entries(m, &part->entries)
				  : m->sweep_what != 0;
	part->ended = m->swept - part->before;
	part->message.run = part_came_back;
	loop_post(s->home, &part->message); /* part may be gone */
}

static void
send_parts(struct deny_sweep *s)
{
	size_t i;

	s->waiting = s->part_count;
	for (i = 0; i < s->part_count; i++) {
		s->parts[i].message.run = run_part;
		loop_post(worker_sessions(s->parts[i].worker)->loop,
		    &s->parts[i].message);
	}
}

/* Makes the filters of at most ENTRIES_MAX entries that deny clients. Returns
 * how many; 0: there are more, or one that may concern any client. */
static size_t
filter_entries(struct identity_deny_filter *filters,
    const struct identity_deny_table *t)
{
	const struct identity_deny_entry *e;
	size_t count = 0;
	size_t i;

	for (i = 0; i < t->count; i++) {
		e = &t->entries[i];
		if (e->until == IDENTITY_DENY_REMOVED)
			continue;
		if (count == ENTRIES_MAX ||
		    !identity_deny_filter_entry(&filters[count++],
			(enum identity_deny_kind)e->kind,
			identity_deny_table_key(t, e)))
			return 0;
	}
	return count;
}

/* Makes a sweep for the entries of `t' (NULL: the whole list). */
static struct deny_sweep *
sweep_new(const struct master *m, const struct identity_deny_table *t)
{
	struct deny_sweep *s =
	    calloc(1, sizeof(*s) + m->worker_count * sizeof(s->parts[0]));
	size_t i;

	if (s == NULL)
		return NULL;
	list_init(&s->node);
	s->home = m->loop;
	s->part_count = m->worker_count;
	timer_init(&s->poll, m->loop, poll_parts, s);
	for (i = 0; i < s->part_count; i++) {
		s->parts[i].sweep = s;
		s->parts[i].worker = m->workers[i];
	}
	s->count = t == NULL ? 0 : filter_entries(s->entries, t);
	for (i = 0; i < s->part_count; i++)
		s->parts[i].entries =
		    (struct sweep_entries){ s->entries, s->count, SIZE_MAX };
	return s;
}

/* True if a change has an entry that denies clients. */
static bool
denies(const struct identity_deny_table *t)
{
	size_t i;

	for (i = 0; t != NULL && i < t->count; i++)
		if (t->entries[i].until != IDENTITY_DENY_REMOVED)
			return true;
	return t == NULL;
}

void
deny_sweep(struct list *sweeps, const struct master *m,
    const struct identity_deny_table *t, denylist_done *done, void *arg)
{
	struct report why;
	struct deny_sweep *s;

	report_init(&why);
	if (!denies(t)) {
		denylist_complete(done, arg, OK, &why, 0);
		return;
	}
	s = sweep_new(m, t);
	if (s == NULL) {
		report_add(&why, "out of memory: live sessions stay");
		denylist_complete(done, arg, ERR_NO_MEMORY, &why, 0);
		report_fini(&why);
		return;
	}
	s->done = done;
	s->arg = arg;
	list_append(sweeps, &s->node);
	send_parts(s);
}

void
deny_sweep_count(struct list *sweeps, const struct master *m,
    const struct identity_deny_change *change, denylist_done *done, void *arg)
{
	struct deny_sweep *s = sweep_new(m, NULL);
	enum err err = s == NULL ? ERR_NO_MEMORY : OK;

	if (err == OK)
		err = identity_denylist_new(&s->trial);
	if (err == OK)
		err = identity_denylist_apply(s->trial, &change->entries);
	if (err != OK) {
		if (s != NULL)
			sweep_free(s);
		denylist_fail(done, arg, err);
		return;
	}
	s->done = done;
	s->arg = arg;
	list_append(sweeps, &s->node);
	send_parts(s);
}

void
deny_sweep_stop(struct list *sweeps)
{
	struct list *node;
	struct list *next;
	struct deny_sweep *s;

	list_each(node, next, sweeps) {
		s = list_entry(node, struct deny_sweep, node);
		list_remove(node);
		timer_stop(&s->poll);
		s->stopped = true;
		denylist_fail(s->done, s->arg, ERR_CLOSED);
		if (s->waiting == 0)
			sweep_free(s);
	}
}
