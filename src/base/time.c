/* SPDX-License-Identifier: ISC */
#include "base/time.h"

#include <stdio.h>

#define DAY 86400
#define YEAR_0 (-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999 253402300799 /* 9999-12-31T23:59:59Z */

static int
days_in_month(int year, int month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days from 1970-01-01 to a date. The calendar repeats every 400 years. Years
 * begin in March here, so that the leap day comes last. */
static int64_t
days_to(int year, int month, int day)
{
	int64_t y = (month <= 2 ? year - 1 : year) + 400; /* not negative */
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (era - 1) * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

static bool
in_range(int value, int min, int max)
{
	return value >= min && value <= max;
}

bool
time_from_civil(const struct time_civil *c, int64_t *seconds)
{
	if (!in_range(c->year, 0, 9999) || !in_range(c->month, 1, 12) ||
	    !in_range(c->day, 1, days_in_month(c->year, c->month)) ||
	    !in_range(c->hour, 0, 23) || !in_range(c->minute, 0, 59) ||
	    !in_range(c->second, 0, 60))
		return false;
	*seconds = days_to(c->year, c->month, c->day) * DAY + c->hour * 3600 +
	    c->minute * 60 + c->second;
	return true;
}

/* The inverse of days_to(), as in "chrono-compatible low-level date
 * algorithms" by Howard Hinnant. */
void
time_to_civil(int64_t seconds, struct time_civil *c)
{
	int64_t days, era, of_era, of_year, shifted;
	int rest, month;

	seconds = seconds < YEAR_0 ? YEAR_0 : seconds;
	seconds = seconds > YEAR_9999 ? YEAR_9999 : seconds;
	/* From 0000-03-01 minus one era on, so that nothing is negative. */
	shifted = seconds + (719468 + 146097) * (int64_t)DAY;
	days = shifted / DAY;
	rest = (int)(shifted % DAY);
	era = days / 146097;
	days -= era * 146097;
	of_era = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	of_year = days - (of_era * 365 + of_era / 4 - of_era / 100);
	month = (int)(5 * of_year + 2) / 153;
	c->day = (int)of_year - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = (int)(of_era + (era - 1) * 400) + (c->month <= 2 ? 1 : 0);
	c->hour = rest / 3600;
	c->minute = rest / 60 % 60;
	c->second = rest % 60;
}

/* Takes `n' digits off `s'. */
static bool
take_number(struct slice *s, size_t n, int64_t *value)
{
	int64_t v = 0;
	size_t i;

	if (s->len < n)
		return false;
	for (i = 0; i < n; i++) {
		if (s->data[i] < '0' || s->data[i] > '9')
			return false;
		v = v * 10 + (s->data[i] - '0');
	}
	*s = slice_make(s->data + n, s->len - n);
	*value = v;
	return true;
}

/* Takes `n' digits, at most four, as an int. */
static bool
take_int(struct slice *s, size_t n, int *value)
{
	int64_t v;

	if (!take_number(s, n, &v))
		return false;
	*value = (int)v;
	return true;
}

/* Takes one of the characters of `any' off `s'. */
static bool
take_one(struct slice *s, const char *any)
{
	if (s->len == 0 || s->data[0] == '\0' ||
	    strchr(any, s->data[0]) == NULL)
		return false;
	*s = slice_make(s->data + 1, s->len - 1);
	return true;
}

/* Takes a fraction of a second, which is dropped, and the offset from UTC. */
static bool
take_zone(struct slice *s, int *offset)
{
	int digit, hours, minutes;
	bool minus;

	if (take_one(s, ".,")) {
		if (!take_int(s, 1, &digit))
			return false;
		while (take_int(s, 1, &digit))
			continue;
	}
	*offset = 0;
	if (take_one(s, "Zz"))
		return true;
	minus = s->len > 0 && s->data[0] == '-';
	if (!take_one(s, "+-") || !take_int(s, 2, &hours) || hours > 23 ||
	    !take_one(s, ":") || !take_int(s, 2, &minutes) || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * (minus ? -60 : 60);
	return true;
}

static bool
take_rfc3339(struct slice *s, int64_t *seconds)
{
	struct time_civil c;
	int offset;

	if (!take_int(s, 4, &c.year) || !take_one(s, "-") ||
	    !take_int(s, 2, &c.month) || !take_one(s, "-") ||
	    !take_int(s, 2, &c.day) || !take_one(s, "Tt ") ||
	    !take_int(s, 2, &c.hour) || !take_one(s, ":") ||
	    !take_int(s, 2, &c.minute) || !take_one(s, ":") ||
	    !take_int(s, 2, &c.second) || !take_zone(s, &offset) ||
	    s->len != 0 || !time_from_civil(&c, seconds))
		return false;
	*seconds -= offset;
	return true;
}

bool
time_parse(struct slice text, int64_t *seconds)
{
	struct slice digits = text;

	if (text.len > 0 && text.len <= 18 &&
	    take_number(&digits, text.len, seconds))
		return true;
	return take_rfc3339(&text, seconds);
}

void
time_write(int64_t seconds, char out[TIME_TEXT_MAX])
{
	struct time_civil c;

	time_to_civil(seconds, &c);
	/* The remainders tell the compiler that it fits. */
	snprintf(out, TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)c.year % 10000U, (unsigned)c.month % 100U,
	    (unsigned)c.day % 100U, (unsigned)c.hour % 100U,
	    (unsigned)c.minute % 100U, (unsigned)c.second % 100U);
}
