/* SPDX-License-Identifier: ISC */
/*
 * The queue of the log, and the thread that writes it to stderr, a file or
 * syslog.
 *
 * There are two buffers. Callers append to one of them under a lock that is
 * only held to copy a line. The writer takes it, leaves the other one empty in
 * its place, and writes without the lock. It asks poll() before each write, so
 * that it never blocks on a pipe, a terminal or a socket, and can be switched
 * to another sink, or stopped, at any time. Its state is `writer', which the
 * lock `pump_lock' guards: while there is no thread, callers write themselves.
 */
#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

/* The size of each of the two buffers; a line of a session is 300 to 500
 * bytes. */
#define QUEUE_MAX (1024 * 1024)

/* How much is written at once: pipes do not mix writes up to PIPE_BUF. */
#define CHUNK_MAX LOG_LINE_MAX

#define STOP_MS 1000 /* for what is queued at the end */
#define RETRY_MS 1000 /* between attempts to reach syslogd */
#define BUSY_MS \
	20 /* after a sink said that it is full although poll() did not */
#define SYSLOG_PATH "/dev/log"

/* Links that are followed to the log file, one to the next. */
#define LINKS_MAX 8

enum kind {
	KIND_STDERR,
	KIND_FILE,
	KIND_SYSLOG
};

struct sink {
	enum kind kind;
	int fd; /* owned unless KIND_STDERR; -1: syslogd is not there */
	bool priority; /* lines begin with <N>, as sd-daemon(3) has it */
};

/* What stands before each line in a buffer. */
struct record {
	uint16_t len;
	uint16_t level;
};

struct buffer {
	char *bytes;
	size_t len;
};

static char space[2][QUEUE_MAX];

/* What callers share with the writer. */
static struct {
	pthread_mutex_t lock; /* guards the first group */
	struct buffer queue;
	uint64_t dropped_now; /* lines dropped since the buffers changed */
	struct sink next; /* to be adopted by the writer */
	bool changed; /* `next' is set */
	bool sleeping; /* the writer has to be woken */
	bool stopping;
	uint64_t deadline; /* of stopping */

	pthread_t thread;
	int wake; /* eventfd of the thread */

	_Atomic bool running; /* there is a thread */
	_Atomic uint64_t dropped;
	_Atomic int level;
	_Atomic int format;
	_Atomic bool timed;
} shared = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.queue = { space[0], 0 },
	.level = LOG_LEVEL_INFO,
	.timed = true,
};

/* The state of the writer; guarded by pump_lock. */
static struct {
	struct sink sink;
	struct buffer buffer; /* being written */
	size_t at; /* in buffer: of the next record */
	uint64_t dropped_after; /* lines dropped after those in `buffer' */
	uint64_t missing; /* lines dropped before them, not yet reported */
	bool flows; /* the last write succeeded */
	bool torn; /* ... or failed in the middle of a line */
	char chunk[CHUNK_MAX + 64]; /* being written: whole lines */
	size_t chunk_len;
	size_t chunk_at; /* what is written of it */
	uint64_t chunk_lines;
	uint64_t chunk_reports; /* missing lines that the chunk tells of */
	uint64_t retry_at; /* when to try the sink again */
} writer = {
	.sink = { KIND_STDERR, STDERR_FILENO, false },
	.buffer = { space[1], 0 },
	.flows = true,
};

/* Held by the writer: by the thread as long as it runs, else by a caller. */
static pthread_mutex_t pump_lock = PTHREAD_MUTEX_INITIALIZER;

/* The file that log_open() has opened, or ""; main thread only. */
static char file_path[PATH_MAX];

struct log_style
log_sink_style(void)
{
	struct log_style style = {
		.format = (enum log_format)atomic_load_explicit(&shared.format,
		    memory_order_relaxed),
		.timed =
		    atomic_load_explicit(&shared.timed, memory_order_relaxed),
	};

	return style;
}

void
log_set_level(enum log_level level)
{
	atomic_store(&shared.level, (int)level);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <=
	    atomic_load_explicit(&shared.level, memory_order_relaxed);
}

uint64_t
log_dropped(void)
{
	return atomic_load_explicit(&shared.dropped, memory_order_relaxed);
}

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* A socket to syslogd, or -1. */
static int
connect_syslog(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX,
		.sun_path = SYSLOG_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Puts a line into the chunk as syslogd expects it: priority, local time, name
 * and process id before it, and no newline. */
static void
put_syslog(enum log_level level, struct slice line)
{
	time_t now = (time_t)clock_wall_s();
	char when[32];
	struct tm tm;
	size_t n;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%h %e %T", &tm);
	n = (size_t)snprintf(writer.chunk, 64,
	    "<%d>%.20s sallyport[%ld]: ", LOG_DAEMON | priorities[level], when,
	    (long)getpid());
	memcpy(writer.chunk + n, line.data, line.len - 1);
	writer.chunk_len = n + line.len - 1;
}

/* Appends a line to the chunk. */
static void
put_stream(enum log_level level, struct slice line)
{
	char *to = writer.chunk + writer.chunk_len;

	if (writer.torn)
		*to++ = '\n';
	writer.torn = false;
	if (writer.sink.priority) {
		*to++ = '<';
		*to++ = (char)('0' + priorities[level]);
		*to++ = '>';
	}
	memcpy(to, line.data, line.len);
	writer.chunk_len = (size_t)(to - writer.chunk) + line.len;
}

static void
put_line(enum log_level level, struct slice line)
{
	if (writer.sink.kind == KIND_SYSLOG)
		put_syslog(level, line);
	else
		put_stream(level, line);
	writer.chunk_lines++;
}

static void
clear_chunk(void)
{
	writer.chunk_len = 0;
	writer.chunk_at = 0;
	writer.chunk_lines = 0;
	writer.chunk_reports = 0;
}

/* Makes a chunk of the buffer: one line for syslog, else as many as fit. */
static void
fill_chunk(void)
{
	struct record r;
	const char *text;

	while (writer.at < writer.buffer.len) {
		memcpy(&r, writer.buffer.bytes + writer.at, sizeof(r));
		text = writer.buffer.bytes + writer.at + sizeof(r);
		if (writer.chunk_lines > 0 &&
		    (writer.sink.kind == KIND_SYSLOG ||
			writer.chunk_len + r.len + 3 > CHUNK_MAX))
			return;
		put_line((enum log_level)r.level, slice_make(text, r.len));
		writer.at += sizeof(r) + r.len;
	}
}

/* Makes a chunk of the line that says how many are missing. */
static void
report_missing(void)
{
	struct log_line line;

	log_begin(&line, LOG_LEVEL_WARN, "log_dropped");
	log_u64(&line, "lines", writer.missing);
	log_str(&line, "msg",
	    "lines are missing here: the log was not written fast enough");
	put_line(LOG_LEVEL_WARN, log_finish(&line));
	writer.chunk_lines = 0; /* not one that is missing if it fails */
	writer.chunk_reports = writer.missing;
}

/* Takes what callers have queued, and leaves them the empty buffer. */
static void
take_queue(void)
{
	struct buffer empty = { writer.buffer.bytes, 0 };

	writer.missing += writer.dropped_after;
	pthread_mutex_lock(&shared.lock);
	writer.buffer = shared.queue;
	shared.queue = empty;
	writer.dropped_after = shared.dropped_now;
	shared.dropped_now = 0;
	shared.sleeping = writer.buffer.len == 0;
	pthread_mutex_unlock(&shared.lock);
	writer.at = 0;
}

/* Prepares what is to be written next; false if there is nothing. */
static bool
next_chunk(void)
{
	clear_chunk();
	if (writer.at == writer.buffer.len)
		take_queue();
	if (writer.missing > 0 && writer.flows)
		report_missing();
	else
		fill_chunk();
	return writer.chunk_len > 0;
}

/* Drops the rest of the chunk. */
static void
drop_chunk(void)
{
	atomic_fetch_add_explicit(&shared.dropped, writer.chunk_lines,
	    memory_order_relaxed);
	writer.missing += writer.chunk_lines;
	writer.flows = false;
	writer.torn = writer.chunk_at > 0;
	clear_chunk();
}

static void
close_sink(struct sink *s)
{
	if (s->kind != KIND_STDERR && s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

/* Changes to the sink that log_open() has chosen. The rest of a line that was
 * written in part is not written to the new sink. */
static void
adopt_sink(void)
{
	struct sink next;
	bool changed;

	pthread_mutex_lock(&shared.lock);
	changed = shared.changed;
	next = shared.next;
	shared.changed = false;
	pthread_mutex_unlock(&shared.lock);
	if (!changed)
		return;
	if (writer.chunk_at > 0 && writer.chunk_at < writer.chunk_len &&
	    (next.kind != KIND_STDERR || writer.sink.kind != KIND_STDERR)) {
		drop_chunk();
		writer.torn = false;
	}
	close_sink(&writer.sink);
	writer.sink = next;
	writer.retry_at = 0;
	writer.flows = true;
}

/* True if a write will not block. */
static bool
is_ready(void)
{
	struct pollfd p = { .events = POLLOUT };
	uint64_t now = clock_mono_ms();

	if (writer.retry_at > now)
		return false;
	if (writer.sink.kind == KIND_SYSLOG && writer.sink.fd == -1) {
		writer.sink.fd = connect_syslog();
		writer.retry_at = now + RETRY_MS;
		if (writer.sink.fd == -1)
			return false;
		writer.retry_at = 0;
	}
	p.fd = writer.sink.fd;
	/* Any other event makes the write fail, which is no waiting either. */
	return writer.sink.kind == KIND_FILE || poll(&p, 1, 0) > 0;
}

/* Deals with a failed write. */
static void
failed(int error)
{
	if (error == EINTR)
		return;
	if (error == EAGAIN) {
		writer.retry_at = clock_mono_ms() + BUSY_MS;
		return;
	}
	if (writer.sink.kind == KIND_SYSLOG && error != EMSGSIZE) {
		/* syslogd was restarted: the line goes to the new one. */
		close_sink(&writer.sink);
		writer.retry_at = clock_mono_ms() + BUSY_MS;
		return;
	}
	drop_chunk();
}

static void
write_chunk(void)
{
	const char *from = writer.chunk + writer.chunk_at;
	size_t len = writer.chunk_len - writer.chunk_at;
	ssize_t n;

	if (writer.sink.kind == KIND_SYSLOG)
		n = send(writer.sink.fd, from, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(writer.sink.fd, from, len);
	if (n == -1) {
		failed(errno);
		return;
	}
	writer.chunk_at += (size_t)n;
	if (writer.chunk_at < writer.chunk_len)
		return;
	writer.flows = true;
	writer.missing -= writer.chunk_reports;
	clear_chunk();
}

/* Writes all that can be written without waiting. True if nothing is left. */
static bool
pump(void)
{
	for (;;) {
		adopt_sink();
		if (writer.chunk_at == writer.chunk_len && !next_chunk())
			return true;
		if (!is_ready())
			return false;
		write_chunk();
	}
}

/* Waits for a call of wake(), and for the sink if there is `more' to write, but
 * not beyond `deadline' (0: none). */
static void
wait_for_work(bool more, uint64_t deadline)
{
	struct pollfd p[2] = { { .fd = shared.wake, .events = POLLIN },
		{ .fd = -1, .events = POLLOUT } };
	uint64_t now = clock_mono_ms();
	uint64_t until = deadline;
	uint64_t count;

	if (more && writer.retry_at <= now)
		p[1].fd = writer.sink.fd;
	else if (more && (until == 0 || writer.retry_at < until))
		until = writer.retry_at;
	if (until == 0)
		(void)poll(p, 2, -1);
	else if (until > now)
		(void)poll(p, 2, (int)(until - now));
	if (p[0].revents != 0 && read(shared.wake, &count, sizeof(count)) == -1)
		return; /* a thread that woke up before has read it */
}

/* Writes until log_stop(), and then what is left, but not beyond its deadline
 * and not to a syslogd that is not there. */
static void
write_until_stopped(void)
{
	uint64_t deadline;
	bool stopping;
	bool done;

	for (;;) {
		done = pump();
		pthread_mutex_lock(&shared.lock);
		stopping = shared.stopping;
		deadline = shared.deadline;
		pthread_mutex_unlock(&shared.lock);
		if (stopping &&
		    (done || writer.sink.fd == -1 ||
			clock_mono_ms() >= deadline))
			return;
		wait_for_work(!done, deadline);
	}
}

static void *
run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pump_lock);
	write_until_stopped();
	pthread_mutex_unlock(&pump_lock);
	return NULL;
}

static void
wake(void)
{
	uint64_t one = 1;

	if (write(shared.wake, &one, sizeof(one)) == -1)
		return; /* it is awake already */
}

/* Wakes the writer thread if it sleeps. While no thread runs, writes the queue
 * itself. */
static void
go_on(bool sleeping)
{
	if (atomic_load_explicit(&shared.running, memory_order_acquire)) {
		if (sleeping)
			wake();
	} else if (pthread_mutex_trylock(&pump_lock) == 0) {
		(void)pump();
		pthread_mutex_unlock(&pump_lock);
	}
}

void
log_sink_put(enum log_level level, struct slice line)
{
	struct record r = { (uint16_t)line.len, (uint16_t)level };
	struct buffer *q = &shared.queue;
	bool sleeping;

	pthread_mutex_lock(&shared.lock);
	if (q->len + sizeof(r) + line.len <= QUEUE_MAX) {
		memcpy(q->bytes + q->len, &r, sizeof(r));
		memcpy(q->bytes + q->len + sizeof(r), line.data, line.len);
		q->len += sizeof(r) + line.len;
	} else {
		shared.dropped_now++;
		atomic_fetch_add_explicit(&shared.dropped, 1,
		    memory_order_relaxed);
	}
	sleeping = shared.sleeping;
	shared.sleeping = false;
	pthread_mutex_unlock(&shared.lock);
	go_on(sleeping);
}

/* True if only root can have made the link `path': it belongs to root, and so
 * does its folder, in which no other user may write. */
static bool
is_roots_link(const char *path)
{
	char copy[PATH_MAX];
	struct stat st;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return false;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid == 0 &&
	    stat(dirname(copy), &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Writes to `out' where `path' leads through links that only root can have
 * made, step by step: the target of such a link may be a link of another user.
 * False if that is too long. */
static bool
follow_roots_links(char out[PATH_MAX], const char *path)
{
	char target[PATH_MAX], copy[PATH_MAX];
	ssize_t len;
	int i, n;

	n = snprintf(out, PATH_MAX, "%s", path);
	for (i = 0; i < LINKS_MAX && n < PATH_MAX && is_roots_link(out); i++) {
		len = readlink(out, target, sizeof(target));
		if (len <= 0 || len == sizeof(target))
			break;
		target[len] = '\0';
		memcpy(copy, out, sizeof(copy));
		n = target[0] == '/'
		    ? snprintf(out, PATH_MAX, "%s", target)
		    : snprintf(out, PATH_MAX, "%s/%s", dirname(copy), target);
	}
	return n < PATH_MAX;
}

/* Opens a log file for appending; `create' is O_CREAT or 0. Root, who creates
 * files and gives them away, does not follow links of other users. */
static enum err
open_file(int *out, const char *path, int create)
{
	int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	char target[PATH_MAX];
	struct stat st;
	int fd;

	if (geteuid() == 0) {
		flags |= O_NOFOLLOW;
		errno = ENAMETOOLONG;
		if (!follow_roots_links(target, path))
			return ERR_SYSTEM;
		path = target;
	}
	fd = open(path, flags | create, 0640);
	if (fd == -1)
		/* ENXIO: a FIFO without a reader, or a socket. */
		return errno == ENXIO ? ERR_IRREGULAR : ERR_SYSTEM;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ERR_IRREGULAR;
	}
	*out = fd;
	return OK;
}

const char *
log_error(enum err err)
{
	if (err == ERR_IRREGULAR)
		return "it is not a regular file (write log = stderr for a "
		       "pipe or a terminal)";
	if (err == ERR_NOT_FOUND)
		return "no syslogd listens at " SYSLOG_PATH
		       ": lines are queued until there is one";
	if (err != ERR_SYSTEM)
		return err_text(err);
	switch (errno) {
	case ELOOP:
		return "it is a symbolic link, which root does not follow in a "
		       "folder of another user (name the file itself)";
	case ENOENT:
		return "its folder does not exist (create it, writable by "
		       "[daemon] user)";
	case EACCES:
		return "Permission denied (let [daemon] user write to its "
		       "folder)";
	default:
		return strerror(errno);
	}
}

/* True if stderr is the journal's: systemd.exec(5), $JOURNAL_STREAM. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream != NULL &&
	    sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode;
}

/* Tells stderr that there is no syslogd, unless that would block. */
static void
warn_of_syslog(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0)
		dprintf(STDERR_FILENO, "sallyport: warning: log: %s\n",
		    log_error(ERR_NOT_FOUND));
}

/* Hands a new sink to the writer. */
static void
change_sink(const struct sink *next)
{
	pthread_mutex_lock(&shared.lock);
	if (shared.changed)
		close_sink(&shared.next);
	shared.next = *next;
	shared.changed = true;
	pthread_mutex_unlock(&shared.lock);
	go_on(true);
}

static void
set_style(enum log_format format, bool timed)
{
	atomic_store(&shared.format, (int)format);
	atomic_store(&shared.timed, timed);
}

static void
use_stderr(enum log_format format)
{
	struct sink next = { KIND_STDERR, STDERR_FILENO, is_journal() };

	if (format == LOG_FORMAT_LOGFMT && isatty(STDERR_FILENO))
		format = LOG_FORMAT_SHORT;
	set_style(format, true);
	file_path[0] = '\0';
	change_sink(&next);
}

static void
use_syslog(enum log_format format)
{
	struct sink next = { KIND_SYSLOG, connect_syslog(), false };

	tzset(); /* the writer may not be able to read the zone's file */
	if (next.fd == -1)
		warn_of_syslog();
	set_style(format, false);
	file_path[0] = '\0';
	change_sink(&next);
}

static enum err
use_file(const char *path, enum log_format format)
{
	struct sink next = { KIND_FILE, -1, false };
	size_t len = strlen(path);
	enum err err;

	if (len >= sizeof(file_path)) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	err = open_file(&next.fd, path, O_CREAT);
	if (err != OK)
		return err;
	set_style(format, true);
	memmove(file_path, path, len + 1);
	change_sink(&next);
	return OK;
}

enum err
log_open(const char *sink, enum log_level level, enum log_format format)
{
	log_set_level(level);
	if (strcmp(sink, "stderr") == 0)
		use_stderr(format);
	else if (strcmp(sink, "syslog") == 0)
		use_syslog(format);
	else
		return use_file(sink, format);
	return OK;
}

enum err
log_check(const char *sink)
{
	bool syslog = strcmp(sink, "syslog") == 0;
	char copy[PATH_MAX];
	enum err err = OK;
	int fd = -1;

	if (strcmp(sink, "stderr") == 0)
		return OK;
	if (syslog)
		fd = connect_syslog();
	else
		err = open_file(&fd, sink, 0);
	if (fd != -1)
		close(fd);
	else if (syslog)
		err = ERR_NOT_FOUND;
	else if (err == ERR_SYSTEM && errno == ENOENT &&
	    snprintf(copy, sizeof(copy), "%s", sink) < (int)sizeof(copy) &&
	    access(dirname(copy), W_OK | X_OK) == 0)
		err = OK; /* it would be created */
	return err;
}

void
log_give(uid_t uid, gid_t gid)
{
	bool given = true;
	struct stat st;

	pthread_mutex_lock(&pump_lock);
	adopt_sink();
	if (writer.sink.kind == KIND_FILE && fstat(writer.sink.fd, &st) == 0 &&
	    st.st_uid != uid)
		given = st.st_uid == 0 && st.st_nlink == 1 &&
		    fchown(writer.sink.fd, uid,
			st.st_gid == 0 ? gid : (gid_t)-1) == 0;
	pthread_mutex_unlock(&pump_lock);
	if (!given)
		log_event(LOG_LEVEL_WARN, "unwritable",
		    "%s: belongs to another user or has another name, so it is "
		    "not given to [daemon] user and may not be opened again "
		    "after a rotation (chown it)",
		    file_path);
}

enum err
log_start(void)
{
	shared.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared.wake == -1)
		return ERR_SYSTEM;
	atomic_store_explicit(&shared.running, true, memory_order_release);
	if (thread_start(&shared.thread, 0, run, NULL) == OK)
		return OK;
	atomic_store(&shared.running, false);
	close(shared.wake);
	return ERR_NO_MEMORY;
}

/* Waits for the end of the thread; false if a disk keeps it. */
static bool
join(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * STOP_MS / 1000;
	return pthread_timedjoin_np(shared.thread, NULL, &until) == 0;
}

void
log_stop(void)
{
	pthread_mutex_lock(&shared.lock);
	shared.stopping = true;
	shared.deadline = clock_mono_ms() + STOP_MS;
	pthread_mutex_unlock(&shared.lock);
	if (!atomic_load(&shared.running)) {
		shared.wake = -1;
		run(NULL);
	} else {
		wake();
		if (!join())
			return; /* further lines stay in the queue */
		atomic_store(&shared.running, false);
		close(shared.wake);
	}
	pthread_mutex_lock(&shared.lock);
	shared.stopping = false;
	pthread_mutex_unlock(&shared.lock);
}
