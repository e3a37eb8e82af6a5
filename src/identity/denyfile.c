#include "identity/denyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define HEADING "as,who,reason,until\n"

/* A file being changed in memory. */
struct edit {
	const char *path; /* borrowed */
	struct report *report; /* borrowed */
	uint8_t *old; /* owned: the file as it is */
	size_t old_len;
	struct buf out; /* the file as it will be */
	enum identity_deny_kind kind; /* whose row it is about, */
	struct identity_deny_key key; /* in its normal form */
	const struct identity_deny_request *entry; /* NULL: take out */
	size_t found; /* rows that were there */
};

/* Does a CSV field need quotes to be read back as it is? */
static bool
needs_quotes(const char *s)
{
	size_t len = strlen(s);

	return strpbrk(s, ",\"\r\n") != NULL ||
	    (len > 0 && (s[0] == ' ' || s[len - 1] == ' '));
}

static enum err
put(struct buf *out, const char *s)
{
	return buf_append(out, s, strlen(s));
}

static enum err
put_field(struct buf *out, const char *s)
{
	enum err err;

	if (!needs_quotes(s))
		return put(out, s);
	err = put(out, "\"");
	for (; *s != '\0' && err == OK; s++) {
		if (*s == '"')
			err = put(out, "\"");
		if (err == OK)
			err = buf_append(out, s, 1);
	}
	return err == OK ? put(out, "\"") : err;
}

/* What stands in column `i' of a row that says `e'. */
static const char *
column_text(const struct identity_deny_reader *rd,
    const struct identity_deny_request *e, size_t i)
{
	if (i == rd->at[IDENTITY_DENY_AS])
		return e->as;
	if (i == rd->at[IDENTITY_DENY_WHO])
		return e->who;
	if (i == rd->at[IDENTITY_DENY_REASON])
		return e->reason;
	if (i == rd->at[IDENTITY_DENY_UNTIL])
		return e->until;
	return "";
}

/* The entry as a row of this file. */
static enum err
put_row(struct edit *e, const struct identity_deny_reader *rd)
{
	enum err err = OK;
	size_t i;

	if (buf_len(&e->out) > 0 &&
	    buf_data(&e->out)[buf_len(&e->out) - 1] != '\n')
		err = put(&e->out, "\n");
	for (i = 0; i < rd->columns && err == OK; i++) {
		if (i > 0)
			err = put(&e->out, ",");
		if (err == OK)
			err = put_field(&e->out, column_text(rd, e->entry, i));
	}
	return err == OK ? put(&e->out, "\n") : err;
}

/* A column the entry needs and the file has not? */
static enum err
check_columns(struct edit *e, const struct identity_deny_reader *rd)
{
	const char *lacks = NULL;

	if (e->entry == NULL)
		return OK;
	if (e->entry->reason[0] != '\0' &&
	    rd->at[IDENTITY_DENY_REASON] >= rd->columns)
		lacks = "reason";
	if (e->entry->until[0] != '\0' &&
	    rd->at[IDENTITY_DENY_UNTIL] >= rd->columns)
		lacks = "until";
	if (lacks == NULL)
		return OK;
	report_add(e->report, "%s:1: there is no column %s to write to",
	    e->path, lacks);
	return ERR_CONFIG;
}

static bool
is_ours(const struct edit *e, const struct identity_deny_row *row,
    const struct identity_deny_key *key)
{
	return row->kind == e->kind &&
	    slice_equal(slice_make(key->bytes, key->len),
		slice_make(e->key.bytes, e->key.len));
}

/* One row of the file: kept as it stands, replaced, or left out. */
static enum err
edit_row(struct edit *e, const struct identity_deny_reader *rd,
    const struct identity_deny_row *row, const struct identity_deny_key *key)
{
	if (!is_ours(e, row, key))
		return buf_append(&e->out, e->old + row->begin,
		    row->end - row->begin);
	if (e->found++ > 0 || e->entry == NULL)
		return OK;
	return put_row(e, rd);
}

static enum err
edit_rows(struct edit *e, struct identity_deny_reader *rd)
{
	struct identity_deny_row row;
	struct identity_deny_key key;
	enum parse parse;
	enum err err;

	err = check_columns(e, rd);
	if (err == OK)
		err = buf_append(&e->out, e->old, rd->heading);
	while (err == OK) {
		parse = identity_deny_reader_next(rd, &row, &key);
		if (parse == PARSE_MORE)
			break;
		if (parse == PARSE_OK)
			err = edit_row(e, rd, &row, &key);
	}
	if (err == OK)
		err = identity_deny_reader_end(rd);
	if (err == OK && e->found == 0)
		err = e->entry == NULL ? ERR_NOT_FOUND : put_row(e, rd);
	return err;
}

/* Makes e->out of e->old, which the reader would spoil. */
static enum err
edit_text(struct edit *e)
{
	struct identity_deny_reader rd;
	uint8_t *copy = malloc(e->old_len + 1);
	enum err err;

	if (copy == NULL)
		return ERR_NO_MEMORY;
	memcpy(copy, e->old, e->old_len);
	err = identity_deny_reader_init(&rd, copy, e->old_len, e->path,
	    e->report);
	if (err == OK)
		err = edit_rows(e, &rd);
	free(copy);
	return err;
}

/* Does the text have no row at all, not even a heading? */
static bool
is_blank(const uint8_t *text, size_t len)
{
	bool mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	size_t i;

	for (i = mark ? 3 : 0; i < len; i++) {
		if (text[i] != '\r' && text[i] != '\n')
			return false;
	}
	return true;
}

/* Reads the file; a missing or blank one is only a heading. */
static enum err
read_old(struct edit *e)
{
	enum err err = OK;
	bool there = access(e->path, F_OK) == 0 || errno != ENOENT;

	if (there)
		err = identity_deny_slurp(e->path, &e->old, &e->old_len,
		    e->report);
	if (err != OK || !is_blank(e->old, e->old_len))
		return err;
	free(e->old);
	e->old = (uint8_t *)strdup(HEADING);
	e->old_len = strlen(HEADING);
	return e->old == NULL ? ERR_NO_MEMORY : OK;
}

static enum err
failed(const struct edit *e, const char *path, const char *what)
{
	const char *hint = errno == EACCES || errno == EROFS
	    ? " (the daemon's user has to be able to write in that folder)"
	    : "";

	report_add(e->report, "%s: cannot %s: %s%s", path, what,
	    strerror(errno), hint);
	return ERR_SYSTEM;
}

/* Makes a rename last, as far as the system lets us. */
static void
sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)fsync(fd);
	close(fd);
}

/* Fills the new file and puts it in the place of `target'. */
static enum err
write_temp(const struct edit *e, int fd, const char *temp, const char *target)
{
	const uint8_t *p = buf_data(&e->out);
	const uint8_t *end = p + buf_len(&e->out);
	struct stat st;
	ssize_t n;

	if (stat(target, &st) == 0) {
		/* Only root may give a file away; its mode is what counts. */
		if (fchown(fd, st.st_uid, st.st_gid) == -1)
			errno = 0;
		if (fchmod(fd, st.st_mode & 07777) == -1)
			return failed(e, temp, "set its mode");
	}
	while (p < end) {
		n = write(fd, p, (size_t)(end - p));
		if (n == -1)
			return failed(e, temp, "write");
		p += n;
	}
	if (fsync(fd) == -1)
		return failed(e, temp, "sync");
	if (rename(temp, target) == -1)
		return failed(e, target, "replace it");
	sync_folder(target);
	return OK;
}

static enum err
write_new(const struct edit *e)
{
	char target[PATH_MAX], temp[PATH_MAX + 8];
	enum err err;
	int fd;

	/* A symbolic link stays; what it points to is replaced. */
	if (realpath(e->path, target) == NULL &&
	    snprintf(target, sizeof(target), "%s", e->path) >=
		(int)sizeof(target)) {
		errno = ENAMETOOLONG;
		return failed(e, e->path, "write");
	}
	snprintf(temp, sizeof(temp), "%s.XXXXXX", target);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd == -1)
		return failed(e, temp, "create");
	err = write_temp(e, fd, temp, target);
	close(fd);
	if (err != OK)
		unlink(temp);
	return err;
}

/* Reads, changes and writes the file, of which e says how. */
static enum err
run(struct edit *e)
{
	enum err err;

	buf_init(&e->out, 0);
	err = read_old(e);
	if (err == OK)
		err = edit_text(e);
	if (err == OK)
		err = write_new(e);
	buf_fini(&e->out);
	free(e->old);
	return err;
}

/* Complains about what an operator asks for. */
static enum err
read_key(struct edit *e, const char *as, const char *who)
{
	const char *why;

	if (!identity_deny_kind_of(slice_str(as), &e->kind)) {
		report_add(e->report, "no such kind: %s", as);
		return ERR_CONFIG;
	}
	why = identity_deny_key_parse(&e->key, e->kind, slice_str(who));
	if (why == NULL)
		return OK;
	report_add(e->report, "%s %s", as, why);
	return ERR_CONFIG;
}

/* The entry as the only one of a list: is that a good list? */
static enum err
try_entry(const struct identity_deny_request *entry, struct report *r)
{
	struct identity_denylist *list = NULL;
	struct identity_deny_reader rd = { .columns = 4, .at = { 0, 1, 2, 3 } };
	struct edit e = { .entry = entry };
	enum err err;

	buf_init(&e.out, 0);
	err = put(&e.out, HEADING);
	if (err == OK)
		err = put_row(&e, &rd);
	if (err == OK)
		err = identity_denylist_parse(&list, buf_slice(&e.out), "entry",
		    r);
	identity_denylist_put(list);
	buf_fini(&e.out);
	return err;
}

enum err
identity_denyfile_add(const char *path,
    const struct identity_deny_request *entry, struct report *r)
{
	struct edit e = { .path = path, .report = r, .entry = entry };
	enum err err;

	err = try_entry(entry, r);
	if (err == OK)
		err = read_key(&e, entry->as, entry->who);
	return err == OK ? run(&e) : err;
}

enum err
identity_denyfile_remove(const char *path, const char *as, const char *who,
    struct report *r)
{
	struct edit e = { .path = path, .report = r };
	enum err err;

	err = read_key(&e, as, who);
	return err == OK ? run(&e) : err;
}
