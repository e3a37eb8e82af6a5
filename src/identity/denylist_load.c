/* From a file's rows to a frozen list. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "identity/deny_reader.h"
#include "identity/denylist_body.h"

static void
free_list(struct identity_denylist *l)
{
	size_t i;

	for (i = 0; l->patterns != NULL && i < l->pattern_count; i++)
		identity_deny_regex_free(l->patterns[i].regex);
	free(l->patterns);
	identity_deny_table_fini(&l->table);
	free(l);
}

struct identity_denylist *
identity_denylist_get(struct identity_denylist *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void
identity_denylist_put(struct identity_denylist *l)
{
	if (l != NULL &&
	    atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
		free_list(l);
}

/*
 * Complains about an expression that is none. It is compiled for good only
 * once the table is indexed: until then entries move, and some go.
 */
static enum err
try_pattern(struct identity_denylist *l, struct identity_deny_reader *rd,
    const struct identity_deny_row *row)
{
	struct identity_deny_regex *regex;
	char why[256], text[300];
	enum err err;

	if (l->pattern_count++ == IDENTITY_DENY_REGEX_MAX) {
		identity_deny_reader_complain(rd, row,
		    "is one regular expression too many: a list may have "
		    "1,000");
		return ERR_CONFIG;
	}
	err = identity_deny_regex_new(&regex, row->who, why, sizeof(why));
	identity_deny_regex_free(regex);
	if (err == ERR_CONFIG) {
		snprintf(text, sizeof(text), "is no regular expression: %s",
		    why);
		identity_deny_reader_complain(rd, row, text);
	}
	return err;
}

static void
add_length(struct identity_deny_lengths *lengths, uint8_t bits)
{
	if (memchr(lengths->bits, bits, lengths->count) == NULL)
		lengths->bits[lengths->count++] = bits;
}

/* Notes what look-ups have to ask for because of this entry. */
static enum err
note(struct identity_denylist *l, struct identity_deny_reader *rd,
    const struct identity_deny_row *row, const struct identity_deny_key *key)
{
	switch (row->kind) {
	case IDENTITY_DENY_CLIENTID_RE:
	case IDENTITY_DENY_USERNAME_RE:
		return try_pattern(l, rd, row);
	case IDENTITY_DENY_PEERHOST_NET:
		add_length(key->bytes[0] == 4 ? &l->v4 : &l->v6,
		    key->bytes[IDENTITY_DENY_HOST_LEN]);
		return OK;
	case IDENTITY_DENY_SERIAL:
		if (memchr(key->bytes, '@', key->len) != NULL)
			l->serial_with_issuer = true;
		return OK;
	default:
		return OK;
	}
}

/* All rows; bad ones are complained of and end nothing. */
static enum err
add_rows(struct identity_denylist *l, struct identity_deny_reader *rd)
{
	struct identity_deny_row row;
	struct identity_deny_key key;
	enum parse parse;
	enum err err;

	for (;;) {
		parse = identity_deny_reader_next(rd, &row, &key);
		if (parse == PARSE_MORE)
			return identity_deny_reader_end(rd);
		if (parse == PARSE_BAD)
			continue;
		err = note(l, rd, &row, &key);
		if (err == ERR_CONFIG)
			continue;
		if (err == OK)
			err = identity_deny_table_add(&l->table, row.kind,
			    slice_make(key.bytes, key.len), row.reason,
			    row.until);
		if (err != OK)
			return err;
	}
}

static bool
is_pattern(const struct identity_deny_entry *e)
{
	return e->kind == IDENTITY_DENY_CLIENTID_RE ||
	    e->kind == IDENTITY_DENY_USERNAME_RE;
}

/* Compiles the expressions, whose rows are known to be good. */
static enum err
compile_patterns(struct identity_denylist *l)
{
	const struct identity_deny_entry *e;
	struct identity_deny_pattern *p;
	char why[256];
	enum err err;
	size_t i;

	if (l->pattern_count == 0)
		return OK;
	l->patterns = calloc(l->pattern_count, sizeof(*p));
	if (l->patterns == NULL)
		return ERR_NO_MEMORY;
	for (i = 0, p = l->patterns; i < l->table.count; i++) {
		e = &l->table.entries[i];
		if (!is_pattern(e))
			continue;
		p->entry = e;
		err = identity_deny_regex_new(&p->regex,
		    identity_deny_table_key(&l->table, e), why, sizeof(why));
		if (err != OK)
			return err;
		p++;
	}
	l->pattern_count = (size_t)(p - l->patterns);
	return OK;
}

static enum err
build(struct identity_denylist *l, uint8_t *text, size_t len, const char *name,
    struct report *r)
{
	struct identity_deny_reader rd;
	enum err err;

	err = identity_deny_reader_init(&rd, text, len, name, r);
	if (err == OK)
		err = add_rows(l, &rd);
	if (err == OK)
		err = identity_deny_table_index(&l->table);
	if (err == OK)
		err = compile_patterns(l);
	if (err == ERR_LIMIT)
		report_add(r, "%s: larger than 4 GiB in memory", name);
	return err == ERR_LIMIT ? ERR_CONFIG : err;
}

/* Takes `text' in. */
static enum err
make(struct identity_denylist **out, uint8_t *text, size_t len,
    const char *name, struct report *r)
{
	struct identity_denylist *l = calloc(1, sizeof(*l));
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	if (l != NULL) {
		atomic_init(&l->refs, 1);
		identity_deny_table_init(&l->table);
		err = build(l, text, len, name, r);
	}
	free(text);
	if (err == OK)
		*out = l;
	else if (l != NULL)
		free_list(l);
	return err;
}

/* A file's clock stands still for some milliseconds, so it only tells a later
 * change from the last one when that is a while ago. */
#define SETTLED_S 2

static bool
is_settled(const struct stat *look)
{
	return look->st_ctim.tv_sec + SETTLED_S < clock_wall_s();
}

static bool
looks_alike(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* For the next reload, which need not read the file again: a million rows
 * take their time, and reloads come for other reasons. */
static void
remember(struct identity_denylist *l, const struct stat *look, bool settled)
{
	l->look = *look;
	l->settled = settled;
}

enum err
identity_denylist_load(struct identity_denylist **out, const char *path,
    struct identity_denylist *previous, struct report *r)
{
	/* The file is its owner's: nobody aims at collisions. */
	static const struct hash_key key = { 0, 0 };
	struct stat look;
	uint64_t digest;
	uint8_t *text;
	bool settled;
	size_t len;
	enum err err;

	*out = NULL;
	settled = stat(path, &look) == 0 && is_settled(&look);
	if (previous != NULL && previous->settled && settled &&
	    looks_alike(&previous->look, &look)) {
		*out = identity_denylist_get(previous);
		return OK;
	}
	err = identity_deny_slurp(path, &text, &len, r);
	if (err != OK)
		return err;
	digest = hash_keyed(&key, slice_make(text, len));
	if (previous != NULL && previous->digest == digest) {
		free(text);
		remember(previous, &look, settled);
		*out = identity_denylist_get(previous);
		return OK;
	}
	err = make(out, text, len, path, r);
	if (err != OK)
		return err;
	(*out)->digest = digest;
	remember(*out, &look, settled);
	return OK;
}

enum err
identity_denylist_parse(struct identity_denylist **out, struct slice text,
    const char *name, struct report *r)
{
	uint8_t *copy = malloc(text.len + 1);

	*out = NULL;
	if (copy == NULL)
		return ERR_NO_MEMORY;
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return make(out, copy, text.len, name, r);
}
