/* SPDX-License-Identifier: ISC */
#include "fleet/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "fleet/file.h"

/* How soon a change reaches the copy on disk, and how soon after an error. */
#define SAVE_MS 200
#define RETRY_MS 1000
#define COPY_MAX ((size_t)1 << 30)
/* Bytes that are sent in one go. */
#define PUT_BYTES ((size_t)512 << 10)

int64_t
fleet_list_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * The copy on disk.
 */

static void
save(void *arg)
{
	struct fleet_list *l = arg;
	struct buf bytes;

	if (l->copy == NULL || !l->dirty || fleet_copy_is_busy(l->copy))
		return;
	buf_init(&bytes, 0);
	if (fleet_denials_save(&l->denials, &l->position, &bytes) != OK) {
		buf_fini(&bytes);
		timer_start(&l->save, RETRY_MS);
		return;
	}
	l->dirty = false;
	fleet_copy_write(l->copy, &bytes);
}

static void
saved(void *arg, enum err err, int error)
{
	struct fleet_list *l = arg;

	if (err != OK && !l->copy_failed)
		log_event(LOG_LEVEL_ERROR, "fleet_copy", "%s: %s", l->copy_path,
		    strerror(error));
	l->copy_failed = err != OK;
	if (err != OK)
		l->dirty = true;
	if (l->dirty)
		timer_start(&l->save, err == OK ? SAVE_MS : RETRY_MS);
}

void
fleet_list_touch(struct fleet_list *l)
{
	if (l->copy == NULL)
		return;
	if (!l->dirty)
		timer_start(&l->save, l->online ? SAVE_MS : 0);
	l->dirty = true;
}

/*
 * Putting changes in force.
 */

/* Puts entry `i' of the changes in force alone: an expression may be one too
 * many, which concerns no other entry. */
static void
apply_pattern(struct fleet_list *l, size_t i)
{
	const struct identity_deny_entry *e = &l->changes.entries[i];
	struct identity_deny_table one;
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &l->changes.hash, (enum identity_deny_kind)e->kind,
	    identity_deny_table_key(&l->changes, e));
	enum err err;

	identity_deny_table_init(&one, &l->changes.hash);
	err = identity_deny_table_set(&one, &what,
	    identity_deny_table_reason(&l->changes, e), e->until);
	if (err == OK)
		err = identity_denylist_apply(l->list, &one);
	identity_deny_table_fini(&one);
	if (err == OK)
		return;
	l->refused++;
	log_event(LOG_LEVEL_ERROR, "fleet_entry",
	    "an expression is not in force: %s", err_text(err));
}

/* Splits the changes: plain entries go together. */
static enum err
apply_changes(struct fleet_list *l)
{
	struct identity_deny_table plain;
	struct identity_deny_lookup what;
	const struct identity_deny_entry *e;
	enum err err = OK;
	size_t i;

	identity_deny_table_init(&plain, &l->changes.hash);
	for (i = 0; i < l->changes.count && err == OK; i++) {
		e = &l->changes.entries[i];
		if (identity_deny_is_pattern(
			(enum identity_deny_kind)e->kind)) {
			apply_pattern(l, i);
			continue;
		}
		what = identity_deny_lookup_make(&l->changes.hash,
		    (enum identity_deny_kind)e->kind,
		    identity_deny_table_key(&l->changes, e));
		err = identity_deny_table_set(&plain, &what,
		    identity_deny_table_reason(&l->changes, e), e->until);
	}
	if (err == OK)
		err = identity_denylist_apply(l->list, &plain);
	identity_deny_table_fini(&plain);
	return err;
}

/* Collects the whole list again: memory was missing for a change. */
static enum err
collect_all(struct fleet_list *l)
{
	const struct identity_deny_table *all = &l->denials.state;
	struct identity_deny_lookup what;
	const struct identity_deny_entry *e;
	enum err err = OK;
	size_t i;

	for (i = 0; i < all->count && err == OK; i++) {
		e = &all->entries[i];
		what = identity_deny_lookup_make(&all->hash,
		    (enum identity_deny_kind)e->kind,
		    identity_deny_table_key(all, e));
		err = identity_deny_table_set(&l->changes, &what,
		    identity_deny_table_reason(all, e), e->until);
	}
	l->incomplete = err != OK;
	return err;
}

/* Without memory the changes stay, and the next call tries again. */
static enum err
put_in_force(struct fleet_list *l)
{
	enum err err = l->incomplete ? collect_all(l) : OK;

	if (err == OK)
		err = apply_changes(l);
	if (err != OK)
		log_event(LOG_LEVEL_ERROR, "fleet_entry",
		    "changes are not in force yet: %s", err_text(err));
	return err;
}

static void
forget_changes(struct fleet_list *l)
{
	identity_deny_table_fini(&l->changes);
	identity_deny_table_init(&l->changes, identity_denylist_hash(l->list));
}

enum err
fleet_list_apply(struct fleet_list *l)
{
	enum err err = put_in_force(l);

	if (err == OK)
		forget_changes(l);
	return err;
}

enum err
fleet_list_enforce(struct fleet_list *l, fleet_swept *done, void *arg)
{
	enum err err = put_in_force(l);

	if (err != OK)
		return err;
	fleet_list_touch(l);
	l->hooks.sweep(l->hooks.arg, &l->changes, done, arg);
	forget_changes(l);
	return OK;
}

/* Takes an entry from wherever it comes; *at is its index. */
static enum err
take(struct fleet_list *l, const struct fleet_entry *e,
    enum fleet_effect *effect, size_t *at)
{
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &l->changes.hash, e->kind, slice_make(e->key.bytes, e->key.len));
	enum err err = fleet_denials_set(&l->denials, e, effect, at);

	if (err != OK || *effect != FLEET_EFFECT_CHANGED)
		return err;
	if (identity_deny_table_set(&l->changes, &what, e->reason, e->until) !=
	    OK)
		l->incomplete = true;
	return OK;
}

void
fleet_list_take(struct fleet_list *l, struct slice field, struct slice value)
{
	static struct fleet_entry e; /* the main thread's, and large */
	enum fleet_effect effect;
	const char *why = fleet_entry_parse(&e, field, value, fleet_list_now());
	int64_t stamp;
	enum err err;
	size_t at;

	if (why == NULL) {
		stamp = e.stamp;
		err = take(l, &e, &effect, &at);
		if (err == OK && l->denials.notes[at].stamp == stamp)
			l->denials.notes[at].seen_round = l->round;
		if (err != OK)
			why = err_text(err);
	}
	if (why == NULL)
		return;
	if (l->refused++ == 0 || l->refused % 1000 == 0)
		log_event(LOG_LEVEL_WARN, "fleet_entry",
		    "refused an entry of the Redis server: %.*s: %s (%llu so "
		    "far)",
		    (int)(field.len < 100 ? field.len : 100),
		    (const char *)field.data, why,
		    (unsigned long long)l->refused);
}

/*
 * What has to be sent.
 */

static enum err
enqueue(struct fleet_list *l, size_t at)
{
	size_t cap = l->queue_cap == 0 ? 64 : l->queue_cap * 2;
	uint32_t *more;

	if (l->queue_len == l->queue_cap) {
		more = realloc(l->queue, cap * sizeof(*more));
		if (more == NULL)
			return ERR_NO_MEMORY;
		l->queue = more;
		l->queue_cap = cap;
	}
	l->denials.notes[at].pending = true;
	l->queue[l->queue_len++] = (uint32_t)at;
	return OK;
}

/* Takes entry `i' of `t' as decided at `stamp'. */
static enum err
decide(struct fleet_list *l, const struct identity_deny_table *t, size_t i,
    int64_t stamp, enum fleet_effect *effect, size_t *at)
{
	static struct fleet_entry e; /* the main thread's, and large */
	const struct identity_deny_entry *from = &t->entries[i];
	struct slice k = identity_deny_table_key(t, from);

	e.kind = (enum identity_deny_kind)from->kind;
	e.key.len = k.len;
	memcpy(e.key.bytes, k.data, k.len);
	e.until = from->until;
	e.reason = identity_deny_table_reason(t, from);
	e.stamp = stamp;
	return take(l, &e, effect, at);
}

enum err
fleet_list_decide_at(struct fleet_list *l, const struct identity_deny_table *t,
    size_t i, int64_t stamp, enum fleet_effect *effect, size_t *at)
{
	enum err err = decide(l, t, i, stamp, effect, at);

	if (err != OK || *effect == FLEET_EFFECT_NONE)
		return err;
	l->denials.notes[*at].late = true;
	return enqueue(l, *at);
}

enum err
fleet_list_decide(struct fleet_list *l, const struct identity_deny_table *t,
    size_t i)
{
	enum fleet_effect effect;
	size_t at;
	enum err err = decide(l, t, i,
	    fleet_denials_stamp(&l->denials, fleet_list_now()), &effect, &at);

	if (err != OK)
		return err;
	/* An entry that was taken back while the Redis server cannot be reached
	 * must not undo what others deny before they know of that. */
	l->denials.notes[at].late =
	    !l->online && t->entries[i].until == IDENTITY_DENY_REMOVED;
	return enqueue(l, at);
}

int64_t
fleet_list_confirmed(const struct fleet_list *l)
{
	return (int64_t)(l->denials.state.count - l->queue_len);
}

void
fleet_list_restore(struct fleet_list *l)
{
	size_t before = l->queue_len;
	size_t i;

	for (i = 0; i < l->denials.state.count; i++) {
		if (l->denials.notes[i].seen_round == l->round ||
		    l->denials.notes[i].pending)
			continue;
		l->denials.notes[i].late = true;
		if (enqueue(l, i) != OK)
			break;
	}
	if (l->queue_len > before)
		log_event(LOG_LEVEL_WARN, "fleet_restore",
		    "the Redis server lacks %zu entries that are known here; "
		    "sending them",
		    l->queue_len - before);
}

size_t
fleet_list_write(struct fleet_list *l, struct fleet_part parts[FLEET_PARTS_MAX],
    struct buf *texts)
{
	char stamp[FLEET_STAMP_LEN + 1];
	const struct fleet_note *note;
	enum err err = OK;
	size_t n;

	for (n = 0; n < l->queue_len && n < FLEET_PARTS_MAX &&
	     buf_len(texts) < PUT_BYTES;
	     n++) {
		note = &l->denials.notes[l->queue[n]];
		/* An entry that is no longer pending was replaced by a newer
		 * change. */
		parts[n].how = note->late || !note->pending ? "late" : "now";
		parts[n].field = buf_len(texts);
		err = fleet_denials_field(&l->denials, l->queue[n], texts);
		fleet_stamp_text(stamp, note->stamp);
		parts[n].stamp = buf_len(texts);
		if (err == OK)
			err = buf_append(texts, stamp, FLEET_STAMP_LEN);
		parts[n].value = buf_len(texts);
		if (err == OK)
			err = fleet_denials_value(&l->denials, l->queue[n],
			    texts);
		parts[n].end = buf_len(texts);
		if (err != OK)
			return 0;
	}
	return n;
}

void
fleet_list_sent(struct fleet_list *l)
{
	size_t i;

	for (i = 0; i < l->in_flight; i++)
		l->denials.notes[l->queue[i]].pending = false;
	l->sent += l->in_flight;
	l->queue_len -= l->in_flight;
	memmove(l->queue, l->queue + l->in_flight,
	    l->queue_len * sizeof(*l->queue));
	l->in_flight = 0;
	/* An entry may have been queued once more meanwhile. */
	for (i = 0; i < l->queue_len; i++)
		l->denials.notes[l->queue[i]].pending = true;
	fleet_list_touch(l);
}

void
fleet_list_lost(struct fleet_list *l)
{
	size_t i;

	for (i = 0; i < l->in_flight; i++)
		l->denials.notes[l->queue[i]].late = true;
	l->in_flight = 0;
}

/*
 * The beginning and the end.
 */

enum err
fleet_list_init(struct fleet_list *l, struct identity_denylist *list,
    struct loop *loop, const char *path)
{
	memset(l, 0, sizeof(*l));
	l->list = identity_denylist_get(list);
	l->copy_path = path;
	fleet_denials_init(&l->denials, identity_denylist_hash(list));
	identity_deny_table_init(&l->changes, identity_denylist_hash(list));
	strcpy(l->position.id, "0-0");
	timer_init(&l->save, loop, save, l);
	if (path[0] == '\0')
		return OK;
	l->copy = fleet_copy_new(loop, path, saved, l);
	return l->copy == NULL ? ERR_NO_MEMORY : OK;
}

/* Reads the copy into l->denials and puts it in force; *found: there is one. */
static enum err
read_copy(struct fleet_list *l, bool *found, struct report *why)
{
	const char *path = l->copy_path;
	uint8_t *data;
	size_t len;
	enum err err;

	*found = false;
	if (path[0] == '\0')
		return OK;
	err = file_read(&data, &len, path, COPY_MAX);
	if (err == ERR_SYSTEM && errno == ENOENT)
		return OK;
	if (err != OK) {
		report_add(why, "%s: %s", path, file_error(err));
		return ERR_CONFIG;
	}
	err = fleet_denials_load(&l->denials, &l->position,
	    slice_make(data, len), fleet_list_now());
	free(data);
	if (err == ERR_NO_MEMORY)
		return err;
	if (err != OK) {
		report_add(why,
		    "%s: is not a whole copy of the fleet's deny list (remove "
		    "it; the Redis server has the list)",
		    path);
		return ERR_CONFIG;
	}
	*found = true;
	l->incomplete = true;
	return fleet_list_apply(l);
}

enum err
fleet_list_load(struct fleet_list *l, struct report *why)
{
	bool found;
	size_t i;
	enum err err = read_copy(l, &found, why);

	for (i = 0; i < l->denials.state.count && err == OK; i++)
		if (l->denials.notes[i].pending)
			err = enqueue(l, i);
	return err;
}

enum err
fleet_list_read(const char *path, struct identity_denylist *list,
    const struct identity_deny_base *file, bool *found, struct report *why)
{
	static struct fleet_list l; /* large */
	struct fleet_file_version v;
	struct fleet_file_changes changes;
	enum err err;

	memset(&l, 0, sizeof(l));
	l.list = identity_denylist_get(list);
	l.copy_path = path;
	fleet_denials_init(&l.denials, identity_denylist_hash(list));
	identity_deny_table_init(&l.changes, identity_denylist_hash(list));
	err = read_copy(&l, found, why);
	if (err == OK && file != NULL) {
		fleet_file_version(&v, &file->table, &file->file_stat, true);
		err = fleet_file_take(&l, &v, &changes, why);
		/* One that is refused does not stop a start. */
		err = err == ERR_CONFIG ? OK : err;
		if (err == OK)
			err = fleet_list_apply(&l);
	}
	fleet_list_fini(&l);
	return err;
}

void
fleet_list_stop(struct fleet_list *l)
{
	struct buf bytes;

	timer_stop(&l->save);
	fleet_copy_stop(l->copy);
	if (l->copy == NULL || !l->dirty)
		return;
	buf_init(&bytes, 0);
	if (fleet_denials_save(&l->denials, &l->position, &bytes) == OK)
		fleet_copy_finish(l->copy, buf_slice(&bytes));
	buf_fini(&bytes);
}

void
fleet_list_fini(struct fleet_list *l)
{
	fleet_copy_free(l->copy);
	fleet_denials_fini(&l->denials);
	identity_deny_table_fini(&l->changes);
	identity_denylist_put(l->list);
	free(l->queue);
}
