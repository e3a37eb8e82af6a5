/* SPDX-License-Identifier: ISC */
/*
 * Points in time as seconds since 1970 and as text (RFC 3339), and dates of
 * the Gregorian calendar. No clock and no time zones: an offset counts only
 * where it is written out. The clocks are base/clock.h's; durations with a
 * unit ("10s") are base/unit.h's.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/slice.h"

/* "2026-11-23T13:30:00Z" and the like, NUL included. */
#define TIME_TEXT_MAX 32

/* A date and a time of day, UTC. */
struct time_civil {
	int year; /* 0 to 9999 */
	int month; /* 1 to 12 */
	int day; /* 1 to 31 */
	int hour; /* 0 to 23 */
	int minute; /* 0 to 59 */
	int second; /* 0 to 60: 60 is a leap second, the next one's number */
};

/* Converts to seconds since 1970. False if there is no such moment, such as
 * 31 February; *seconds is unchanged then. */
bool time_from_civil(const struct time_civil *civil, int64_t *seconds);

/* Converts back; what lies outside the years 0 to 9999 becomes the nearest
 * second inside. */
void time_to_civil(int64_t seconds, struct time_civil *civil);

/*
 * Reads all of `text': digits alone as seconds since 1970, or a time such as
 * "2026-11-23T13:30:00+01:00" (RFC 3339; a fraction of a second is dropped,
 * and a space may stand for the T).
 */
bool time_parse(struct slice text, int64_t *seconds);

/* Writes "2026-11-23T13:30:00Z", UTC; years as time_to_civil(). */
void time_write(int64_t seconds, char out[TIME_TEXT_MAX]);

#endif
