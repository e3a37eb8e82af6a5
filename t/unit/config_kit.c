/* SPDX-License-Identifier: ISC */
#include "config_kit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/sallyport-unit-XXXXXX";
static char complaints[65536];

const char *
kit_dir(void)
{
	static const char *const files[] = { "server.crt", "server.key",
		"client-ca.crt", "two.crt", "two.key", "deny.csv", "my.crl" };
	static bool made;
	size_t i;

	if (made)
		return dir;
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		exit(99);
	}
	made = true;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		kit_touch(files[i]);
	return dir;
}

void
kit_touch(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		exit(99);
	}
	close(fd);
}

const char *
kit_write(const char *text)
{
	static char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/t.ini", kit_dir());
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF) {
		perror(path);
		exit(99);
	}
	return path;
}

struct config *
kit_load(const char *text)
{
	struct report r;
	struct config *cfg;
	size_t i;

	report_init(&r);
	if (config_load(kit_write(text), &cfg, &r) != OK) {
		for (i = 0; i < r.kept; i++)
			fprintf(stderr, "# %s\n", r.lines[i]);
		config_put(cfg);
		cfg = NULL;
	}
	report_fini(&r);
	return cfg;
}

const char *
kit_complaints(const char *text)
{
	const char *path = kit_write(text);
	size_t prefix = strlen(path) + 1, len = 0, i;
	struct config *cfg;
	struct report r;

	report_init(&r);
	if (config_load(path, &cfg, &r) == OK && r.count > 0)
		report_add(&r, "%s:complaints, and yet good", path);
	config_put(cfg);
	complaints[0] = '\0';
	for (i = 0; i < r.kept && len < sizeof(complaints); i++)
		len += (size_t)snprintf(complaints + len,
		    sizeof(complaints) - len, "%s\n", r.lines[i] + prefix);
	report_fini(&r);
	return complaints;
}

void
kit_end(void)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		perror(command);
}
