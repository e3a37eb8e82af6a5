/* SPDX-License-Identifier: ISC */
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "fleet/list.h"
#include "runtime/master.h"
#include "runtime/ports.h"
#include "runtime/privileges.h"

/* A line about the configuration. */
struct remark {
	const char *severity;
	const char *text; /* borrowed */
	unsigned long line; /* of the file; after all others if there is none */
	size_t index; /* keeps the order of equal lines */
};

static int
compare_remarks(const void *a, const void *b)
{
	const struct remark *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* The number in "FILE:LINE: ...". */
static unsigned long
line_of(const char *text, const char *file)
{
	size_t len = strlen(file);

	if (strncmp(text, file, len) != 0 || text[len] != ':' ||
	    text[len + 1] < '0' || text[len + 1] > '9')
		return ULONG_MAX;
	return strtoul(text + len + 1, NULL, 10);
}

/* Prints warnings and errors, each on a line of its own, in the order of the
 * lines of the file that they are about. */
static void
print_reports(const char *file, const struct report *warnings,
    const struct report *errors)
{
	size_t count = 0, total = warnings->kept + errors->kept, i;
	struct remark *r = calloc(total + 1, sizeof(*r));

	if (r == NULL)
		return;
	for (i = 0; i < total; i++) {
		r[i].severity = i < warnings->kept ? "warning" : "error";
		r[i].text = i < warnings->kept
		    ? warnings->lines[i]
		    : errors->lines[i - warnings->kept];
		r[i].line = line_of(r[i].text, file);
		r[i].index = count++;
	}
	qsort(r, total, sizeof(*r), compare_remarks);
	for (i = 0; i < total; i++)
		fprintf(stderr, "sallyport: %s: %s\n", r[i].severity,
		    r[i].text);
	free(r);
}

static void
print_errors(const char *file, const struct report *errors)
{
	struct report none;

	report_init(&none);
	print_reports(file, &none, errors);
}

/* Loads the configuration. Where it is refused, prints its errors and warnings;
 * otherwise the caller tells the warnings. `*files' as in reload_load(). */
static enum err
load(struct snapshot **out, const char *file, struct watcher_list **files,
    struct report *warnings)
{
	struct report why;
	enum err err;

	report_init(&why);
	err = reload_load(out, file, NULL, files, &why, warnings);
	if (err != OK)
		print_reports(file, warnings, &why);
	if (err != OK)
		fprintf(stderr,
		    "sallyport: %s: %zu error%s; see sallyport.ini(5)\n", file,
		    why.count, why.count == 1 ? "" : "s");
	report_fini(&why);
	return err;
}

enum err
runtime_load(struct snapshot **out, const char *file)
{
	struct watcher_list *files = NULL;
	struct report warnings, none;
	enum err err;

	report_init(&warnings);
	report_init(&none);
	err = load(out, file, &files, &warnings);
	if (err == OK)
		print_reports(file, &warnings, &none);
	report_fini(&warnings);
	watcher_list_free(files);
	return err;
}

/* Runs in a child process: becomes the daemon's user, and prints which files
 * that user cannot use. */
static void
check_files_as_user(const struct config *cfg)
{
	struct report why, warnings;

	report_init(&why);
	report_init(&warnings);
	if (privileges_drop(cfg, &why) == OK)
		privileges_check_files(cfg, &warnings, &warnings);
	print_reports(cfg->file, &warnings, &why);
	report_fini(&why);
	report_fini(&warnings);
}

/* Checks what the start does after loading: the user, the addresses, the files
 * that are written, the fleet's copy, and what the user may read. */
static enum err
check_start(const struct snapshot *s)
{
	const struct config *cfg = s->config;
	struct report why, warnings;
	enum err err;
	bool found;
	uid_t uid;
	gid_t gid;
	pid_t pid;

	report_init(&why);
	report_init(&warnings);
	err = privileges_find(cfg, &uid, &gid, &why);
	if (ports_check(cfg, &why) != OK)
		err = ERR_CONFIG;
	if (privileges_check_outputs(cfg, &why, &warnings) != OK)
		err = ERR_CONFIG;
	else if (s->fleet_denied != NULL &&
	    fleet_list_read(cfg->fleet.copy, s->fleet_denied, NULL, &found,
		&why) != OK)
		err = ERR_CONFIG;
	print_reports(cfg->file, &warnings, &why);
	report_fini(&warnings);
	report_fini(&why);
	if (err != OK)
		return err;
	pid = fork();
	if (pid == 0) {
		check_files_as_user(cfg);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return OK;
}

int
runtime_check(const char *file)
{
	struct snapshot *snapshot = NULL;
	size_t n;

	if (runtime_load(&snapshot, file) != OK)
		return RUNTIME_EXIT_CONFIG;
	if (check_start(snapshot) != OK) {
		snapshot_put(snapshot);
		return RUNTIME_EXIT_CONFIG;
	}
	n = snapshot->config->listener_count;
	printf("%s: good, %zu listener%s\n", file, n, n == 1 ? "" : "s");
	snapshot_put(snapshot);
	return 0;
}

/*
 * Asks the running program for its sockets. Of the configuration only the admin
 * socket matters here; errors are found when all of it is loaded. Complaints go
 * to stderr.
 */
static enum err
begin_take_over(struct master_options *o, const char *path)
{
	struct config *cfg = NULL;
	struct report why, ignored;
	enum err err;

	report_init(&why);
	report_init(&ignored);
	err = config_load(o->file, &cfg, &ignored);
	if (cfg != NULL)
		err = takeover_begin(&o->takeover, cfg, path, &why);
	print_errors(o->file, cfg == NULL ? &ignored : &why);
	config_put(cfg);
	report_fini(&why);
	report_fini(&ignored);
	return err;
}

/* Runs the daemon; `path' as in runtime_take_over(), NULL: a usual start. */
static int
run(struct master_options *o, const char *path)
{
	struct report why, warnings;
	struct master master;
	enum err err;

	master_block_signals();
	report_init(&warnings);
	report_init(&why);
	if ((path != NULL && begin_take_over(o, path) != OK) ||
	    load(&o->snapshot, o->file, &o->files, &warnings) != OK) {
		report_fini(&warnings);
		watcher_list_free(o->files);
		takeover_free(o->takeover);
		return RUNTIME_EXIT_CONFIG;
	}
	if (o->takeover != NULL)
		takeover_use_tickets(o->takeover, o->snapshot->tickets);
	err = master_init(&master, o, &why);
	/* The log is where the operator of a service looks. */
	report_log(&warnings, LOG_LEVEL_WARN, "config_warning");
	report_fini(&warnings);
	if (err == OK)
		err = master_run(&master, &why);
	master_fini(&master);
	log_stop();
	print_errors(o->file, &why);
	if (err != OK)
		fprintf(stderr, "sallyport: %s: not started: %s\n", o->file,
		    err_text(err));
	report_fini(&why);
	if (err == OK)
		return 0;
	return err == ERR_CONFIG ? RUNTIME_EXIT_CONFIG : RUNTIME_EXIT_SYSTEM;
}

int
runtime_run(const char *file, const struct master_service *service)
{
	struct master_options o = { .file = file,
		.service = service,
		.ready_fd = -1 };

	return run(&o, NULL);
}

/* Waits until the child is ready, or has ended. Returns the exit code. */
static int
await(pid_t child, int ready_fd)
{
	char byte;
	int status = 0;
	ssize_t n;

	do
		n = read(ready_fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	if (n == 1)
		return 0;
	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return RUNTIME_EXIT_SYSTEM;
	/* It was ended by a signal before it was ready. */
	return WIFEXITED(status) && WEXITSTATUS(status) != 0
	    ? WEXITSTATUS(status)
	    : RUNTIME_EXIT_SYSTEM;
}

int
runtime_take_over(const char *file, const struct master_service *service,
    const struct runtime_take_over *how)
{
	struct master_options o = { .file = file,
		.service = service,
		.ready_fd = -1 };
	int fds[2];
	pid_t pid;

	if (!how->background)
		return run(&o, how->path);
	if (pipe2(fds, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
		fprintf(stderr, "sallyport: %s\n", strerror(errno));
		return RUNTIME_EXIT_SYSTEM;
	}
	if (pid > 0) {
		close(fds[1]);
		return await(pid, fds[0]);
	}
	close(fds[0]);
	(void)setsid();
	/* If the waiting process ends, the take-over is given up. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	o.ready_fd = fds[1];
	return run(&o, how->path);
}
