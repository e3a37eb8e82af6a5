/* SPDX-License-Identifier: ISC */
/*
 * A load whose allocation number N fails ends with "out of memory" and leaks
 * nothing, for every N. The linker wraps calloc().
 */
#include <stdlib.h>

#include "config_kit.h"
#include "tap.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long left = -1; /* allocations until one fails; -1: none does */

void *
__wrap_calloc(size_t count, size_t size)
{
	if (left == 0)
		return NULL;
	if (left > 0)
		left--;
	return __real_calloc(count, size);
}

static const char text[] =
    KIT_GOOD "crl = my.crl, .\n"
	     "[identity]\nusername = ${env:KIT_HOME}/${cn}\n"
	     "[backend]\naddress = a:2, b:1, unix:/c\n"
	     "[listener b]\nbind = 1, [::1]:2\naccept_proxy = required\n"
	     "trusted_proxies = 10.0.0.0/8\n"
	     "[daemon]\nlog = x.log\n";

int
main(void)
{
	struct config *cfg;
	const char *file;
	struct report r;
	enum err err;
	long n = 0;
	int odd = 0;

	setenv("KIT_HOME", "home", 1);
	file = kit_write(text);
	do {
		report_init(&r);
		left = n++;
		err = config_load(file, &cfg, &r);
		left = -1;
		if (err == ERR_NO_MEMORY)
			odd += cfg != NULL || r.count == 0 ||
			    strstr(r.lines[r.kept - 1], "memory") == NULL;
		config_put(cfg);
		report_fini(&r);
	} while (err == ERR_NO_MEMORY && n < 10000);
	is_int(err, OK, "in the end all is well");
	is_int(odd, 0, "each failure is told");
	ok(n > 100, "%ld allocations failed, one at a time", n - 1);
	kit_end();
	return done_testing();
}
