/* SPDX-License-Identifier: ISC */
#include "args.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char *
args_text(char **argv, const char *key, const char *otherwise)
{
	size_t len = strlen(key);
	int i;

	for (i = 1; argv[i] != NULL; i++)
		if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
			return argv[i] + len + 1;
	return otherwise;
}

uint64_t
args_number(char **argv, const char *key, const char *otherwise)
{
	return strtoull(args_text(argv, key, otherwise), NULL, 10);
}

void
args_raise_files(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}
