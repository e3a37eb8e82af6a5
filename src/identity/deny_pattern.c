/* SPDX-License-Identifier: ISC */
/*
 * The just-in-time compiler is not used: it needs memory that is writable and
 * executable, in a process that strangers talk to.
 */
#include "identity/deny_pattern.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* One expression, shared by all sets that hold it. */
struct item {
	atomic_uint refs;
	struct identity_deny_pattern p; /* its slices are in `bytes' */
	pcre2_code *code; /* owned */
	uint8_t bytes[];
};

struct identity_deny_patterns {
	atomic_uint refs;
	size_t count;
	struct item *items[]; /* counted */
};

static enum err
compile(pcre2_code **code, struct slice text, char *why, size_t why_size)
{
	PCRE2_UCHAR message[128];
	PCRE2_SIZE at;
	int error;

	*code = NULL;
	if (text.len > IDENTITY_DENY_PATTERN_LEN) {
		snprintf(why, why_size, "it is over %d bytes",
		    IDENTITY_DENY_PATTERN_LEN);
		return ERR_CONFIG;
	}
	*code = pcre2_compile(text.data, text.len,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
	if (*code != NULL)
		return OK;
	if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
		return ERR_NO_MEMORY;
	if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
		message[0] = '\0';
	snprintf(why, why_size, "at byte %zu: %s", at + 1, (char *)message);
	return ERR_CONFIG;
}

enum err
identity_deny_pattern_check(struct slice text, char *why, size_t why_size)
{
	pcre2_code *code;
	enum err err = compile(&code, text, why, why_size);

	pcre2_code_free(code);
	return err;
}

static struct slice
copy(uint8_t *to, struct slice from)
{
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	return slice_make(to, from.len);
}

static enum err
item_new(struct item **out, const struct identity_deny_pattern *p)
{
	struct item *item = malloc(sizeof(*item) + p->text.len + p->reason.len);
	char why[128];
	enum err err;

	*out = NULL;
	if (item == NULL)
		return ERR_NO_MEMORY;
	err = compile(&item->code, p->text, why, sizeof(why));
	if (err != OK) {
		free(item);
		return err;
	}
	atomic_init(&item->refs, 1);
	item->p = *p;
	item->p.text = copy(item->bytes, p->text);
	item->p.reason = copy(item->bytes + p->text.len, p->reason);
	*out = item;
	return OK;
}

static void
item_put(struct item *item)
{
	if (item == NULL ||
	    atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) !=
		1)
		return;
	pcre2_code_free(item->code);
	free(item);
}

struct identity_deny_patterns *
identity_deny_patterns_get(struct identity_deny_patterns *set)
{
	if (set != NULL)
		atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void
identity_deny_patterns_put(struct identity_deny_patterns *set)
{
	size_t i;

	if (set == NULL ||
	    atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < set->count; i++)
		item_put(set->items[i]);
	free(set);
}

/* Makes a copy of `old' without the expression `p', and with `item' (NULL:
 * none), whose count it takes. NULL: out of memory. */
static struct identity_deny_patterns *
copy_set(const struct identity_deny_patterns *old,
    const struct identity_deny_pattern *p, struct item *item)
{
	size_t i, count = old == NULL ? 0 : old->count;
	struct identity_deny_patterns *set;
	struct item *o;

	set = malloc(sizeof(*set) + (count + 1) * sizeof(set->items[0]));
	if (set == NULL)
		return NULL;
	atomic_init(&set->refs, 1);
	set->count = 0;
	for (i = 0; i < count; i++) {
		o = old->items[i];
		if (o->p.kind == p->kind && slice_equal(o->p.text, p->text))
			continue;
		atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
		set->items[set->count++] = o;
	}
	if (item != NULL)
		set->items[set->count++] = item;
	return set;
}

enum err
identity_deny_patterns_set(struct identity_deny_patterns **set,
    const struct identity_deny_pattern *p)
{
	struct identity_deny_patterns *made;
	struct item *item = NULL;
	enum err err = OK;

	if (p->until != INT64_MIN)
		err = item_new(&item, p);
	if (err != OK)
		return err;
	made = copy_set(*set, p, item);
	if (made == NULL) {
		item_put(item);
		return ERR_NO_MEMORY;
	}
	if (made->count > IDENTITY_DENY_PATTERNS_MAX) {
		identity_deny_patterns_put(made);
		return ERR_LIMIT;
	}
	identity_deny_patterns_put(*set);
	*set = made;
	return OK;
}

size_t
identity_deny_patterns_count(const struct identity_deny_patterns *set,
    enum identity_deny_kind kind)
{
	size_t i, count = 0;

	for (i = 0; set != NULL && i < set->count; i++)
		count += set->items[i]->p.kind == kind;
	return count;
}

/* A name that is being tried. */
struct trial {
	struct slice name;
	pcre2_match_data *data; /* owned */
	pcre2_match_context *bounds; /* owned */
	uint64_t end_ns; /* CPU time of this thread at which the trial ends */
};

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Steps allowed from one position: PCRE2 counts each position on its own. */
static uint32_t
steps_at(size_t positions)
{
	size_t steps = IDENTITY_DENY_PATTERN_STEPS / positions;

	return (uint32_t)(steps < IDENTITY_DENY_PATTERN_STEPS_AT
		? steps
		: IDENTITY_DENY_PATTERN_STEPS_AT);
}

/* False: no memory, or a name that is too long to be tried. */
static bool
trial_begin(struct trial *t, struct slice name)
{
	memset(t, 0, sizeof(*t));
	t->name = name;
	if (name.len > IDENTITY_DENY_PATTERN_NAME_MAX)
		return false;
	t->data = pcre2_match_data_create(1, NULL);
	t->bounds = pcre2_match_context_create(NULL);
	if (t->data == NULL || t->bounds == NULL)
		return false;
	pcre2_set_match_limit(t->bounds, steps_at(name.len + 1));
	pcre2_set_heap_limit(t->bounds, IDENTITY_DENY_PATTERN_KIB);
	t->end_ns =
	    cpu_ns() + (uint64_t)IDENTITY_DENY_PATTERN_MS * UINT64_C(1000000);
	return true;
}

static void
trial_end(struct trial *t)
{
	pcre2_match_data_free(t->data);
	pcre2_match_context_free(t->bounds);
}

static enum identity_deny_match
try_one(const struct item *item, struct trial *t)
{
	int rc = pcre2_match(item->code, t->name.data, t->name.len, 0, 0,
	    t->data, t->bounds);

	if (rc >= 0)
		return IDENTITY_DENY_MATCH_YES;
	return rc == PCRE2_ERROR_NOMATCH ? IDENTITY_DENY_MATCH_NO
					 : IDENTITY_DENY_MATCH_GAVE_UP;
}

enum identity_deny_match
identity_deny_patterns_match(const struct identity_deny_patterns *set,
    enum identity_deny_kind kind, struct slice name, int64_t now,
    const struct identity_deny_pattern **found)
{
	enum identity_deny_match match = IDENTITY_DENY_MATCH_NO;
	struct trial t;
	bool good = trial_begin(&t, name);
	size_t i, tried = 0;

	for (i = 0; set != NULL && i < set->count; i++) {
		*found = &set->items[i]->p;
		if ((*found)->kind != kind || now >= (*found)->until)
			continue;
		match = IDENTITY_DENY_MATCH_GAVE_UP;
		if (good && (tried++ == 0 || cpu_ns() <= t.end_ns))
			match = try_one(set->items[i], &t);
		if (match != IDENTITY_DENY_MATCH_NO)
			break;
	}
	trial_end(&t);
	return match;
}
