/* SPDX-License-Identifier: ISC */
#include "runtime/runtime.h"

#include <stdio.h>

#include "runtime/master.h"
#include "runtime/privileges.h"

/* Prints each complaint on a line of its own. */
static void
print_report(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->kept; i++)
		fprintf(stderr, "sallyport: %s\n", r->lines[i]);
}

/* Loads the configuration and prints what is to be said about it. `*files' as
 * in reload_load(). */
static enum err
load(struct snapshot **out, const char *file, struct watcher_list **files)
{
	struct report warnings;
	struct report why;
	enum err err;

	report_init(&why);
	report_init(&warnings);
	err = reload_load(out, file, NULL, files, &why, &warnings);
	print_report(&warnings);
	print_report(&why);
	if (err != OK)
		fprintf(stderr,
		    "sallyport: %s: %zu error%s; see sallyport.ini(5)\n", file,
		    why.count, why.count == 1 ? "" : "s");
	report_fini(&warnings);
	report_fini(&why);
	return err;
}

enum err
runtime_load(struct snapshot **out, const char *file)
{
	struct watcher_list *files = NULL;
	enum err err = load(out, file, &files);

	watcher_list_free(files);
	return err;
}

/* Prints warnings only: root may check a file for a daemon that another user
 * will start. */
static void
check_user(const struct config *cfg, const char *file)
{
	const struct config_daemon *d = &cfg->daemon;
	struct report why;

	report_init(&why);
	if (privileges_check(d->user, d->group, file, &why) != OK)
		fprintf(stderr, "sallyport: started as root it would fail:\n");
	print_report(&why);
	report_fini(&why);
}

int
runtime_check(const char *file)
{
	struct snapshot *snapshot = NULL;
	size_t n;

	if (runtime_load(&snapshot, file) != OK)
		return RUNTIME_EXIT_CONFIG;
	check_user(snapshot->config, file);
	n = snapshot->config->listener_count;
	printf("%s: good, %zu listener%s\n", file, n, n == 1 ? "" : "s");
	snapshot_put(snapshot);
	return 0;
}

int
runtime_run(const char *file, const struct master_service *service)
{
	struct watcher_list *files = NULL;
	struct snapshot *snapshot = NULL;
	struct master master;
	struct report why;
	enum err err;

	master_block_signals();
	if (load(&snapshot, file, &files) != OK) {
		watcher_list_free(files);
		return RUNTIME_EXIT_CONFIG;
	}
	report_init(&why);
	err = master_init(&master, file, snapshot, files, service, &why);
	if (err == OK)
		err = master_run(&master, &why);
	master_fini(&master);
	print_report(&why);
	if (err != OK)
		fprintf(stderr, "sallyport: %s: not started: %s\n", file,
		    err_text(err));
	report_fini(&why);
	if (err == OK)
		return 0;
	return err == ERR_CONFIG ? RUNTIME_EXIT_CONFIG : RUNTIME_EXIT_SYSTEM;
}
