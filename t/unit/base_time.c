/* SPDX-License-Identifier: ISC */
/*
 * Points in time as text, and dates of the calendar.
 */
#include "base/time.h"

#include <stdlib.h>
#include <time.h>

#include "tap.h"

static const struct {
	const char *text;
	bool good;
	long long want;
} times[] = {
	{ "0", true, 0 },
	{ "1735171200", true, 1735171200 },
	{ "999999999999999999", true, 999999999999999999 },
	{ "9999999999999999999", false, 0 },
	{ "1970-01-01T00:00:00Z", true, 0 },
	{ "1969-12-31T23:59:59Z", true, -1 },
	{ "2000-02-29T12:00:00Z", true, 951825600 },
	{ "2021-10-25T21:53:47+08:00", true, 1635170027 },
	{ "2021-10-25T21:53:47-08:00", true, 1635227627 },
	{ "2021-10-25T21:53:47.123456Z", true, 1635198827 },
	{ "2021-10-25 21:53:47Z", true, 1635198827 },
	{ "2021-10-25t21:53:47z", true, 1635198827 },
	{ "2016-12-31T23:59:60Z", true, 1483228800 },
	{ "9999-12-31T23:59:59Z", true, 253402300799 },
	{ "0000-01-01T00:00:00Z", true, -62167219200 },
	{ "", false, 0 },
	{ "-1", false, 0 },
	{ "1.5", false, 0 },
	{ "tomorrow", false, 0 },
	{ "2021-10-25", false, 0 },
	{ "2021-10-25T21:53:47", false, 0 },
	{ "2021-10-25T21:53Z", false, 0 },
	{ "2021-13-25T21:53:47Z", false, 0 },
	{ "2021-00-25T21:53:47Z", false, 0 },
	{ "2021-02-29T21:53:47Z", false, 0 },
	{ "2021-10-00T21:53:47Z", false, 0 },
	{ "2021-10-25T24:00:00Z", false, 0 },
	{ "2021-10-25T21:60:00Z", false, 0 },
	{ "2021-10-25T21:53:61Z", false, 0 },
	{ "2021-10-25T21:53:47.Z", false, 0 },
	{ "2021-10-25T21:53:47+0800", false, 0 },
	{ "2021-10-25T21:53:47+24:00", false, 0 },
	{ "2021-10-25T21:53:47Z ", false, 0 },
	{ "21-10-25T21:53:47Z", false, 0 },
};

static void
test_times(void)
{
	char *text; /* of exact size, so that ASan sees one byte too many */
	char back[TIME_TEXT_MAX];
	int64_t got, again;
	size_t i, len;
	bool good;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		len = strlen(times[i].text);
		text = malloc(len > 0 ? len : 1);
		if (text == NULL)
			abort();
		memcpy(text, times[i].text, len);
		good = time_parse(slice_make(text, len), &got);
		is_int(good, times[i].good, "\"%s\"", times[i].text);
		if (good)
			is_int(got, times[i].want, "is %lld", times[i].want);
		free(text);
		if (!good || got > 253402300799)
			continue;
		time_write(got, back);
		ok(time_parse(slice_str(back), &again) && again == got,
		    "comes back from %s", back);
	}
	time_write(INT64_MAX, back);
	is_str(back, "9999-12-31T23:59:59Z",
	    "later times become the last second");
	time_write(INT64_MIN, back);
	is_str(back, "0000-01-01T00:00:00Z", "earlier ones the first");
}

/* The calendar of the C library is the reference. */
static void
test_civil(void)
{
	struct time_civil c;
	bool same = true;
	int64_t s, back;
	struct tm tm;
	time_t t;

	for (s = -62167219200; s < 253402300800; s += 86399 * 5) {
		t = (time_t)s;
		gmtime_r(&t, &tm);
		time_to_civil(s, &c);
		same = same && c.year == tm.tm_year + 1900 &&
		    c.month == tm.tm_mon + 1 && c.day == tm.tm_mday &&
		    c.hour == tm.tm_hour && c.minute == tm.tm_min &&
		    c.second == tm.tm_sec;
		same = same && time_from_civil(&c, &back) && back == s;
	}
	ok(same, "ten thousand years, there and back");
}

static void
test_no_such_date(void)
{
	static const struct time_civil rows[] = {
		{ 2026, 2, 31, 0, 0, 0 },
		{ 2026, 2, 29, 0, 0, 0 },
		{ 1900, 2, 29, 0, 0, 0 },
		{ 2026, 4, 31, 0, 0, 0 },
		{ 2026, 0, 1, 0, 0, 0 },
		{ 2026, 13, 1, 0, 0, 0 },
		{ 2026, 1, 0, 0, 0, 0 },
		{ 2026, 1, 1, 24, 0, 0 },
		{ 2026, 1, 1, 0, 60, 0 },
		{ 2026, 1, 1, 0, 0, 61 },
		{ -1, 1, 1, 0, 0, 0 },
		{ 10000, 1, 1, 0, 0, 0 },
	};
	int64_t s = 7;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!time_from_civil(&rows[i], &s) && s == 7,
		    "%d-%02d-%02d %02d:%02d:%02d does not exist", rows[i].year,
		    rows[i].month, rows[i].day, rows[i].hour, rows[i].minute,
		    rows[i].second);
}

int
main(void)
{
	test_times();
	test_civil();
	test_no_such_date();
	return done_testing();
}
