/* SPDX-License-Identifier: ISC */
/*
 * The TAP header checks itself, as far as a passing test can.
 */
#include "tap.h"

int
main(void)
{
	ok(true, "ok passes, and formats: %d", 1);
	is_int(-1, -1, "is_int");
	is_str("a", "a", "is_str");
	is_str(NULL, NULL, "is_str: NULL is NULL");
	is_mem("a\0b", 3, "a\0b", 3, "is_mem looks past NUL");
	is_mem(NULL, 0, "", 0, "is_mem of nothing");
	return done_testing();
}
