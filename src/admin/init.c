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
    "admin_socket = %s/admin.sock\n"
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
    "\n"
    "[denylist]\n"
    "file = deny.csv\n";

static int
fail(const char *what)
{
	fprintf(stderr, "sallyport: init: %s: %s\n", what, strerror(errno));
	return 1;
}

/* Runs sallyport-pki in `dir'. Returns 0, or 1 with the reason on stderr. */
static int
run_pki(const char *dir, const char *command, const char *argument,
    const char *second)
{
	extern char **environ;
	const char *program = getenv("SALLYPORT_PKI");
	posix_spawn_file_actions_t quiet;
	char pki[PATH_MAX];
	char *argv[7];
	int status = 0;
	int error;
	pid_t pid;

	if (program == NULL || program[0] == '\0')
		program = PKI;
	snprintf(pki, sizeof(pki), "%s/pki", dir);
	argv[0] = (char *)program;
	argv[1] = (char *)"-d";
	argv[2] = pki;
	argv[3] = (char *)command;
	argv[4] = (char *)argument;
	argv[5] = (char *)second;
	argv[6] = NULL;
	/* It tells what to do next; print_next() says it all at once. */
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

/* As root the daemon changes to its own user, who has to read the files. */
static void
print_next(const char *dir)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	uid_t uid;
	gid_t gid;

	(void)gethostname(host, sizeof(host) - 1);
	printf("\nCreated %s. Next, with a broker at 127.0.0.1:1883:\n\n", dir);
	if (geteuid() == 0 && !accounts_user("sallyport", &uid, &gid))
		printf("  useradd --system sallyport\n");
	if (geteuid() == 0)
		printf("  chown -R sallyport %s\n", dir);
	printf("  sallyport -t -c %s/sallyport.ini\n"
	       "  sallyport -c %s/sallyport.ini\n\n"
	       "and in another terminal, as the first device:\n\n"
	       "  mosquitto_sub -h %s -p 8883 -t \'#\' -v \\\n"
	       "    --cafile %s/pki/server-ca.crt \\\n"
	       "    --cert %s/pki/devices/" DEVICE ".crt \\\n"
	       "    --key %s/pki/devices/" DEVICE ".key\n\n"
	       "Keep %s/pki/private safe: with it anybody can make devices.\n"
	       "More devices:    " PKI " -d %s/pki device NAME\n"
	       "A stolen device: " PKI " -d %s/pki revoke NAME\n"
	       "Who is there:    sallyportctl -s %s/admin.sock sessions\n"
	       "The page:        http://127.0.0.1:9884/\n",
	    dir, dir, host, dir, dir, dir, dir, dir, dir, dir);
}

int
init_run(const char *dir)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	char path[PATH_MAX];
	char *absolute;
	int code;

	(void)gethostname(host, sizeof(host) - 1);
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
	code = run_pki(absolute, "init", NULL, NULL);
	if (code == 0)
		code = run_pki(absolute, "server", host, "127.0.0.1");
	if (code == 0)
		code = run_pki(absolute, "device", DEVICE, NULL);
	if (code == 0)
		code = create(absolute, "deny.csv", "as,who,reason,until\n");
	if (code == 0)
		code = create(absolute, "sallyport.ini", ini);
	if (code == 0)
		print_next(absolute);
	free(absolute);
	return code;
}
