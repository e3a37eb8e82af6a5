/* SPDX-License-Identifier: ISC */
#include "fleet/denials.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

/* Bits of a stamp below its milliseconds. */
#define SHIFT 20
#define STAMP_MAX (INT64_MAX >> 1)
/* How far a stamp may be ahead of our clock. */
#define AHEAD_MS ((int64_t)24 * 3600 * 1000)

void
fleet_denials_init(struct fleet_denials *d, const struct hash_key *hash)
{
	memset(d, 0, sizeof(*d));
	identity_deny_table_init(&d->state, hash);
}

void
fleet_denials_fini(struct fleet_denials *d)
{
	identity_deny_table_fini(&d->state);
	free(d->notes);
	memset(d, 0, sizeof(*d));
}

int64_t
fleet_denials_stamp(struct fleet_denials *d, int64_t ms)
{
	int64_t stamp = ms << SHIFT;

	if (stamp <= d->highest)
		stamp = d->highest + 1;
	d->highest = stamp;
	return stamp;
}

/* Makes room for one more note. */
static enum err
reserve(struct fleet_denials *d)
{
	size_t cap = d->note_cap == 0 ? 64 : d->note_cap * 2;
	struct fleet_note *more;

	if (d->state.count < d->note_cap)
		return OK;
	if (d->state.count >= FLEET_DENIALS_MAX)
		return ERR_LIMIT;
	more = realloc(d->notes, cap * sizeof(*more));
	if (more == NULL)
		return ERR_NO_MEMORY;
	memset(more + d->note_cap, 0, (cap - d->note_cap) * sizeof(*more));
	d->notes = more;
	d->note_cap = cap;
	return OK;
}

enum err
fleet_denials_set(struct fleet_denials *d, const struct fleet_entry *e,
    enum fleet_effect *effect, size_t *at)
{
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &d->state.hash, e->kind, slice_make(e->key.bytes, e->key.len));
	const struct identity_deny_entry *have =
	    identity_deny_table_find(&d->state, &what);
	bool was_active = have != NULL && have->until != IDENTITY_DENY_REMOVED;
	bool is_active = e->until != IDENTITY_DENY_REMOVED;
	size_t i =
	    have == NULL ? d->state.count : (size_t)(have - d->state.entries);
	bool same;
	enum err err;

	*effect = FLEET_EFFECT_NONE;
	if (at != NULL)
		*at = i;
	if (have != NULL && d->notes[i].stamp >= e->stamp)
		return OK;
	same = have == NULL ? !is_active
			    : have->until == e->until &&
		(!is_active ||
		    slice_equal(identity_deny_table_reason(&d->state, have),
			e->reason));
	err = have == NULL ? reserve(d) : OK;
	if (err == OK && (have == NULL || !same))
		err = identity_deny_table_set(&d->state, &what, e->reason,
		    e->until);
	if (err != OK)
		return err;
	d->notes[i].stamp = e->stamp;
	d->notes[i].pending = false;
	if (e->stamp > d->highest)
		d->highest = e->stamp;
	d->active += is_active;
	d->active -= was_active;
	*effect = same ? FLEET_EFFECT_RECORDED : FLEET_EFFECT_CHANGED;
	return OK;
}

/*
 * Texts.
 */

/* Takes the word up to the next blank from `s'. False: there is no blank. */
static bool
take_word(struct slice *s, struct slice *word)
{
	const uint8_t *blank =
	    s->len == 0 ? NULL : memchr(s->data, ' ', s->len);

	if (blank == NULL)
		return false;
	*word = slice_make(s->data, (size_t)(blank - s->data));
	s->len -= word->len + 1;
	s->data = blank + 1;
	return true;
}

static bool
read_stamp(struct slice word, int64_t *stamp)
{
	uint64_t n = 0;
	size_t i;
	int digit;

	if (word.len != FLEET_STAMP_LEN)
		return false;
	for (i = 0; i < word.len; i++) {
		digit = encode_hex_value(word.data[i]);
		if (digit < 0)
			return false;
		n = n << 4 | (uint64_t)digit;
	}
	*stamp = (int64_t)n;
	return n > 0 && n <= STAMP_MAX;
}

static bool
read_until(struct slice word, int64_t *until)
{
	size_t i;

	if (slice_equal(word, slice_str("-"))) {
		*until = IDENTITY_DENY_REMOVED;
		return true;
	}
	if (slice_equal(word, slice_str("never"))) {
		*until = IDENTITY_DENY_FOREVER;
		return true;
	}
	if (word.len == 0 || word.len > 18) /* as in a deny list's file */
		return false;
	*until = 0;
	for (i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		*until = *until * 10 + (word.data[i] - '0');
	}
	return true;
}

/* The value part of a field. */
static const char *
read_field(struct fleet_entry *e, struct slice field)
{
	struct slice word;
	const char *why;
	char text[256];

	if (!take_word(&field, &word))
		return "its name is not KIND VALUE";
	if (!identity_deny_kind_of(word, &e->kind))
		return "of an unknown kind";
	if (field.len == 0 || field.len > IDENTITY_DENY_VALUE_MAX)
		return "its value is empty or too long";
	why = identity_deny_key_parse(&e->key, e->kind, field);
	if (why != NULL)
		return "its value is not one of its kind";
	if (identity_deny_is_pattern(e->kind) &&
	    identity_deny_pattern_check(field, text, sizeof(text)) != OK)
		return "not a regular expression";
	return NULL;
}

const char *
fleet_entry_parse(struct fleet_entry *e, struct slice field, struct slice value,
    int64_t ms)
{
	int64_t latest = (ms + AHEAD_MS) << SHIFT;
	struct slice word;
	const char *why = read_field(e, field);

	if (why != NULL)
		return why;
	if (!take_word(&value, &word) || !read_stamp(word, &e->stamp))
		return "without a stamp";
	if (!take_word(&value, &word) || !read_until(word, &e->until))
		return "without a time";
	if (value.len > IDENTITY_DENY_REASON_MAX)
		return "its reason is too long";
	if (e->stamp > latest && e->until == IDENTITY_DENY_REMOVED)
		return "taken back in the far future";
	if (e->stamp > latest)
		e->stamp = latest;
	e->reason =
	    e->until == IDENTITY_DENY_REMOVED ? slice_make(NULL, 0) : value;
	return NULL;
}

void
fleet_stamp_text(char out[FLEET_STAMP_LEN + 1], int64_t stamp)
{
	snprintf(out, FLEET_STAMP_LEN + 1, "%016" PRIx64, (uint64_t)stamp);
}

enum err
fleet_denials_field(const struct fleet_denials *d, size_t i, struct buf *out)
{
	const struct identity_deny_entry *e = &d->state.entries[i];
	enum identity_deny_kind kind = (enum identity_deny_kind)e->kind;
	const char *word = identity_deny_word(kind);
	char text[IDENTITY_DENY_TEXT_MAX];
	struct slice value = identity_deny_key_text(kind,
	    identity_deny_table_key(&d->state, e), text);
	enum err err = buf_append(out, word, strlen(word));

	if (err == OK)
		err = buf_append(out, " ", 1);
	return err == OK ? buf_append(out, value.data, value.len) : err;
}

enum err
fleet_denials_value(const struct fleet_denials *d, size_t i, struct buf *out)
{
	const struct identity_deny_entry *e = &d->state.entries[i];
	struct slice reason = identity_deny_table_reason(&d->state, e);
	char until[32];
	enum err err;

	if (e->until == IDENTITY_DENY_REMOVED)
		return buf_append(out, "- ", 2);
	if (e->until == IDENTITY_DENY_FOREVER)
		snprintf(until, sizeof(until), "never ");
	else
		snprintf(until, sizeof(until), "%" PRId64 " ",
		    e->until < 0 ? 0 : e->until); /* before 1970 */
	err = buf_append(out, until, strlen(until));
	return err == OK && reason.len > 0
	    ? buf_append(out, reason.data, reason.len)
	    : err;
}

bool
fleet_id_is_good(struct slice id)
{
	size_t dashes = 0;
	size_t i;

	for (i = 0; i < id.len; i++) {
		if (id.data[i] == '-' && i > 0 && i + 1 < id.len)
			dashes++;
		else if (id.data[i] < '0' || id.data[i] > '9')
			return false;
	}
	return dashes == 1 && id.len <= 41;
}

/*
 * The copy:
 *
 *	sallyport-fleet 1 EPOCH ID COUNT F\n
 *	FIELD_LEN VALUE_LEN P ROW\n FIELD VALUE\n	for each entry
 *	end HASH\n				of all the bytes before
 *
 * F is 1 if the rows of the fleet's file are known, P is 1 if an entry is
 * pending, and ROW is the note `file_row'. A copy without F and ROW is read,
 * too.
 */

#define MAGIC "sallyport-fleet 1"

static enum err
save_entry(const struct fleet_denials *d, size_t i, struct buf *out)
{
	char stamp[FLEET_STAMP_LEN + 1];
	char head[64];
	struct buf field, value;
	enum err err;

	buf_init(&field, 0);
	buf_init(&value, 0);
	fleet_stamp_text(stamp, d->notes[i].stamp);
	err = fleet_denials_field(d, i, &field);
	if (err == OK)
		err = buf_append(&value, stamp, FLEET_STAMP_LEN);
	if (err == OK)
		err = buf_append(&value, " ", 1);
	if (err == OK)
		err = fleet_denials_value(d, i, &value);
	snprintf(head, sizeof(head), "%zu %zu %d %08" PRIx32 "\n",
	    buf_len(&field), buf_len(&value), d->notes[i].pending ? 1 : 0,
	    d->notes[i].file_row);
	if (err == OK)
		err = buf_append(out, head, strlen(head));
	if (err == OK)
		err = buf_append(out, buf_data(&field), buf_len(&field));
	if (err == OK)
		err = buf_append(out, buf_data(&value), buf_len(&value));
	if (err == OK)
		err = buf_append(out, "\n", 1);
	buf_fini(&field);
	buf_fini(&value);
	return err;
}

enum err
fleet_denials_save(const struct fleet_denials *d,
    const struct fleet_position *position, struct buf *out)
{
	char text[160];
	enum err err;
	size_t i;

	snprintf(text, sizeof(text), MAGIC " %s %s %zu %d\n",
	    position->epoch[0] == '\0' ? "-" : position->epoch,
	    position->id[0] == '\0' ? "0-0" : position->id, d->state.count,
	    position->file_known ? 1 : 0);
	err = buf_append(out, text, strlen(text));
	for (i = 0; i < d->state.count && err == OK; i++)
		err = save_entry(d, i, out);
	if (err != OK)
		return err;
	snprintf(text, sizeof(text), "end %016" PRIx64 "\n",
	    hash_fnv(HASH_FNV_BEGIN, buf_slice(out)));
	return buf_append(out, text, strlen(text));
}

/* Reads one entry of the copy and moves on. */
static enum err
load_entry(struct fleet_denials *d, struct slice *in, int64_t ms)
{
	static struct fleet_entry e; /* the main thread's, and large */
	size_t field_len, value_len, at;
	uint32_t file_row = 0;
	enum fleet_effect effect;
	const uint8_t *end;
	char head[64];
	size_t len;
	int pending;
	enum err err;

	end = in->len == 0 ? NULL : memchr(in->data, '\n', in->len);
	len = end == NULL ? 0 : (size_t)(end - in->data) + 1;
	if (len == 0 || len >= sizeof(head))
		return ERR_MALFORMED;
	memcpy(head, in->data, len);
	head[len] = '\0';
	if (sscanf(head, "%zu %zu %d %" SCNx32 "\n", &field_len, &value_len,
		&pending, &file_row) < 3)
		return ERR_MALFORMED;
	in->data += len;
	in->len -= len;
	if (field_len > in->len || value_len > in->len - field_len ||
	    in->len - field_len - value_len < 1)
		return ERR_MALFORMED;
	if (fleet_entry_parse(&e, slice_make(in->data, field_len),
		slice_make(in->data + field_len, value_len), ms) != NULL)
		return ERR_MALFORMED;
	in->data += field_len + value_len + 1;
	in->len -= field_len + value_len + 1;
	err = fleet_denials_set(d, &e, &effect, &at);
	if (err == OK && effect != FLEET_EFFECT_NONE) {
		d->notes[at].pending = pending == 1;
		d->notes[at].late = true;
		d->notes[at].file_row = file_row;
	}
	return err;
}

enum err
fleet_denials_load(struct fleet_denials *d, struct fleet_position *position,
    struct slice in, int64_t ms)
{
	const uint8_t *end = in.len == 0 ? NULL : memchr(in.data, '\n', in.len);
	char head[160], epoch[40], id[48], expected[24];
	struct slice all = in;
	size_t count, i, len;
	enum err err = OK;
	int file_known = 0;

	len = end == NULL ? 0 : (size_t)(end - in.data) + 1;
	if (len == 0 || len >= sizeof(head))
		return ERR_MALFORMED;
	memcpy(head, in.data, len);
	head[len] = '\0';
	if (sscanf(head, MAGIC " %39s %47s %zu %d\n", epoch, id, &count,
		&file_known) < 3 ||
	    !fleet_id_is_good(slice_str(id)))
		return ERR_MALFORMED;
	in.data += len;
	in.len -= len;
	for (i = 0; i < count && err == OK; i++)
		err = load_entry(d, &in, ms);
	if (err != OK)
		return err;
	all.len -= in.len;
	snprintf(expected, sizeof(expected), "end %016" PRIx64 "\n",
	    hash_fnv(HASH_FNV_BEGIN, all));
	if (!slice_equal(in, slice_str(expected)))
		return ERR_MALFORMED;
	snprintf(position->epoch, sizeof(position->epoch), "%s",
	    strcmp(epoch, "-") == 0 ? "" : epoch);
	snprintf(position->id, sizeof(position->id), "%s", id);
	position->file_known = file_known == 1;
	return OK;
}
