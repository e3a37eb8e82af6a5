/* SPDX-License-Identifier: ISC */
#include "fleet/file.h"

#include <string.h>

#include "base/hash.h"

/* Bits of a stamp below its milliseconds; see fleet/denials.h. */
#define SHIFT 20
/* A row of which nothing else is known: its until, cut to a time that leaves
 * room for the rest, and a part of its hash. Less than any decision since 1972,
 * and greater than 0. */
#define UNTIL_MAX INT64_C(1000000000000)
#define UNTIL_SHIFT 16

/* What a row says, as a number that is not 0. It is kept on disk. */
static uint32_t
digest(struct slice reason, int64_t until)
{
	uint64_t hash = HASH_FNV_BEGIN;
	int i;

	for (i = 0; i < 64; i += 8)
		hash = hash_fnv_byte(hash, (uint8_t)((uint64_t)until >> i));
	hash = hash_mix(hash_fnv(hash, reason));
	return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static uint32_t
digest_of(const struct identity_deny_table *t,
    const struct identity_deny_entry *e)
{
	return digest(identity_deny_table_reason(t, e), e->until);
}

/* The stamp of a row about whose time nothing is known. */
static int64_t
first_stamp(const struct identity_deny_entry *e, uint32_t said)
{
	int64_t until = e->until < 0 ? 0 : e->until;

	if (until > UNTIL_MAX)
		until = UNTIL_MAX;
	return (until << UNTIL_SHIFT) + (said & 0xffff) + 1;
}

/* The stamp of a change that this version makes; 0: as of now. */
static int64_t
stamp_of(const struct fleet_list *l, const struct fleet_file_version *v,
    const struct identity_deny_entry *row, uint32_t said)
{
	int64_t now = fleet_list_now();
	int64_t first = first_stamp(row, said);
	int64_t changed = (v->ms < now ? v->ms : now) << SHIFT;

	if (!l->position.file_known)
		return first;
	if (!v->at_start)
		return 0;
	return changed > first ? changed : first;
}

/* Decides entry `i' of `t'; *at is its index. *effect is NONE if the fleet has
 * decided later. */
static enum err
decide(struct fleet_list *l, const struct identity_deny_table *t, size_t i,
    int64_t stamp, enum fleet_effect *effect, size_t *at)
{
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &l->denials.state.hash, (enum identity_deny_kind)t->entries[i].kind,
	    identity_deny_table_key(t, &t->entries[i]));
	const struct identity_deny_entry *e;
	enum err err;

	if (stamp != 0)
		return fleet_list_decide_at(l, t, i, stamp, effect, at);
	err = fleet_list_decide(l, t, i);
	e = identity_deny_table_find(&l->denials.state, &what);
	*effect = FLEET_EFFECT_CHANGED;
	*at = e == NULL ? 0 : (size_t)(e - l->denials.state.entries);
	return err;
}

/* One row of the new version. */
static enum err
take_row(struct fleet_list *l, const struct fleet_file_version *v, size_t i,
    struct fleet_file_changes *out)
{
	const struct identity_deny_entry *row = &v->rows->entries[i];
	const struct identity_deny_table *state = &l->denials.state;
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &state->hash, (enum identity_deny_kind)row->kind,
	    identity_deny_table_key(v->rows, row));
	const struct identity_deny_entry *have =
	    identity_deny_table_find(state, &what);
	uint32_t said = digest_of(v->rows, row);
	size_t at = have == NULL ? 0 : (size_t)(have - state->entries);
	enum fleet_effect effect = FLEET_EFFECT_CHANGED;
	enum err err = OK;

	if (have == NULL ||
	    (l->denials.notes[at].file_row != said &&
		digest_of(state, have) != said)) {
		err = decide(l, v->rows, i, stamp_of(l, v, row, said), &effect,
		    &at);
		out->denied += err == OK && effect != FLEET_EFFECT_NONE;
		/* Whether the fleet denies it with other words is not told. */
		out->late += effect == FLEET_EFFECT_NONE &&
		    state->entries[at].until == IDENTITY_DENY_REMOVED;
	}
	if (err != OK)
		return err;
	l->denials.notes[at].file_row = said;
	l->denials.notes[at].in_new_file = true;
	return OK;
}

/* Collects the rows that are gone, and that the fleet denies as they said. */
static enum err
find_gone(struct fleet_list *l, struct identity_deny_table *gone,
    struct fleet_file_changes *out)
{
	const struct identity_deny_table *state = &l->denials.state;
	const struct identity_deny_entry *e;
	struct identity_deny_lookup what;
	struct fleet_note *note;
	enum err err = OK;
	size_t i;

	for (i = 0; i < state->count && err == OK; i++) {
		e = &state->entries[i];
		note = &l->denials.notes[i];
		if (note->file_row == 0 || note->in_new_file)
			continue;
		if (e->until == IDENTITY_DENY_REMOVED) {
			note->file_row = 0;
		} else if (digest_of(state, e) != note->file_row) {
			note->file_row = 0;
			out->kept++;
		} else {
			what = identity_deny_lookup_make(&gone->hash,
			    (enum identity_deny_kind)e->kind,
			    identity_deny_table_key(state, e));
			err = identity_deny_table_set(gone, &what,
			    slice_make(NULL, 0), IDENTITY_DENY_REMOVED);
		}
	}
	return err;
}

/* Takes back the rows that are gone. */
static enum err
take_back(struct fleet_list *l, const struct fleet_file_version *v,
    struct fleet_file_changes *out)
{
	struct identity_deny_table gone;
	enum fleet_effect effect;
	enum err err;
	size_t at, i;

	identity_deny_table_init(&gone, &l->denials.state.hash);
	err = find_gone(l, &gone, out);
	for (i = 0; i < gone.count && err == OK; i++) {
		err = decide(l, &gone, i, stamp_of(l, v, &gone.entries[i], 0),
		    &effect, &at);
		if (err != OK)
			break;
		l->denials.notes[at].file_row = 0;
		out->taken_back += effect != FLEET_EFFECT_NONE;
		out->kept += effect == FLEET_EFFECT_NONE;
	}
	identity_deny_table_fini(&gone);
	return err;
}

/* Refuses a version without rows; see the head of the header. */
static enum err
check_rows(const struct fleet_list *l, const struct fleet_file_version *v,
    struct report *why)
{
	const struct identity_deny_table *state = &l->denials.state;
	size_t count = 0;
	size_t i;

	if (v->rows->count > v->rows->removed)
		return OK;
	for (i = 0; i < state->count; i++)
		count += l->denials.notes[i].file_row != 0 &&
		    digest_of(state, &state->entries[i]) ==
			l->denials.notes[i].file_row;
	if (count <= 1)
		return OK;
	report_add(why,
	    "has no rows any more: the %zu clients that it had stay denied "
	    "(take them back with sallyportctl allow, or leave one row)",
	    count);
	return ERR_CONFIG;
}

void
fleet_file_version(struct fleet_file_version *v,
    const struct identity_deny_table *rows, const struct stat *file_stat,
    bool at_start)
{
	v->rows = rows;
	/* No decision is older than 1970. */
	v->ms = file_stat->st_mtim.tv_sec < 0
	    ? 0
	    : (int64_t)file_stat->st_mtim.tv_sec * 1000 +
		file_stat->st_mtim.tv_nsec / 1000000;
	v->at_start = at_start;
}

enum err
fleet_file_take(struct fleet_list *l, const struct fleet_file_version *v,
    struct fleet_file_changes *out, struct report *why)
{
	enum err err = check_rows(l, v, why);
	size_t i;

	memset(out, 0, sizeof(*out));
	/* One that ended before 1970 denies no client anywhere. */
	for (i = 0; i < v->rows->count && err == OK; i++)
		if (v->rows->entries[i].until >= 0)
			err = take_row(l, v, i, out);
	if (err == OK)
		err = take_back(l, v, out);
	for (i = 0; i < l->denials.state.count; i++)
		l->denials.notes[i].in_new_file = false;
	if (err != OK)
		return err;
	l->position.file_known = true;
	fleet_list_touch(l);
	return OK;
}

void
fleet_file_forget(struct fleet_list *l)
{
	size_t i;

	for (i = 0; i < l->denials.state.count; i++)
		l->denials.notes[i].file_row = 0;
	l->position.file_known = false;
}
