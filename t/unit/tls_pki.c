/* SPDX-License-Identifier: ISC */
#include "tls_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

/* Copies what a failed script has written to the diagnostics. */
static void
show(const char *log)
{
	char line[512];
	FILE *in = fopen(log, "r");

	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		fprintf(stderr, "# %s", line);
	if (in != NULL)
		fclose(in);
}

_Bool
pki_run(const char *commands)
{
	/* `make check' sets the folder of the sources. */
	const char *top = getenv("TOP_SRCDIR");
	char path[4096], log[160], *script;
	int status = -1;
	pid_t child;

	snprintf(path, sizeof(path), "%s/t/unit/tls_pki.sh",
	    top == NULL ? "." : top);
	script = realpath(path, NULL);
	snprintf(log, sizeof(log), "%s", pki_path("log"));
	child = script == NULL ? -1 : fork();
	if (child == 0) {
		if (chdir(folder) == 0 && freopen(log, "w", stdout) != NULL &&
		    dup2(STDOUT_FILENO, STDERR_FILENO) != -1)
			execlp("sh", "sh", script, commands, (char *)NULL);
		_exit(127);
	}
	if (child != -1)
		waitpid(child, &status, 0);
	if (status != 0)
		show(log);
	free(script);
	return status == 0;
}

_Bool
pki_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/tls.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	return mkdtemp(folder) != NULL && pki_run("standard");
}

void
pki_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (folder[0] != '\0' && system(command) == 0)
		folder[0] = '\0';
}

const char *
pki_path(const char *name)
{
	static char paths[32][160];
	static unsigned next;
	char *path = paths[next++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void
pki_write(const char *name, const void *data, size_t len)
{
	FILE *out = fopen(pki_path(name), "wb");

	if (out == NULL || fwrite(data, 1, len, out) != len) {
		perror(name);
		abort();
	}
	fclose(out);
}

static void
refuse(void *arg, const char *option, const char *text)
{
	const struct pki_reports *r = arg;

	report_add(r->why, "x.ini:1: %s: %s", option, text);
}

static void
warn(void *arg, const char *option, const char *text)
{
	const struct pki_reports *r = arg;

	report_add(r->warnings, "x.ini:1: %s: %s", option, text);
}

struct tls_load_report
pki_say(struct pki_reports *r)
{
	struct tls_load_report report = { refuse, warn, r };

	return report;
}
