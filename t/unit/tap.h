/* SPDX-License-Identifier: ISC */
/*
 * Tests say what they find as TAP, which prove reads. A test program includes
 * this once, calls the checks, and ends with `return done_testing();'.
 *
 * Every check is an expression with the result, so that a test can stop where
 * going on makes no sense: if (!ok(p != NULL, "parsed")) return done_testing();
 */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_int((got), (want), __FILE__, __LINE__, __VA_ARGS__)
/* Strings may be NULL, which equals NULL only. */
#define is_str(got, want, ...) \
	tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, got_len, want, want_len, ...) \
	tap_mem((got), (got_len), (want), (want_len), __FILE__, __LINE__, \
	    __VA_ARGS__)

static int tap_count, tap_failed;

__attribute__((unused, format(printf, 1, 2))) static void
diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("# ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

__attribute__((unused, format(printf, 4, 0))) static bool
tap_vok(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	vprintf(fmt, ap);
	putchar('\n');
	fflush(stdout);
	if (!good) {
		tap_failed++;
		diag("failed at %s:%d", file, line);
	}
	return good;
}

#define TAP_SAY(good) \
	do { \
		va_list tap_ap; \
		va_start(tap_ap, fmt); \
		(void)tap_vok((good), file, line, fmt, tap_ap); \
		va_end(tap_ap); \
	} while (0)

__attribute__((unused, format(printf, 4, 5))) static bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	TAP_SAY(good);
	return good;
}

__attribute__((unused, format(printf, 5, 6))) static bool
tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
	TAP_SAY(got == want);
	if (got != want)
		diag("got %lld, want %lld", got, want);
	return got == want;
}

__attribute__((unused, format(printf, 5, 6))) static bool
tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
	bool good = got == want ||
	    (got != NULL && want != NULL && strcmp(got, want) == 0);

	TAP_SAY(good);
	if (!good)
		diag("got '%s', want '%s'", got == NULL ? "(null)" : got,
		    want == NULL ? "(null)" : want);
	return good;
}

__attribute__((unused)) static void
tap_hex(const char *name, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	fprintf(stderr, "# %s %zu bytes:", name, len);
	for (i = 0; i < len && i < 256; i++)
		fprintf(stderr, " %02x", p[i]);
	fputc('\n', stderr);
}

__attribute__((unused, format(printf, 7, 8))) static bool
tap_mem(const void *got, size_t got_len, const void *want, size_t want_len,
    const char *file, int line, const char *fmt, ...)
{
	bool good = got_len == want_len &&
	    (want_len == 0 || memcmp(got, want, want_len) == 0);

	TAP_SAY(good);
	if (!good) {
		tap_hex("got ", got, got_len);
		tap_hex("want", want, want_len);
	}
	return good;
}

/* The plan, and what main() returns. */
__attribute__((unused)) static int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed > 0)
		diag("%d of %d failed", tap_failed, tap_count);
	return tap_failed > 0 || tap_count == 0;
}

#endif
