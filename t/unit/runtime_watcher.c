/* SPDX-License-Identifier: ISC */
/*
 * Every change is reported once, also one between the time when a file was read
 * and the first look at it.
 */
#include "runtime/watcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net_kit.h"
#include "tap.h"

#define INTERVAL_MS 20

static char dir[] = "/tmp/sallyport-watcher-XXXXXX";
static struct loop *loop;

static const char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		diag("cannot write %s", name);
}

static void
changed(void *arg)
{
	++*(int *)arg;
	loop_stop(loop);
}

/* A list of these files, the last NULL, as if they were read now. */
static struct watcher_list *
reading(const char *const *files)
{
	struct watcher_list *l = watcher_list_new();

	for (; l != NULL && *files != NULL; files++)
		if (watcher_list_add(l, path_of(*files)) != OK)
			diag("cannot add %s", *files);
	return l;
}

static void
test_changes(void)
{
	const char *const both[] = { "a", "b", NULL },
			  *const one[] = { "b", NULL };
	struct watcher *w = watcher_new();
	struct watcher_list *l;
	int count = 0;

	put("a", "1");
	put("b", "1");
	l = reading(both);
	put("a", "one"); /* it was read as "1" */
	watcher_take(w, l, WATCHER_REPLACE, INTERVAL_MS);
	watcher_start(w, loop, changed, &count);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS),
	    "a change during the first load");
	ok(!net_kit_run(loop, 10 * INTERVAL_MS), "is reported once");
	l = reading(both);
	put("b", "one");
	watcher_take(w, l, WATCHER_REPLACE, INTERVAL_MS);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "one during a reload");
	put("b", "two");
	watcher_take(w, reading(one), WATCHER_REPLACE, INTERVAL_MS);
	put("a", "two");
	ok(!net_kit_run(loop, 10 * INTERVAL_MS),
	    "neither what was read since, nor a file that is not named");
	unlink(path_of("b"));
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "a file that disappears");
	watcher_take(w, reading(one), WATCHER_REPLACE, INTERVAL_MS);
	put("b", "back");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "and one that appears");
	is_int(count, 4, "four times in all");
	watcher_free(w);
	watcher_free(NULL);
}

/* A refused load leaves the files of the earlier one watched. */
static void
test_refused(void)
{
	const char *const first[] = { "a", NULL },
			  *const second[] = { "b", NULL };
	struct watcher *w = watcher_new();
	struct watcher_list *l;
	struct report names;
	int count = 0;

	put("a", "1");
	put("b", "1");
	watcher_take(w, reading(first), WATCHER_REPLACE, INTERVAL_MS);
	watcher_start(w, loop, changed, &count);
	watcher_take(w, reading(second), WATCHER_ADD, INTERVAL_MS);
	put("a", "one");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "the file in force");
	l = reading(first);
	report_init(&names);
	watcher_compare(w, l, &names);
	is_int((long long)names.kept, 1, "one file has changed");
	ok(names.kept == 1 && strcmp(names.lines[0], path_of("a")) == 0,
	    "and it is named");
	report_fini(&names);
	watcher_list_free(l);
	watcher_take(w, NULL, WATCHER_ADD, INTERVAL_MS);
	watcher_take(w, reading(second), WATCHER_ADD, INTERVAL_MS);
	put("b", "one");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "the refused file");
	watcher_free(w);
}

/* A file that can no longer be looked at, because privileges were dropped, has
 * not changed. */
static void
test_unreachable(void)
{
	const char *const one[] = { "c", NULL };
	struct watcher *w = watcher_new();
	int count = 0;

	put("c", "1");
	watcher_take(w, reading(one), WATCHER_REPLACE, INTERVAL_MS);
	unlink(path_of("c"));
	watcher_start(w, loop, changed, &count);
	ok(!net_kit_run(loop, 10 * INTERVAL_MS), "out of reach at the start");
	put("c", "1");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "until it is within reach");
	watcher_free(w);
}

int
main(void)
{
	loop = loop_new();
	if (!ok(loop != NULL && mkdtemp(dir) != NULL, "a loop and a folder"))
		return done_testing();
	test_changes();
	test_refused();
	test_unreachable();
	unlink(path_of("a"));
	unlink(path_of("b"));
	unlink(path_of("c"));
	rmdir(dir);
	loop_free(loop);
	return done_testing();
}
