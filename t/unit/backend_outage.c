/* SPDX-License-Identifier: ISC */
/*
 * A broker that several workers find down, and up again: one line each time.
 */
#include "backend/outage.h"

#include <stddef.h>

#include "tap.h"

#define AT "192.0.2.1:1883"

static void
check_workers(void)
{
	struct backend_outages *all = backend_outages_new();
	struct backend_outage *a = NULL, *b = NULL, *other = NULL;

	ok(backend_outage_begin(all, &a, "x", AT), "the first worker tells");
	ok(!backend_outage_begin(all, &b, "x", AT), "the second does not");
	ok(backend_outage_begin(all, &other, "y", AT),
	    "another section does, of the same address");
	ok(backend_outage_end(&b), "the first that finds it up tells");
	ok(a != NULL && b == NULL, "and counts it no more");
	ok(backend_outage_begin(all, &b, "x", AT),
	    "down once more before the other has seen it up: told");
	ok(backend_outage_end(&a), "the other finds it up: told");
	ok(!backend_outage_end(&b), "and then nothing new");
	ok(backend_outage_end(&other), "the other section is up again");
	backend_outages_free(all);
}

static void
check_freed(void)
{
	struct backend_outages *all = backend_outages_new();
	struct backend_outage *a = NULL, *b = NULL;

	ok(backend_outage_begin(all, &a, "x", AT), "down");
	backend_outage_forget(&a);
	ok(a == NULL, "the endpoint is freed");
	backend_outage_forget(&a);
	ok(backend_outage_begin(all, &a, "x", AT), "down as another one: told");
	ok(!backend_outage_begin(all, &b, "x", AT), "by one worker");
	backend_outage_forget(&a);
	ok(backend_outage_end(&b), "up: told by the one that is left");
	backend_outages_free(all);
	ok(backend_outage_begin(NULL, &a, "x", AT) && a == NULL,
	    "a pool on its own tells everything");
	ok(backend_outage_end(&a), "always");
}

int
main(void)
{
	check_workers();
	check_freed();
	return done_testing();
}
