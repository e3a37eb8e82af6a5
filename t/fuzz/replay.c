/* SPDX-License-Identifier: ISC */
/*
 * Stands in for libFuzzer in `make check': t/fuzz/NAME.t runs its target over
 * each file of t/fuzz/corpus/NAME, and over all its beginnings, every one in
 * an allocation of exactly its size, so that ASan sees a byte read too many.
 */
#include <dirent.h>
#include <libgen.h>

#include "fuzz/fuzz.h"
#include "unit/tap.h"

#define LARGEST 65536
#define PREFIXES 2048

static void
run(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	must(exact != NULL);
	if (len > 0)
		memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static bool
replay(const char *dir, const char *name)
{
	static uint8_t data[LARGEST];
	char path[4096];
	FILE *file;
	size_t len, i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return false;
	len = fread(data, 1, sizeof(data), file);
	fclose(file);
	for (i = 0; i < len && i < PREFIXES; i++)
		run(data, i);
	run(data, len);
	return true;
}

int
main(int argc, char **argv)
{
	const char *top = getenv("TOP_SRCDIR");
	char *name = basename(argv[0]);
	const struct dirent *entry;
	char dir[2048];
	DIR *corpus;

	if (strrchr(name, '.') != NULL)
		*strrchr(name, '.') = '\0';
	snprintf(dir, sizeof(dir), "%s/t/fuzz/corpus/%s",
	    top != NULL ? top : ".", name);
	corpus = opendir(argc > 1 ? argv[1] : dir);
	if (!ok(corpus != NULL, "there is a corpus in %s", dir))
		return done_testing();
	while ((entry = readdir(corpus)) != NULL) {
		if (entry->d_name[0] != '.')
			ok(replay(argc > 1 ? argv[1] : dir, entry->d_name),
			    "%s", entry->d_name);
	}
	closedir(corpus);
	return done_testing();
}
