/* SPDX-License-Identifier: ISC */
/* Changing a deny list's file: whole or not at all, and nothing else lost. */
#include "identity/deny_edit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/denyfile.XXXXXX";
static char path[64];

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

static const char *
read_file(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* The list in force, which the changes are planned against. */
static struct identity_denylist *list;

/* Makes one change, as a command does. */
static enum err
edit(const char *at, const char *as, const char *value, const char *reason,
    const char *until, struct report *r)
{
	struct identity_deny_edit e = { .path = at,
		.report = r,
		.create = true };
	struct identity_deny_change c;
	static struct identity_deny_key key;
	struct identity_deny_row row;
	enum err err;

	identity_deny_change_init(&c, list);
	err = identity_deny_row_make(&row, &key, as, value, r);
	row.reason = slice_str(reason);
	if (strcmp(until, "removed") == 0)
		row.until = IDENTITY_DENY_REMOVED;
	else if (!identity_deny_until(slice_str(until), &row.until))
		err = ERR_CONFIG;
	if (err == OK)
		err = identity_denylist_plan(list, &c, &row, &key, r);
	if (err == OK && c.unchanged > 0)
		err = ERR_NOT_FOUND;
	e.change = &c;
	if (err == OK)
		err = identity_deny_edit_run(&e);
	if (err == OK)
		err = identity_denylist_apply(list, &c.entries);
	identity_deny_change_fini(&c);
	return err;
}

static enum err
add(const char *as, const char *value, const char *reason, const char *until,
    struct report *r)
{
	return edit(path, as, value, reason, until, r);
}

static enum err
take_back(const char *as, const char *value, struct report *r)
{
	return edit(path, as, value, "", "removed", r);
}

/* Reads the list at the path, as it is now. */
static void
load_list(void)
{
	struct report r;

	report_init(&r);
	if (identity_denylist_load(list, path, &r) != OK)
		diag("the list does not load: %s",
		    r.kept > 0 ? r.lines[0] : "");
	report_fini(&r);
}

static void
test_add(void)
{
	struct report r;

	report_init(&r);
	is_int(add("username", "joe", "lost, or \"lost\"",
		   "2030-01-01T00:00:00Z", &r),
	    OK, "begins a file");
	is_str(read_file(),
	    "as,who,reason,until\n"
	    "username,joe,\"lost, or \"\"lost\"\"\",2030-01-01T00:00:00Z\n",
	    "with a heading");
	is_int(add("clientid", " c1", "", "", &r), OK, "a second");
	is_int(add("username", "joe", "again", "", &r), OK,
	    "the first once more");
	is_str(read_file(),
	    "as,who,reason,until\nclientid,\" c1\",,\nusername,joe,again,\n",
	    "replaces the first row");
	is_int((long long)r.count, 0, "no complaint");
	unlink(path);
	write_file("\n\n");
	load_list();
	is_int(add("cn", "d", "", "", &r), OK, "a blank file");
	is_str(read_file(), "as,who,reason,until\ncn,d,,\n", "is begun too");
	write_file("\xef\xbb\xbf\n");
	load_list();
	is_int(add("cn", "d", "", "", &r), OK, "one with a byte order mark");
	is_str(read_file(), "as,who,reason,until\ncn,d,,\n", "is begun too");
	report_fini(&r);
}

/* EMQX's columns stay, in their order; CRLF and a missing last line end do
 * no harm; equal keys in other words are the same entry. */
static void
test_foreign(void)
{
	struct report r;

	report_init(&r);
	write_file("who,as,by,until,reason\r\n"
		   "10.0.0.0/8,peerhost_net,boot,infinity,\"a\r\nb\"\r\n"
		   "\r\n"
		   "u1,username,boot,,x");
	load_list();
	is_int(add("username", "u2", "why", "5", &r), OK, "added");
	is_str(read_file(),
	    "who,as,by,until,reason\r\n"
	    "10.0.0.0/8,peerhost_net,boot,infinity,\"a\r\nb\"\r\n"
	    "\r\n"
	    "u1,username,boot,,x\n"
	    "u2,username,,1970-01-01T00:00:05Z,why\n",
	    "in the file's own columns");
	is_int(take_back("peerhost_net", "10.1.2.3/8", &r), OK,
	    "taken out by its meaning");
	is_str(read_file(),
	    "who,as,by,until,reason\r\n"
	    "u1,username,boot,,x\nu2,username,,1970-01-01T00:00:05Z,why\n",
	    "and only that");
	write_file("as,who\nserial,0A\nserial,a\n");
	load_list();
	is_int(take_back("serial", "0x0a", &r), OK, "doubled rows");
	is_str(read_file(), "as,who\n", "go together");
	is_int(take_back("serial", "0a", &r), ERR_NOT_FOUND, "nothing there");
	is_int((long long)r.count, 0, "no complaint");
	report_fini(&r);
}

static void
test_refused(void)
{
	static const char good[] = "as,who\nusername,joe\n";
	struct report r;

	report_init(&r);
	write_file(good);
	load_list();
	is_int(add("user", "joe", "", "", &r), ERR_CONFIG, "no such kind");
	is_int(add("peerhost", "10.0.0", "", "", &r), ERR_CONFIG, "no address");
	is_int(add("username_re", "a(", "", "", &r), ERR_CONFIG,
	    "no expression");
	is_int(add("username", "x", "", "soon", &r), ERR_CONFIG, "no time");
	is_int(add("username", "x", "why", "", &r), ERR_CONFIG,
	    "no column for the reason");
	is_int(take_back("user", "joe", &r), ERR_CONFIG,
	    "no such kind to take out");
	is_int(take_back("sha256", "joe", &r), ERR_CONFIG,
	    "no digest to take out");
	is_int((long long)r.count, 6, "each complained of");
	is_str(read_file(), good, "the file stays");
	report_fini(&r);
	write_file("as,who\nuser,joe\n");
	is_int(take_back("username", "joe", &r), ERR_CONFIG,
	    "nothing is taken out of a file with bad rows");
	ok(r.kept == 1 && strstr(r.lines[0], ":2: no such kind") != NULL,
	    "which are named: %s", r.kept > 0 ? r.lines[0] : "");
	is_str(read_file(), "as,who\nuser,joe\n", "and it stays");
	is_int(add("username", "x", "", "", &r), OK,
	    "but a stolen device can be denied");
	is_str(read_file(), "as,who\nuser,joe\nusername,x\n", "beside them");
	report_fini(&r);
	write_file("username,joe\n");
	is_int(add("username", "y", "", "", &r), ERR_CONFIG,
	    "a file without names of columns");
	report_fini(&r);
}

/* Large files are appended to; what is taken back stays for a while. */
static void
test_large(void)
{
	struct identity_deny found;
	struct stat before, after;
	struct report r;
	FILE *f;
	int i;

	report_init(&r);
	f = fopen(path, "w");
	fputs("as,who,reason,until\n", f);
	for (i = 0; i < 10000; i++)
		fprintf(f, "username,user-%d,stolen,\n", i);
	fclose(f);
	load_list();
	stat(path, &before);
	is_int(add("username", "joe", "", "", &r), OK, "added");
	is_int(take_back("username", "user-77", &r), OK, "taken back");
	is_int(add("username", "user-78", "again", "", &r), OK, "changed");
	stat(path, &after);
	ok(before.st_ino == after.st_ino, "in the same file");
	ok(after.st_size - before.st_size < 4096 + 200, "at its end");
	load_list();
	is_int((long long)identity_denylist_count(list), 10000,
	    "the file says the same");
	ok(!identity_denylist_match_names(list, slice_str("user-77"),
	       slice_str(""), 0, &found),
	    "taken back");
	ok(identity_denylist_match_names(list, slice_str("user-78"),
	       slice_str(""), 0, &found),
	    "changed");
	is_mem(found.reason.data, found.reason.len, "again", 5, "its reason");
	for (i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user-%d", i + 100);
		if (take_back("username", name, &r) != OK)
			diag("%s is not taken back", name);
	}
	load_list();
	is_int((long long)identity_denylist_count(list), 7000, "3,000 less");
	stat(path, &after);
	ok(after.st_size < 450000, "the file does not grow without end");
	is_int((long long)r.count, 0, "no complaint");
	report_fini(&r);
}

/* Mode and symbolic link stay; no temporary file is left. */
static void
test_kept(void)
{
	char link[80], count[128];
	struct report r;
	struct stat st;
	FILE *p;
	int n = 0;

	report_init(&r);
	write_file("as,who\n");
	chmod(path, 0604);
	snprintf(link, sizeof(link), "%s.link", path);
	is_int(symlink(path, link), 0, "a link to the file");
	load_list();
	is_int(edit(link, "cn", "d", "", "", &r), OK,
	    "changed through the link");
	is_str(read_file(), "as,who\ncn,d\n", "the file is");
	is_int(edit(link, "cn", "d", "", "removed", &r), OK,
	    "rewritten through the link");
	is_str(read_file(), "as,who\n", "the file is");
	ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "the link stays");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0604,
	    "and the mode");
	snprintf(count, sizeof(count), "ls %s | wc -l", folder);
	p = popen(count, "r");
	ok(p != NULL && fscanf(p, "%d", &n) == 1 && n == 2,
	    "nothing else lies there");
	if (p != NULL)
		pclose(p);
	unlink(link);
	report_fini(&r);
}

/* A folder that is not there: nothing to write to. */
static void
test_nowhere(void)
{
	struct report r;

	report_init(&r);
	is_int(edit("/nonexistent/deny.csv", "cn", "d", "", "", &r), ERR_SYSTEM,
	    "no such folder");
	is_int((long long)r.count, 1, "complained of");
	report_fini(&r);
}

/* Appends rows as a script with >> does, while the file is changed. */
static void
append_rows(int count)
{
	char row[64];
	int i, fd, len;

	for (i = 0; i < count; i++) {
		fd = open(path, O_WRONLY | O_APPEND);
		len = snprintf(row, sizeof(row), "cn,other-%d,,\n", i);
		if (fd == -1 || write(fd, row, (size_t)len) != len)
			_exit(1);
		close(fd);
	}
	_exit(0);
}

/* Another program appends while we add and take back: nothing is lost. */
static void
test_appending(void)
{
	enum {
		COUNT = 300
	};
	struct identity_deny_cursor at = { 0 };
	struct identity_deny e;
	struct report r;
	char name[32];
	int i, status = 1, others = 0, own = 0;
	pid_t pid;

	report_init(&r);
	write_file("as,who,reason,until\n");
	load_list();
	pid = fork();
	if (pid == 0)
		append_rows(COUNT);
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "own-%d", i);
		if (add("cn", name, "", "", &r) != OK ||
		    (i % 2 == 0 && take_back("cn", name, &r) != OK))
			diag("%s: %s", name, r.kept > 0 ? r.lines[0] : "");
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "the other program has appended");
	load_list();
	while (identity_denylist_next(list, &at, &e)) {
		others += memcmp(e.value.data, "other-", 6) == 0;
		own += memcmp(e.value.data, "own-", 4) == 0;
	}
	is_int(others, COUNT, "all of its rows are there");
	is_int(own, 30, "and ours");
	report_fini(&r);
}

/* A disk that is full leaves no part of a row. */
static void
test_full(void)
{
	static const char before[] = "as,who,reason,until\ncn,kept,,\n";
	struct rlimit limit = { sizeof(before) - 1 + 8, RLIM_INFINITY };
	int status = -1;
	struct report r;
	pid_t pid;

	write_file(before);
	load_list();
	pid = fork();
	if (pid == 0) {
		report_init(&r);
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(
		    add("cn", "device-1234", "", "", &r) == ERR_SYSTEM ? 7 : 1);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	    "a full disk is an error");
	is_str(read_file(), before, "and the file is as it was");
}

/* A process that changes the file until it is killed. */
static void
change_for_ever(void)
{
	struct report r;
	char name[32];
	int i;

	report_init(&r);
	for (i = 0;; i++) {
		snprintf(name, sizeof(name), "own-%d-%d", (int)getpid(), i);
		if (add("cn", name, "a reason of some length", "", &r) != OK ||
		    take_back("cn", name, &r) != OK)
			_exit(1);
	}
}

/* Killed at any point, it leaves the old file or the new one, whole. */
static void
test_killed(void)
{
	const char *asked = getenv("SALLYPORT_TEST_KILLS");
	int kills = asked == NULL ? 40 : atoi(asked);
	struct timespec wait = { 0, 0 };
	int i, whole = 0, status;
	struct report r;
	pid_t pid;

	write_file("as,who,reason,until\ncn,kept,,\n");
	for (i = 0; i < kills; i++) {
		load_list();
		pid = fork();
		if (pid == 0)
			change_for_ever();
		wait.tv_nsec = (long)(i * 7919 % 40) * 250000;
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		report_init(&r);
		whole += identity_denylist_load(list, path, &r) == OK &&
		    identity_denylist_count(list) >= 1 && WIFSIGNALED(status);
		report_fini(&r);
	}
	is_int(whole, kills, "whole after each of %d kills", kills);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 99;
	snprintf(path, sizeof(path), "%s/deny.csv", folder);
	if (identity_denylist_new(&list) != OK)
		return 99;
	test_add();
	test_foreign();
	test_refused();
	test_kept();
	test_nowhere();
	test_large();
	test_appending();
	test_full();
	test_killed();
	identity_denylist_put(list);
	unlink(path);
	snprintf(path, sizeof(path), "%s/.deny.csv.new", folder);
	unlink(path);
	rmdir(folder);
	return done_testing();
}
