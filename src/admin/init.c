/* SPDX-License-Identifier: ISC */
/*
 * The certificates are made by sallyport-pki (contrib/pki), which the operator
 * goes on using for more devices; this program has no code that signs anything.
 */
#include "admin/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/accounts.h"

#define DEVICE "device-001"
#define PKI "sallyport-pki"

static const char ini[] =
    "; Made by `sallyport init\'. Every option is described in "
    "sallyport.ini(5).\n"
    "\n"
    "[daemon]\n"
    "admin_socket = %s/state/admin.sock\n"
    "http_listen = 127.0.0.1:9884\n"
    "\n"
    "[listener mqtts]\n"
    "bind = 0.0.0.0:8883\n"
    "\n"
    "[tls]\n"
    "certificate = pki/server.crt\n"
    "private_key = pki/server.key\n"
    "client_ca = pki/client-ca.crt\n"
    "crl = pki/client-ca.crl\n"
    "\n"
    "; The device\'s common name becomes its Username and its ClientID.\n"
    "[identity]\n"
    "username = ${cn}\n"
    "clientid = ${cn}\n"
    "\n"
    "; The broker.\n"
    "[backend]\n"
    "address = 127.0.0.1:1883\n"
    "; Tries every 5 seconds whether it is up. It may log this.\n"
    "probe = tcp\n"
    "\n"
    "[denylist]\n"
    "file = state/deny.csv\n";

/* The programs as the operator has to type them. */
struct programs {
	char daemon[PATH_MAX + 32];
	char ctl[PATH_MAX + 32];
	char pki[PATH_MAX + 32];
};

static int
fail(const char *what)
{
	fprintf(stderr, "sallyport: init: %s: %s\n", what, strerror(errno));
	return 1;
}

/* True if $PATH names the folder. */
static bool
is_in_path(const char *dir)
{
	const char *at = getenv("PATH");
	size_t len = strlen(dir);

	while (at != NULL && *at != '\0') {
		if (strcspn(at, ":") == len && strncmp(at, dir, len) == 0)
			return true;
		at += strcspn(at, ":");
		at += *at == ':';
	}
	return false;
}

/* Finds a program in a folder beside this one, or leaves it to PATH. It is
 * named without its folder where PATH has that. */
static void
find_program(char out[PATH_MAX + 32], const char *folder, const char *name)
{
	char dir[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		snprintf(slash, sizeof(dir) - (size_t)(slash - dir), "%s",
		    folder);
	snprintf(out, PATH_MAX + 32, "%s/%s", dir, name);
	if (is_in_path(dir) || access(out, X_OK) == -1)
		snprintf(out, PATH_MAX + 32, "%s", name);
}

/* An installed program finds the others in PATH; a build has them beside it. */
static void
find_programs(struct programs *p)
{
	const char *named = getenv("SALLYPORT_PKI");

	find_program(p->daemon, "", "sallyport");
	find_program(p->ctl, "", "sallyportctl");
	find_program(p->pki, "/contrib/pki", PKI);
	if (named != NULL && named[0] != '\0')
		snprintf(p->pki, sizeof(p->pki), "%s", named);
}

/* Runs sallyport-pki in `dir'. Returns 0, or 1 with the reason on stderr. */
static int
run_pki(const char *program, const char *dir, const char *command,
    const char *first, const char *second, const char *third)
{
	extern char **environ;
	posix_spawn_file_actions_t quiet;
	char pki[PATH_MAX];
	char *argv[8];
	int status = 0;
	int error;
	pid_t pid;

	snprintf(pki, sizeof(pki), "%s/pki", dir);
	argv[0] = (char *)program;
	argv[1] = (char *)"-d";
	argv[2] = pki;
	argv[3] = (char *)command;
	argv[4] = (char *)first;
	argv[5] = (char *)second;
	argv[6] = (char *)third;
	argv[7] = NULL;
	/* sallyport-pki prints what to do next; print_next() prints all of it.
	 */
	error = posix_spawn_file_actions_init(&quiet);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO,
		    "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error =
		    posix_spawnp(&pid, program, &quiet, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&quiet);
	if (error != 0) {
		fprintf(stderr,
		    "sallyport: init: %s: %s (it is contrib/pki/pki of the "
		    "source; name it in SALLYPORT_PKI)\n",
		    program, strerror(error));
		return 1;
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return fail(program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "sallyport: init: %s %s failed\n", program, command);
	return 1;
}

/* Creates a file that must not exist yet. `text' may have one %s, for `dir'. */
static int
create(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wxe");
	if (f == NULL)
		return fail(path);
	bad = text == ini ? fprintf(f, ini, dir) < 0 : fputs(text, f) < 0;
	if (fclose(f) != 0 || bad)
		return fail(path);
	return 0;
}

/* As root the daemon changes to its own user, who has to read the server's key
 * and to write into the folder `state'; the CAs' keys stay root's. */
static void
print_next(const char *dir, const struct programs *p)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	uid_t uid;
	gid_t gid;

	(void)gethostname(host, sizeof(host) - 1);
	printf("\nCreated %s. Next, with a broker at 127.0.0.1:1883:\n\n", dir);
	if (geteuid() == 0 && !accounts_user("sallyport", &uid, &gid))
		printf("  useradd --system sallyport\n");
	if (geteuid() == 0)
		printf("  chown -R sallyport %s/state %s/pki/server.key\n", dir,
		    dir);
	printf("  %s -t -c %s/sallyport.ini\n"
	       "  %s -c %s/sallyport.ini\n\n",
	    p->daemon, dir, p->daemon, dir);
	printf("and in another terminal, as the first device:\n\n"
	       "  mosquitto_sub -h %s -p 8883 -t \'#\' -v \\\n"
	       "    --cafile %s/pki/server-ca.crt \\\n"
	       "    --cert %s/pki/devices/" DEVICE ".crt \\\n"
	       "    --key %s/pki/devices/" DEVICE ".key\n\n",
	    host, dir, dir, dir);
	printf("Keep %s/pki/private safe: with it one can make devices.\n"
	       "More devices:    %s -d %s/pki device NAME\n"
	       "Who is there:    %s -s %s/state/admin.sock sessions\n"
	       "A stolen device: %s -s %s/state/admin.sock deny cn NAME\n"
	       "  and for good:  %s -d %s/pki revoke NAME\n"
	       "Every week:      %s -d %s/pki crl\n"
	       "                 (by cron: without a new CRL all devices are "
	       "refused after 30 days)\n"
	       "In two months:   %s -d %s/pki renew server\n"
	       "                 (its certificate is good for 90 days)\n"
	       "What is wrong:   %s -s %s/state/admin.sock status\n"
	       "The page:        http://127.0.0.1:9884/\n"
	       "The guides:      devices.md, in etc/doc of the source or in "
	       "share/doc/sallyport\n",
	    dir, p->pki, dir, p->ctl, dir, p->ctl, dir, p->pki, dir, p->pki,
	    dir, p->pki, dir, p->ctl, dir);
}

/* Makes everything in the folder, which is there. */
static int
fill(const char *dir, const struct programs *p)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	char state[PATH_MAX + 8];
	int code;

	(void)gethostname(host, sizeof(host) - 1);
	snprintf(state, sizeof(state), "%s/state", dir);
	code = run_pki(p->pki, dir, "init", NULL, NULL, NULL);
	if (code == 0)
		code = run_pki(p->pki, dir, "server", host, "localhost",
		    "127.0.0.1");
	if (code == 0)
		code = run_pki(p->pki, dir, "device", DEVICE, NULL, NULL);
	if (code == 0 && mkdir(state, 0750) == -1)
		code = fail(state);
	if (code == 0)
		code = create(dir, "state/deny.csv", "as,who,reason,until\n");
	if (code == 0)
		code = create(dir, "sallyport.ini", ini);
	return code;
}

int
init_run(const char *dir)
{
	struct programs programs;
	char path[PATH_MAX + 16];
	char *absolute;
	int code;

	find_programs(&programs);
	if (mkdir(dir, 0755) == -1 && errno != EEXIST)
		return fail(dir);
	absolute = realpath(dir, NULL);
	if (absolute == NULL)
		return fail(dir);
	snprintf(path, sizeof(path), "%s/sallyport.ini", absolute);
	if (access(path, F_OK) == 0) {
		fprintf(stderr,
		    "sallyport: init: %s exists already, and is not changed\n",
		    path);
		free(absolute);
		return 1;
	}
	code = fill(absolute, &programs);
	if (code == 0)
		print_next(absolute, &programs);
	else
		(void)rmdir(absolute); /* if it is empty, for the next try */
	free(absolute);
	return code;
}
