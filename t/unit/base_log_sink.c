/* SPDX-License-Identifier: ISC */
/*
 * The queue of the log: no caller waits for a reader, order is kept, what is
 * dropped is counted and reported, and the end does not take longer than a
 * second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tap.h"

#define THREADS 4
#define LINES 20000

static char dir[] = "/tmp/sallyport-sink-XXXXXX";
static int saved_stderr;

static const char *
in_dir(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

/* Makes stderr a pipe and returns its other end. */
static int
pipe_stderr(void)
{
	int fds[2];

	if (pipe(fds) == -1 || dup2(fds[1], STDERR_FILENO) == -1)
		exit(99);
	close(fds[1]);
	return fds[0];
}

static void
restore_stderr(void)
{
	dup2(saved_stderr, STDERR_FILENO);
}

static void
open_sink(const char *sink)
{
	if (log_open(sink, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT) != OK)
		exit(99);
}

static void
start(void)
{
	if (log_start() != OK)
		exit(99);
}

static void
say(unsigned thread, unsigned number)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "test");
	log_u64(&l, "thread", thread);
	log_u64(&l, "n", number);
	log_end(&l);
}

static void *
run(void *arg)
{
	const unsigned *thread = arg;
	unsigned i;

	for (i = 0; i < LINES; i++)
		say(*thread, i);
	return NULL;
}

static void
say_from_threads(void)
{
	static unsigned numbers[THREADS] = { 0, 1, 2, 3 };
	pthread_t threads[THREADS];
	size_t i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, &numbers[i]);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* What a log holds. */
struct content {
	unsigned lines; /* of tests */
	unsigned long missing; /* lines, as the log says */
	unsigned disorder; /* lines of a thread before an earlier one */
	unsigned odd; /* lines that are neither */
};

static struct content
read_content(FILE *f)
{
	struct content c = { 0, 0, 0, 0 };
	long next[THREADS] = { 0, 0, 0, 0 };
	unsigned thread, n;
	const char *event;
	char line[4096];

	while (fgets(line, sizeof(line), f) != NULL) {
		event = strstr(line, " event=");
		if (event != NULL &&
		    sscanf(event, " event=test thread=%u n=%u", &thread, &n) ==
			2 &&
		    thread < THREADS) {
			c.lines++;
			c.disorder += n < next[thread];
			next[thread] = (long)n + 1;
		} else if (event != NULL &&
		    sscanf(event, " event=log_dropped lines=%u", &n) == 1) {
			c.missing += n;
		} else {
			c.odd++;
		}
	}
	fclose(f);
	return c;
}

static void
test_file(void)
{
	uint64_t dropped = log_dropped();
	struct content c;
	FILE *f;

	open_sink(in_dir("a.log"));
	start();
	say_from_threads();
	log_stop();
	f = fopen(in_dir("a.log"), "r");
	c = read_content(f);
	is_int(c.lines + (long long)(log_dropped() - dropped), THREADS * LINES,
	    "every line of %d threads is in the file, or counted as dropped",
	    THREADS);
	is_int((long long)c.missing, (long long)(log_dropped() - dropped),
	    "the file says how many are missing");
	is_int(c.disorder, 0, "each thread's lines are in order");
	is_int(c.odd, 0, "and whole");
}

static void
test_stuck_reader(void)
{
	uint64_t dropped = log_dropped();
	int fd = pipe_stderr();
	uint64_t begin = clock_mono_ms();
	struct content c;
	unsigned i;
	FILE *f;

	open_sink("stderr");
	start();
	for (i = 0; i < 3 * LINES; i++)
		say(0, i);
	begin = clock_mono_ms() - begin;
	open_sink(in_dir("b.log"));
	log_event(LOG_LEVEL_INFO, "last", "a line after all");
	log_stop();
	restore_stderr();
	close(fd);
	dropped = log_dropped() - dropped;
	ok(dropped > 0, "what does not fit the queue is dropped");
	ok(begin < 30000, "and no caller waits for the reader: %u ms",
	    (unsigned)begin);
	f = fopen(in_dir("b.log"), "r");
	if (!ok(f != NULL, "another sink is used while the first is stuck"))
		return;
	c = read_content(f);
	ok(c.lines > 0, "and gets what was queued: %u lines", c.lines);
	/* The rest is in the pipe. */
	ok(c.lines + c.missing <= 3 * LINES, "not more than there were");
	is_int((long long)c.missing, (long long)dropped,
	    "it says how many are missing");
	is_int(c.disorder, 0, "in order");
	ok(c.odd <= 1, "and whole"); /* the last one may be dropped, too */
}

static void
test_end(void)
{
	int fd = pipe_stderr();
	uint64_t begin;
	unsigned i;

	open_sink("stderr");
	start();
	for (i = 0; i < LINES; i++)
		say(0, i);
	begin = clock_mono_ms();
	log_stop();
	begin = clock_mono_ms() - begin;
	restore_stderr();
	close(fd);
	ok(begin >= 900 && begin < 1800,
	    "a stuck reader holds up the end for a second: %u ms",
	    (unsigned)begin);
}

static void
test_without_thread(void)
{
	int fd = pipe_stderr();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t begin = clock_mono_ms(), end;
	bool written;
	unsigned i;

	open_sink("stderr");
	say(0, 1);
	written = poll(&p, 1, 0) == 1;
	for (i = 0; i < LINES; i++)
		say(0, i);
	begin = clock_mono_ms() - begin;
	close(fd);
	/* The reader is gone: lines are dropped, the end comes at once. */
	say(0, 1);
	end = clock_mono_ms();
	log_stop();
	end = clock_mono_ms() - end;
	restore_stderr();
	ok(written, "without a thread the caller writes");
	ok(begin < 5000, "but does not wait, either");
	ok(end < 900, "lines without a reader are dropped");
}

static void
test_no_file(void)
{
	struct stat st;

	open_sink(in_dir("c.log"));
	is_int(log_open(in_dir("no/x.log"), LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_SYSTEM, "a folder that does not exist");
	ok(strstr(log_error(ERR_SYSTEM), "create it") != NULL, "says so");
	if (mkfifo(in_dir("fifo"), 0600) == -1)
		diag("mkfifo: %s", strerror(errno));
	is_int(log_open(in_dir("fifo"), LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_IRREGULAR, "a FIFO without a reader");
	is_int(log_open("/dev/null", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_IRREGULAR, "a device");
	is_int(log_open(dir, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT), ERR_SYSTEM,
	    "a folder");
	is_int(log_check(in_dir("fifo")), ERR_IRREGULAR, "a check says so");
	is_int(log_check(in_dir("no/x.log")), ERR_SYSTEM, "of a folder too");
	is_int(log_check(in_dir("d.log")), OK, "a file that can be created");
	ok(stat(in_dir("d.log"), &st) == -1, "is not created by a check");
	is_int(log_check("stderr"), OK, "stderr is fine");
	say(0, 1);
	ok(stat(in_dir("c.log"), &st) == 0 && st.st_size > 0,
	    "lines still go to the old file");
	is_int(st.st_mode & 0777, 0640, "which is not for everybody");
}

static void
test_rotation(void)
{
	struct stat st;

	open_sink(in_dir("e.log"));
	start();
	say(0, 1);
	if (rename(in_dir("e.log"), in_dir("e.log.1")) == -1)
		diag("rename: %s", strerror(errno));
	open_sink(in_dir("e.log"));
	say(0, 2);
	log_stop();
	ok(stat(in_dir("e.log"), &st) == 0 && st.st_size > 0,
	    "after a rename lines go to a new file");
}

/* What arrives at `fd' of a line that is written to stderr. */
static const char *
read_line(int fd, enum log_level level)
{
	static char text[4096];
	struct log_line l;
	ssize_t n;

	open_sink("stderr");
	log_begin(&l, level, "test");
	log_str(&l, "name", "a b");
	log_str(&l, "long",
	    "0123456789012345678901234567890123456789012345678901234567890");
	log_end(&l);
	n = read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
test_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY), slave;
	const char *text;

	if (fd == -1 || grantpt(fd) == -1 || unlockpt(fd) == -1 ||
	    (slave = open(ptsname(fd), O_RDWR | O_NOCTTY)) == -1) {
		ok(true, "no terminals here");
		return;
	}
	dup2(slave, STDERR_FILENO);
	close(slave);
	text = read_line(fd, LOG_LEVEL_WARN);
	restore_stderr();
	close(fd);
	is_str(strchr(text, ' '),
	    " warn test name=\"a b\" "
	    "long=\"0123456789012345678901234567890123456789...\"\r\n",
	    "on a terminal a line is short");
	is_int(strchr(text, ' ') - text, 8, "and begins with the time of day");
}

static void
test_journal(void)
{
	static const char *const prefixes[] = { "<3>time=", "<4>time=",
		"<6>time=" };
	int fd = pipe_stderr();
	char stream[64];
	struct stat st;
	int level;
	bool good = fstat(STDERR_FILENO, &st) == 0;

	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_INFO; level++)
		good = good &&
		    strncmp(read_line(fd, (enum log_level)level),
			prefixes[level], 8) == 0;
	setenv("JOURNAL_STREAM", "1:1", 1);
	good = good && strncmp(read_line(fd, LOG_LEVEL_INFO), "time=", 5) == 0;
	unsetenv("JOURNAL_STREAM");
	restore_stderr();
	close(fd);
	ok(good,
	    "in the journal a line begins with its priority, and only "
	    "there");
}

/* Root's own rules. */
static void
test_root(void)
{
	const uid_t user = 65534;
	struct stat st;
	char link_path[300], file[300];

	if (geteuid() != 0) {
		ok(true, "not root: no such rules");
		return;
	}
	snprintf(file, sizeof(file), "%s/theirs/target", dir);
	snprintf(link_path, sizeof(link_path), "%s/theirs/s.log", dir);
	if (mkdir(in_dir("theirs"), 0755) == -1 || symlink(file, link_path) ||
	    chown(in_dir("theirs"), user, user) == -1)
		diag("%s", strerror(errno));
	is_int(log_open(link_path, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_SYSTEM, "a link in a user's folder is not followed");
	ok(strstr(log_error(ERR_SYSTEM), "symbolic link") != NULL, "says so");
	ok(stat(file, &st) == -1, "its target is not made");
	if (symlink(in_dir("f.log"), in_dir("g.log")) == -1 ||
	    chmod(dir, 0755) == -1)
		diag("%s", strerror(errno));
	open_sink(in_dir("g.log"));
	ok(stat(in_dir("f.log"), &st) == 0, "a link of root is followed");
	log_give(user, user);
	ok(stat(in_dir("f.log"), &st) == 0 && st.st_uid == user &&
		st.st_gid == user,
	    "the file is given to the user");
	if (symlink(link_path, in_dir("i.log")) == -1)
		diag("%s", strerror(errno));
	is_int(log_open(in_dir("i.log"), LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT),
	    ERR_SYSTEM, "but not from there on a link in a user's folder");
	ok(stat(file, &st) == -1, "and the target of that is not made");
	open_sink(in_dir("h.log"));
	if (link(in_dir("h.log"), in_dir("h.other")) == -1)
		diag("%s", strerror(errno));
	log_give(user, user);
	ok(stat(in_dir("h.log"), &st) == 0 && st.st_uid == 0,
	    "a file with two names is not given to the user");
	ok(st.st_size > 0, "and the log warns of it");
}

int
main(void)
{
	char command[64];

	saved_stderr = dup(STDERR_FILENO);
	if (mkdtemp(dir) == NULL || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 99;
	test_file();
	test_stuck_reader();
	test_end();
	test_without_thread();
	test_no_file();
	test_rotation();
	test_terminal();
	test_journal();
	test_root();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		diag("%s", command);
	return done_testing();
}
