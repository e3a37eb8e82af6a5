/* SPDX-License-Identifier: ISC */
/*
 * When sallyport-fetch --stay asks for a list again. Pure: no clock and no
 * random numbers of its own.
 */
#ifndef FETCH_SCHEDULE_H
#define FETCH_SCHEDULE_H

#include <stdint.h>

/* The shortest pause, unless `interval' is shorter; and the first one after a
 * failure. */
#define SCHEDULE_LEAST_MS 60000

struct schedule {
	uint64_t interval; /* milliseconds */
	unsigned failures; /* since the last success; 0: that was one */
	int64_t next_update; /* of the list in the file; INT64_MAX: none */
	int64_t now; /* seconds since 1970, as next_update */
	uint64_t random; /* any number */
};

/*
 * Returns the pause in milliseconds: `interval', or half of the time that is
 * left until nextUpdate; after a failure less, each time twice as long, up to
 * `interval'. It is up to a tenth shorter or longer, so that a fleet that was
 * started at once does not ask at once.
 */
uint64_t schedule_pause(const struct schedule *s);

#endif
