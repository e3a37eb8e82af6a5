/* SPDX-License-Identifier: ISC */
/*
 * A change is noticed whenever it comes: between a file's being read and the
 * first look at it, too.
 */
#include "runtime/watcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A list of these files, the last NULL. */
static void
name(struct watcher *w, const char *const *files)
{
	watcher_begin(w);
	for (; *files != NULL; files++)
		if (watcher_add(w, path_of(*files)) != OK)
			diag("cannot add %s", *files);
}

static void
test_changes(void)
{
	const char *const both[] = { "a", "b", NULL },
			  *const one[] = { "b", NULL };
	struct watcher *w = watcher_new();
	int count = 0;

	put("a", "1");
	put("b", "1");
	name(w, both);
	put("a", "one"); /* it was read as "1" */
	watcher_end(w, INTERVAL_MS);
	watcher_start(w, loop, changed, &count);
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS),
	    "a change during the first load");
	ok(!net_kit_run(loop, 10 * INTERVAL_MS), "is told once");
	name(w, both);
	put("b", "one");
	watcher_end(w, INTERVAL_MS);
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "one during a reload");
	name(w, one);
	watcher_end(w, INTERVAL_MS);
	put("a", "two");
	ok(!net_kit_run(loop, 10 * INTERVAL_MS), "what is not named is free");
	unlink(path_of("b"));
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "a file that goes");
	put("b", "back");
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "and one that comes");
	is_int(count, 4, "four times in all");
	watcher_end(w, 0);
	watcher_free(w);
	watcher_free(NULL);
}

/* Once privileges are given up nothing more can be said of it: that it cannot
 * be looked at is no change. */
static void
test_unreachable(void)
{
	const char *const one[] = { "c", NULL };
	struct watcher *w = watcher_new();
	int count = 0;

	put("c", "1");
	name(w, one);
	watcher_end(w, INTERVAL_MS);
	unlink(path_of("c"));
	watcher_start(w, loop, changed, &count);
	ok(!net_kit_run(loop, 10 * INTERVAL_MS), "out of reach from the start");
	put("c", "1");
	ok(net_kit_run(loop, NET_KIT_PATIENCE_MS), "until it is within it");
	watcher_free(w);
}

int
main(void)
{
	loop = loop_new();
	if (!ok(loop != NULL && mkdtemp(dir) != NULL, "a loop and a folder"))
		return done_testing();
	test_changes();
	test_unreachable();
	unlink(path_of("a"));
	unlink(path_of("b"));
	unlink(path_of("c"));
	rmdir(dir);
	loop_free(loop);
	return done_testing();
}
