/*
 * Points in time as text: RFC 3339, which people and EMQX write, or seconds
 * since 1970. No clock, no time zones but those written out.
 */
#ifndef IDENTITY_WHEN_H
#define IDENTITY_WHEN_H

#include "base/slice.h"

/* "2026-11-23T13:30:00Z" and the like, NUL included. */
#define IDENTITY_WHEN_MAX 32

/* Reads digits alone as seconds since 1970, or "2026-11-23T13:30:00+01:00"
 * (also with a fraction, which is dropped, or a space for T). */
bool identity_when_parse(struct slice text, int64_t *seconds);

/* Writes UTC, "2026-11-23T13:30:00Z"; what is outside the years 0 to 9999 as
 * the nearest second inside. */
void identity_when_write(int64_t seconds, char out[IDENTITY_WHEN_MAX]);

#endif
