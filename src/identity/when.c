#include "identity/when.h"

#include <stdio.h>
#include <time.h>

#define YEAR_0 (-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999 253402300799 /* 9999-12-31T23:59:59Z */

static int
days_in_month(int64_t year, int64_t month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Takes `n' digits off `s', between `least' and `most'. */
static bool
take_number(struct slice *s, size_t n, int64_t least, int64_t most,
    int64_t *value)
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
	return v >= least && v <= most;
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

/* A fraction of a second, dropped, and the offset from UTC. */
static bool
take_zone(struct slice *s, int64_t *offset)
{
	int64_t digit, hours, minutes;
	bool minus;

	if (take_one(s, ".,")) {
		if (!take_number(s, 1, 0, 9, &digit))
			return false;
		while (take_number(s, 1, 0, 9, &digit))
			continue;
	}
	*offset = 0;
	if (take_one(s, "Zz"))
		return true;
	minus = s->len > 0 && s->data[0] == '-';
	if (!take_one(s, "+-") || !take_number(s, 2, 0, 23, &hours) ||
	    !take_one(s, ":") || !take_number(s, 2, 0, 59, &minutes))
		return false;
	*offset = (hours * 60 + minutes) * (minus ? -60 : 60);
	return true;
}

static bool
take_time(struct slice *s, int64_t *seconds)
{
	int64_t hour, minute, second;

	if (!take_number(s, 2, 0, 23, &hour) || !take_one(s, ":") ||
	    !take_number(s, 2, 0, 59, &minute) || !take_one(s, ":") ||
	    !take_number(s, 2, 0, 60, &second))
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return true;
}

static bool
take_rfc3339(struct slice *s, int64_t *seconds)
{
	int64_t year, month, day, time, offset;
	struct tm tm = { .tm_sec = 0 };

	if (!take_number(s, 4, 0, 9999, &year) || !take_one(s, "-") ||
	    !take_number(s, 2, 1, 12, &month) || !take_one(s, "-") ||
	    !take_number(s, 2, 1, days_in_month(year, month), &day) ||
	    !take_one(s, "Tt ") || !take_time(s, &time) ||
	    !take_zone(s, &offset))
		return false;
	tm.tm_year = (int)year - 1900;
	tm.tm_mon = (int)month - 1;
	tm.tm_mday = (int)day;
	*seconds = (int64_t)timegm(&tm) + time - offset;
	return s->len == 0;
}

bool
identity_when_parse(struct slice text, int64_t *seconds)
{
	struct slice digits = text;

	if (text.len > 0 && text.len <= 18 &&
	    take_number(&digits, text.len, 0, INT64_MAX, seconds))
		return true;
	return take_rfc3339(&text, seconds);
}

void
identity_when_write(int64_t seconds, char out[IDENTITY_WHEN_MAX])
{
	time_t t;
	struct tm tm;

	seconds = seconds < YEAR_0 ? YEAR_0 : seconds;
	seconds = seconds > YEAR_9999 ? YEAR_9999 : seconds;
	t = (time_t)seconds;
	gmtime_r(&t, &tm);
	snprintf(out, IDENTITY_WHEN_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)(tm.tm_year + 1900) % 10000U,
	    (unsigned)(tm.tm_mon + 1) % 100U, (unsigned)tm.tm_mday % 100U,
	    (unsigned)tm.tm_hour % 100U, (unsigned)tm.tm_min % 100U,
	    (unsigned)tm.tm_sec % 100U);
}
