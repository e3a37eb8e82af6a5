/* SPDX-License-Identifier: ISC */
#include "identity/deny_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/time.h"

#define HEADING "as,who,reason,until\n"
#define HEADING_MAX 65536 /* bytes that are searched for the first line */
#define PAGE 4096 /* written as a whole or not at all */
#define REWRITE_AT_ONCE 65536 /* files up to this size */
#define REWRITE_SHARE 8 /* larger ones when one row in so many is obsolete */
#define ROW_SIZE 32 /* bytes of a row, to estimate their number */
#define TRIES 50 /* when other programs keep replacing the file */
#define STEP_NS 2000000 /* between two looks at what others do */
#define LOCK_STEPS 1000
#define WRITER_STEPS 500

/* An edit on its way. */
struct work {
	struct identity_deny_edit *e; /* borrowed */
	char target[PATH_MAX]; /* the file that the path leads to */
	char temp[PATH_MAX + 8]; /* the new file, beside it */
	int fd; /* of the file; -1: none */
	bool writable; /* fd may append */
	struct identity_deny_columns columns;
	struct buf rows; /* owned: what the change adds */
	struct buf text; /* owned: the whole new file */
};

/* How a try ended that did not fail. */
enum outcome {
	DONE,
	AGAIN /* another program was faster */
};

static void
pause_step(void)
{
	const struct timespec step = { 0, STEP_NS };

	nanosleep(&step, NULL);
}

/* Reports errno. */
static enum err
failed(const struct work *w, const char *path, const char *what)
{
	const char *hint = errno == EACCES || errno == EROFS || errno == EPERM
	    ? " (the daemon's user must be able to write there)"
	    : "";

	report_add(w->e->report, "%s: cannot %s: %s%s", path, what,
	    strerror(errno), hint);
	return ERR_SYSTEM;
}

/* --- Rows --- */

static enum err
put(struct buf *out, const char *s)
{
	return buf_append(out, s, strlen(s));
}

static bool
needs_quotes(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (memchr(",\"\r\n", s.data[i], 4) != NULL)
			return true;
	return s.len > 0 && (s.data[0] == ' ' || s.data[s.len - 1] == ' ');
}

static enum err
put_field(struct buf *out, struct slice s)
{
	enum err err;
	size_t i;

	if (!needs_quotes(s))
		return s.len == 0 ? OK : buf_append(out, s.data, s.len);
	err = put(out, "\"");
	for (i = 0; i < s.len && err == OK; i++) {
		if (s.data[i] == '"')
			err = put(out, "\"");
		if (err == OK)
			err = buf_append(out, s.data + i, 1);
	}
	return err == OK ? put(out, "\"") : err;
}

static struct slice
until_text(int64_t until, char text[TIME_TEXT_MAX])
{
	if (until == IDENTITY_DENY_FOREVER)
		return slice_make(NULL, 0);
	if (until == IDENTITY_DENY_REMOVED)
		return slice_str("removed");
	time_write(until, text);
	return slice_str(text);
}

/* Entry `i' of `t' as a row of this file, with another until if `removed'. */
static enum err
put_row(struct work *w, const struct identity_deny_table *t, size_t i,
    bool removed)
{
	const struct identity_deny_entry *e = &t->entries[i];
	enum identity_deny_kind kind = (enum identity_deny_kind)e->kind;
	const size_t *at = w->columns.at;
	char value[IDENTITY_DENY_TEXT_MAX], until[TIME_TEXT_MAX];
	struct slice field;
	enum err err = OK;
	size_t c;

	for (c = 0; c < w->columns.count && err == OK; c++) {
		field = slice_make(NULL, 0);
		if (c == at[IDENTITY_DENY_COLUMN_AS])
			field = slice_str(identity_deny_word(kind));
		else if (c == at[IDENTITY_DENY_COLUMN_WHO])
			field = identity_deny_key_text(kind,
			    identity_deny_table_key(t, e), value);
		else if (c == at[IDENTITY_DENY_COLUMN_UNTIL])
			field = until_text(
			    removed ? IDENTITY_DENY_REMOVED : e->until, until);
		else if (c == at[IDENTITY_DENY_COLUMN_REASON] && !removed)
			field = identity_deny_table_reason(t, e);
		err = c > 0 ? put(&w->rows, ",") : OK;
		if (err == OK)
			err = put_field(&w->rows, field);
	}
	return err == OK ? put(&w->rows, "\n") : err;
}

/* All rows of the change, after a heading if the file has none. With `undo'
 * also those that take back what it removes or replaces. */
static enum err
put_rows(struct work *w, bool heading, bool undo)
{
	const struct identity_deny_change *c = w->e->change;
	enum err err;
	size_t i;

	buf_consume(&w->rows, buf_len(&w->rows));
	err = heading ? put(&w->rows, HEADING) : OK;
	for (i = 0; undo && i < c->replaced.count && err == OK; i++)
		err = put_row(w, &c->replaced, i, true);
	for (i = 0; i < c->entries.count && err == OK; i++)
		if (c->entries.entries[i].until != IDENTITY_DENY_REMOVED)
			err = put_row(w, &c->entries, i, false);
	return err;
}

/* Reports a column that the change needs and the file lacks. */
static enum err
check_columns(const struct work *w)
{
	const struct identity_deny_table *t = &w->e->change->entries;
	const struct identity_deny_columns *c = &w->columns;
	const char *lacks = NULL;
	size_t i;

	for (i = 0; i < t->count && lacks == NULL; i++) {
		if (t->entries[i].until == IDENTITY_DENY_REMOVED)
			continue;
		if (t->entries[i].reason_len > 0 &&
		    c->at[IDENTITY_DENY_COLUMN_REASON] >= c->count)
			lacks = "reason";
		else if (t->entries[i].until != IDENTITY_DENY_FOREVER &&
		    c->at[IDENTITY_DENY_COLUMN_UNTIL] >= c->count)
			lacks = "until";
	}
	if (lacks == NULL)
		return OK;
	report_add(w->e->report, "%s:1: there is no column %s to write to",
	    w->e->path, lacks);
	return ERR_CONFIG;
}

/* --- The file --- */

/* Locks `fd'. ERR_TIMEOUT: another program keeps it. */
static enum err
lock(int fd)
{
	int i;

	for (i = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return OK; /* a file system without locks */
		if (i == LOCK_STEPS)
			return ERR_TIMEOUT;
		pause_step();
	}
	return OK;
}

/* True if the path still leads to the file that is open as `fd'. */
static bool
is_current(const struct work *w, int fd)
{
	struct stat a, b;

	return stat(w->e->path, &a) == 0 && fstat(fd, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens the file, to append if that is allowed, and creates it if it does not
 * exist. */
static int
open_file(struct work *w)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd;

	if (realpath(w->e->path, w->target) == NULL)
		snprintf(w->target, sizeof(w->target), "%s", w->e->path);
	fd = open(w->e->path,
	    O_RDWR | O_APPEND | (w->e->create ? O_CREAT : 0) | flags, 0640);
	w->writable = fd != -1;
	if (fd == -1 && (errno == EACCES || errno == EPERM))
		fd = open(w->e->path, O_RDONLY | flags);
	return fd;
}

/* Opens and locks the file that the path leads to. */
static enum err
open_locked(struct work *w)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		w->fd = open_file(w);
		if (w->fd == -1 && errno == ENOENT && !w->e->create)
			report_add(w->e->report,
			    "%s: has disappeared; the entries in force would "
			    "be lost (put it back, or create an empty one)",
			    w->e->path);
		else if (w->fd == -1)
			(void)failed(w, w->e->path, "open");
		if (w->fd == -1)
			return ERR_SYSTEM;
		if (fstat(w->fd, &w->e->before) == -1)
			return failed(w, w->e->path, "look at");
		if (!S_ISREG(w->e->before.st_mode)) {
			report_add(w->e->report, "%s: is not a regular file",
			    w->e->path);
			return ERR_SYSTEM;
		}
		if (lock(w->fd) != OK) {
			report_add(w->e->report,
			    "%s: another program keeps it locked", w->e->path);
			return ERR_SYSTEM;
		}
		if (is_current(w, w->fd) && fstat(w->fd, &w->e->before) == 0)
			return OK;
		close(w->fd);
		w->fd = -1;
	}
	report_add(w->e->report, "%s: is replaced all the time", w->e->path);
	return ERR_SYSTEM;
}

/* Reads `len' bytes from offset `from', or fewer at the end of the file. */
static enum err
read_at(int fd, struct buf *out, off_t from, size_t len)
{
	uint8_t *room;
	ssize_t n;

	while (len > 0) {
		room = buf_reserve(out, len < PAGE * 64 ? len : PAGE * 64);
		if (room == NULL)
			return ERR_NO_MEMORY;
		n = pread(fd, room, len < PAGE * 64 ? len : PAGE * 64, from);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ERR_SYSTEM;
		if (n == 0)
			break;
		buf_commit(out, (size_t)n);
		from += n;
		len -= (size_t)n;
	}
	return OK;
}

/* Reads the names of the columns. A blank file gets a heading of ours. */
static enum err
read_columns(struct work *w, bool *blank)
{
	struct identity_deny_rows rows;
	struct buf head;
	enum err err;

	*blank = false;
	buf_init(&head, 0);
	err = read_at(w->fd, &head, 0, HEADING_MAX);
	if (err == OK)
		err = identity_deny_rows_begin(&rows, buf_data(&head),
		    buf_len(&head), w->e->path, w->e->report);
	else if (err == ERR_SYSTEM)
		err = failed(w, w->e->path, "read it");
	if (err == OK && rows.columns.count == 0) {
		*blank = true;
		identity_deny_rows_begin_plain(&rows, NULL, 0, w->e->path,
		    w->e->report);
	}
	w->columns = rows.columns;
	buf_fini(&head);
	return err == OK ? check_columns(w) : err;
}

/* --- Appending --- */

/* Returns what has to be written before rows at the end of a file of `size'
 * bytes: a line feed after a last line without one, and line feeds up to the
 * next page if the rows would cross its border. Blank lines are not rows. */
static enum err
pad(struct work *w, size_t size, size_t len, size_t *padded)
{
	char last = '\n', feeds[PAGE];
	size_t n = 0;

	if (size > 0 && pread(w->fd, &last, 1, (off_t)size - 1) != 1)
		return failed(w, w->e->path, "read it");
	if (last != '\n')
		n = 1;
	if ((size + n) % PAGE + len > PAGE)
		n = PAGE - size % PAGE;
	memset(feeds, '\n', sizeof(feeds));
	*padded = n;
	if (file_write_all(w->fd, slice_make(feeds, n)) != OK)
		return failed(w, w->e->path, "write");
	return OK;
}

/* Takes back what a full disk let be written of rows: a part of a row could
 * name another client. What another program has appended after it stays. */
static void
take_back(const struct work *w, size_t begin, size_t len)
{
	int error = errno;
	struct stat now;

	if (fstat(w->fd, &now) == 0 && (size_t)now.st_size > begin &&
	    (size_t)now.st_size < begin + len)
		(void)!ftruncate(w->fd, (off_t)begin);
	errno = error;
}

static enum err
append(struct work *w, enum outcome *outcome)
{
	struct identity_deny_edit *e = w->e;
	size_t begin = (size_t)e->before.st_size, padded = 0;
	struct slice rows = buf_slice(&w->rows);
	enum err err;

	err = pad(w, begin, rows.len, &padded);
	if (err != OK)
		return err;
	if (file_write_all(w->fd, rows) != OK) {
		take_back(w, begin, padded + rows.len);
		return failed(w, e->path, "write");
	}
	if (fdatasync(w->fd) == -1 || fstat(w->fd, &e->after) == -1)
		return failed(w, e->path, "write");
	*outcome = is_current(w, w->fd) ? DONE : AGAIN;
	e->alone = (size_t)e->after.st_size == begin + padded + rows.len;
	e->obsolete_rows += e->change->replaced.count * 2;
	return OK;
}

/* --- Rewriting --- */

/* A row of the old file. */
struct place {
	size_t begin;
	size_t end;
	size_t entry; /* its index in the table */
};

/* The rows of the old file, and which of them count. */
struct file_rows {
	struct identity_deny_table table; /* owned */
	size_t *winner; /* owned: for each entry, the row that counts */
	struct place *rows; /* owned */
	size_t count;
	size_t cap;
};

static void
file_rows_fini(struct file_rows *s)
{
	identity_deny_table_fini(&s->table);
	free(s->winner);
	free(s->rows);
}

static enum err
file_rows_grow(struct file_rows *s)
{
	size_t cap = s->cap == 0 ? 1024 : s->cap * 2;
	struct place *rows = realloc(s->rows, cap * sizeof(*rows));
	size_t *winner;

	if (rows == NULL)
		return ERR_NO_MEMORY;
	s->rows = rows;
	winner = realloc(s->winner, cap * sizeof(*winner));
	if (winner == NULL)
		return ERR_NO_MEMORY;
	s->winner = winner;
	s->cap = cap;
	return OK;
}

/* Adds a row: as for a list in force, the longest lasting one counts. */
static enum err
file_rows_add(struct file_rows *s, const struct identity_deny_row *row,
    const struct identity_deny_key *key)
{
	const struct slice none = { NULL, 0 };
	struct identity_deny_lookup what = identity_deny_lookup_make(
	    &s->table.hash, row->kind, slice_make(key->bytes, key->len));
	const struct identity_deny_entry *have =
	    identity_deny_table_find(&s->table, &what);
	bool wins = have == NULL || row->until == IDENTITY_DENY_REMOVED ||
	    row->until > have->until;
	enum err err = s->count == s->cap ? file_rows_grow(s) : OK;
	struct place *p;

	if (err == OK && wins)
		err =
		    identity_deny_table_set(&s->table, &what, none, row->until);
	if (err != OK)
		return err;
	p = &s->rows[s->count];
	p->begin = row->begin;
	p->end = row->end;
	p->entry = (size_t)(identity_deny_table_find(&s->table, &what) -
	    s->table.entries);
	if (wins)
		s->winner[p->entry] = s->count;
	s->count++;
	return OK;
}

/* Reads the old file, of which `copy' is spoilt. */
static enum err
file_rows_read(struct file_rows *s, struct work *w, struct buf *copy,
    size_t *heading)
{
	struct identity_deny_rows rows;
	struct identity_deny_row row;
	struct identity_deny_key key;
	enum parse parse;
	enum err err;

	err = identity_deny_rows_begin(&rows, buf_data(copy), buf_len(copy),
	    w->e->path, w->e->report);
	while (err == OK) {
		parse = identity_deny_rows_next(&rows, &row, &key);
		if (parse == PARSE_MORE)
			break;
		if (parse == PARSE_OK)
			err = file_rows_add(s, &row, &key);
	}
	*heading = rows.heading;
	return err == OK ? identity_deny_rows_end(&rows) : err;
}

/* True if a row of the old file stays. */
static bool
stays(const struct file_rows *s, const struct identity_deny_change *c, size_t i)
{
	const struct place *p = &s->rows[i];
	const struct identity_deny_entry *e = &s->table.entries[p->entry];
	struct identity_deny_lookup what;

	if (s->winner[p->entry] != i || e->until == IDENTITY_DENY_REMOVED)
		return false;
	if (c->replaced.count == 0)
		return true;
	what = identity_deny_lookup_make(&s->table.hash,
	    (enum identity_deny_kind)e->kind,
	    identity_deny_table_key(&s->table, e));
	return identity_deny_table_find(&c->replaced, &what) == NULL;
}

/* Appends the rows of `old' that stay to the new text. */
static enum err
copy_rows(struct work *w, const struct file_rows *s, const uint8_t *old,
    size_t heading)
{
	enum err err = buf_append(&w->text, old, heading);
	const struct place *p;
	size_t i;

	for (i = 0; i < s->count && err == OK; i++) {
		p = &s->rows[i];
		if (!stays(s, w->e->change, i))
			continue;
		err = buf_append(&w->text, old + p->begin, p->end - p->begin);
		if (err == OK && old[p->end - 1] != '\n')
			err = put(&w->text, "\n");
	}
	return err;
}

/* Copies the rows of `old' that still count. */
static enum err
filter(struct work *w, const struct buf *old)
{
	struct file_rows s = { .count = 0 };
	size_t heading = 0;
	struct buf copy;
	enum err err;

	identity_deny_table_init(&s.table, &w->e->change->entries.hash);
	buf_init(&copy, 0);
	err = buf_append(&copy, buf_data(old), buf_len(old));
	if (err == OK)
		err = file_rows_read(&s, w, &copy, &heading);
	buf_fini(&copy);
	if (err == OK)
		err = copy_rows(w, &s, buf_data(old), heading);
	file_rows_fini(&s);
	return err;
}

/* Makes the whole new file in w->text. */
static enum err
make_text(struct work *w, bool blank)
{
	const struct identity_deny_change *c = w->e->change;
	size_t len = (size_t)w->e->before.st_size;
	struct buf old;
	enum err err;

	buf_consume(&w->text, buf_len(&w->text));
	buf_init(&old, 0);
	err = blank ? OK : read_at(w->fd, &old, 0, len);
	if (err == ERR_SYSTEM)
		err = failed(w, w->e->path, "read it");
	if (err == OK && !blank && c->replaced.count > 0)
		err = filter(w, &old);
	else if (err == OK && !blank)
		err = buf_append(&w->text, buf_data(&old), buf_len(&old));
	buf_fini(&old);
	if (err == OK && buf_len(&w->text) > 0 &&
	    buf_data(&w->text)[buf_len(&w->text) - 1] != '\n')
		err = put(&w->text, "\n");
	if (err == OK)
		err = put_rows(w, blank, false);
	return err == OK
	    ? buf_append(&w->text, buf_data(&w->rows), buf_len(&w->rows))
	    : err;
}

/* Creates the new file beside the old one, and locks it; -1: an error, which
 * was reported. A file of that name was left by a process that was killed: only
 * the process that holds the lock on the list's file creates one. */
static int
create_temp(struct work *w)
{
	const char *name = strrchr(w->target, '/');
	size_t folder = name == NULL ? 0 : (size_t)(name + 1 - w->target);
	int fd;

	snprintf(w->temp, sizeof(w->temp), "%.*s.%s.new", (int)folder,
	    w->target, w->target + folder);
	unlink(w->temp);
	fd = open(w->temp, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd == -1) {
		(void)failed(w, w->temp, "create");
		return -1;
	}
	(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

/* Fills the new file and gives it the owner and mode of the old one. */
static enum err
fill_temp(struct work *w, int fd)
{
	const struct stat *old = &w->e->before;

	/* Only root may give a file away; the mode is what matters. */
	if (fchown(fd, old->st_uid, old->st_gid) == -1)
		errno = 0;
	if (fchmod(fd, old->st_mode & 07777) == -1)
		return failed(w, w->temp, "set its mode");
	if (file_write_all(fd, buf_slice(&w->text)) != OK || fsync(fd) == -1)
		return failed(w, w->temp, "write");
	return OK;
}

/* Adds to the new file what was appended to the old one (`old', now at the
 * name of the new one) since it was read. False: the old one was changed in
 * another way. */
static bool
take_tail(struct work *w, int old, int fd, off_t *seen)
{
	struct buf tail;
	struct stat st;
	bool good = false;

	if (fstat(old, &st) == -1 || st.st_size < *seen)
		return false;
	if (st.st_size == *seen)
		return *seen > w->e->before.st_size ||
		    (st.st_mtim.tv_sec == w->e->before.st_mtim.tv_sec &&
			st.st_mtim.tv_nsec == w->e->before.st_mtim.tv_nsec);
	buf_init(&tail, 0);
	if (read_at(old, &tail, *seen, (size_t)(st.st_size - *seen)) == OK &&
	    file_write_all(fd, buf_slice(&tail)) == OK) {
		*seen += (off_t)buf_len(&tail);
		w->e->alone = false;
		good = true;
	}
	buf_fini(&tail);
	return good;
}

/* Waits until no program has the old file open for writing: only then the
 * kernel grants a read lease. True also where it knows no leases. */
static bool
has_no_writer(int old)
{
	if (fcntl(old, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(old, F_SETLEASE, F_UNLCK);
		return true;
	}
	return errno != EAGAIN;
}

/* After the exchange: adds what other programs still wrote to the old file. */
static enum outcome
finish_exchange(struct work *w, int fd)
{
	int old = open(w->temp, O_RDONLY | O_CLOEXEC);
	off_t seen = w->e->before.st_size;
	bool good = old != -1, idle = false;
	int i;

	/* Our own descriptor would count as a writer. The lock goes with it,
	 * but that on the new file keeps others of our kind away. */
	close(w->fd);
	w->fd = -1;
	for (i = 0; good && !idle && i < WRITER_STEPS; i++) {
		if (i > 0)
			pause_step();
		idle = has_no_writer(old);
		good = take_tail(w, old, fd, &seen);
	}
	if (old != -1)
		close(old);
	if (good)
		return DONE;
	/* It was changed in place: the exchange is undone, and the change is
	 * made to that file. */
	(void)renameat2(AT_FDCWD, w->temp, AT_FDCWD, w->target,
	    RENAME_EXCHANGE);
	return AGAIN;
}

/* Exchanges the old file and the new one, or renames where the file system
 * cannot exchange. */
static enum err
exchange(struct work *w, int fd, enum outcome *outcome)
{
	struct stat old;

	*outcome = AGAIN;
	if (!is_current(w, w->fd))
		return OK;
	if (renameat2(AT_FDCWD, w->temp, AT_FDCWD, w->target,
		RENAME_EXCHANGE) == 0) {
		if (stat(w->temp, &old) == 0 &&
		    old.st_ino == w->e->before.st_ino)
			*outcome = finish_exchange(w, fd);
		else
			(void)renameat2(AT_FDCWD, w->temp, AT_FDCWD, w->target,
			    RENAME_EXCHANGE);
		return OK;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return failed(w, w->target, "replace it");
	if (fstat(w->fd, &old) == 0 &&
	    identity_deny_same_version(&old, &w->e->before)) {
		if (rename(w->temp, w->target) == -1)
			return failed(w, w->target, "replace it");
		*outcome = DONE;
	}
	return OK;
}

static enum err
rewrite(struct work *w, bool blank, enum outcome *outcome)
{
	enum err err;
	int fd;

	w->e->alone = true;
	err = make_text(w, blank);
	if (err != OK)
		return err;
	fd = create_temp(w);
	if (fd == -1)
		return ERR_SYSTEM;
	err = fill_temp(w, fd);
	if (err == OK)
		err = exchange(w, fd, outcome);
	if (err == OK && *outcome == DONE) {
		if (!w->e->alone)
			(void)fsync(fd);
		if (fstat(fd, &w->e->after) == -1)
			err = failed(w, w->target, "look at");
		if (w->e->change->replaced.count > 0)
			w->e->obsolete_rows = 0;
	}
	/* By now this is the new file, if it was not used, or the old one. */
	unlink(w->temp);
	file_sync_rename(w->target);
	close(fd);
	return err;
}

/* True if so many rows no longer count that the file is to be rewritten. */
static bool
is_worth_it(const struct identity_deny_edit *e)
{
	size_t rows = (size_t)e->before.st_size / ROW_SIZE;

	return e->before.st_size <= REWRITE_AT_ONCE ||
	    e->obsolete_rows > rows / REWRITE_SHARE;
}

/* True if a new file can take the place of the old one. */
static bool
can_replace(const struct work *w)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", w->target);
	return access(dirname(copy), W_OK | X_OK) == 0;
}

/* One try, with the file open and locked. */
static enum err
try_edit(struct work *w, enum outcome *outcome)
{
	const struct identity_deny_change *c = w->e->change;
	bool undo = c->replaced.count > 0;
	bool blank, must;
	enum err err;

	err = read_columns(w, &blank);
	if (err == OK)
		err = put_rows(w, blank, true);
	if (err != OK)
		return err;
	must = !w->writable || buf_len(&w->rows) > PAGE ||
	    (undo &&
		w->columns.at[IDENTITY_DENY_COLUMN_UNTIL] >= w->columns.count);
	if (must || ((blank || (undo && is_worth_it(w->e))) && can_replace(w)))
		return rewrite(w, blank, outcome);
	return append(w, outcome);
}

enum err
identity_deny_edit_run(struct identity_deny_edit *e)
{
	struct work w = { .e = e, .fd = -1 };
	enum outcome outcome = AGAIN;
	enum err err = OK;
	int i;

	buf_init(&w.rows, 0);
	buf_init(&w.text, 0);
	for (i = 0; i < TRIES && err == OK && outcome == AGAIN; i++) {
		err = open_locked(&w);
		if (err == OK)
			err = try_edit(&w, &outcome);
		if (w.fd != -1)
			close(w.fd);
		w.fd = -1;
	}
	if (err == OK && outcome == AGAIN) {
		report_add(e->report, "%s: is replaced all the time", e->path);
		err = ERR_SYSTEM;
	}
	buf_fini(&w.rows);
	buf_fini(&w.text);
	return err;
}
