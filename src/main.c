/* SPDX-License-Identifier: ISC */
/*
 * Arguments and exit codes only. What the words mean is sallyport(8).
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/explain.h"
#include "admin/init.h"
#include "config/option.h"
#include "runtime/runtime.h"
#include "tls/library.h"

/* What the command line asks for. */
enum mode {
	MODE_RUN,
	MODE_TAKE_OVER,
	MODE_CHECK,
	MODE_VERSION,
	MODE_HELP,
	MODE_HELP_CONFIG
};

struct arguments {
	enum mode mode;
	const char *file;
	struct runtime_take_over how;
};

static const char usage[] =
    "usage: sallyport [-t] [-c FILE]\n"
    "       sallyport --take-over[=SOCKET] [--background] [-c FILE]\n"
    "       sallyport explain [-c FILE] [-l LISTENER] [-p ADDRESS] [-s SNI]\n"
    "                         [-j] CERT [CONNECT]\n"
    "       sallyport init DIR\n"
    "       sallyport -V | --help | --help-config\n"
    "\n"
    "  -c, --config FILE  read this file (" DEFAULT_FILE ")\n"
    "  -t, --test         check the file and all it names, start nothing\n"
    "      --take-over    replace the running daemon, whose sessions live on;\n"
    "                     SOCKET is its admin socket, if it has another one\n"
    "      --background   with --take-over: return when it is ready\n"
    "  -V, --version      print the version\n"
    "  -h, --help         print this\n"
    "      --help-config  print every option of the file\n"
    "  explain            show what the daemon would do with a client\n"
    "  init               create a configuration, a CA, a server certificate\n"
    "                     and a first device\n"
    "\n"
    "SIGHUP: reload. SIGUSR1: reopen the log. SIGTERM: drain, then exit.\n"
    "SIGINT: exit at once.\n";

static const char explain_usage[] =
    "usage: sallyport explain [-c FILE] [-l LISTENER] [-p ADDRESS] [-s SNI]\n"
    "                         [-j] CERT [CONNECT]\n"
    "\n"
    "Shows, stage by stage, what the daemon would do with a client that has "
    "the\n"
    "certificate in the file CERT (or none) and sends the packet in the file\n"
    "CONNECT, and the value of each template variable. Opens no connection.\n"
    "\n"
    "  -c, --config FILE        read this file (" DEFAULT_FILE ")\n"
    "  -l, --listener LISTENER  the [listener] that it connects to\n"
    "  -p, --peer ADDRESS       its address (127.0.0.1)\n"
    "  -s, --sni NAME           the server name that it asks for\n"
    "  -j, --json               print one JSON object\n"
    "\n"
    "Exit status: 0 admitted, 1 refused, 78 a file has an error.\n";

static const char init_usage[] =
    "usage: sallyport init DIR\n"
    "\n"
    "Creates DIR with a working configuration: a CA for devices, a server\n"
    "certificate for this machine, the device device-001, and a sallyport.ini\n"
    "in front of a broker at 127.0.0.1:1883; and prints what to do next.\n"
    "It needs sallyport-pki in the PATH, and openssl.\n";

/* Returns 0, or EX_USAGE with the reason on stderr. */
static int
parse_arguments(int argc, char **argv, struct arguments *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ "help-config", no_argument, NULL, 'C' },
		{ "take-over", optional_argument, NULL, 'T' },
		{ "background", no_argument, NULL, 'B' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		if (c == 'c')
			out->file = optarg;
		else if (c == 't')
			out->mode = MODE_CHECK;
		else if (c == 'V')
			out->mode = MODE_VERSION;
		else if (c == 'h')
			out->mode = MODE_HELP;
		else if (c == 'C')
			out->mode = MODE_HELP_CONFIG;
		else if (c == 'T') {
			out->mode = MODE_TAKE_OVER;
			out->how.path = optarg == NULL ? "" : optarg;
		} else if (c == 'B')
			out->how.background = true;
		else
			break;
	}
	if (c == -1 && out->how.background && out->mode != MODE_TAKE_OVER)
		fprintf(stderr, "%s: --background needs --take-over\n",
		    argv[0]);
	else if (c == -1 && optind == argc)
		return 0;
	else if (c == -1)
		fprintf(stderr,
		    "%s: no such command: %s (a configuration is named with "
		    "-c)\n",
		    argv[0], argv[optind]);
	fputs("see sallyport --help\n", stderr);
	return EX_USAGE;
}

/* Flushes standard output. What was printed only counts once it has been
 * written. */
static int
printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
}

/* Takes the arguments after the word explain. */
static int
explain(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "listener", required_argument, NULL, 'l' },
		{ "peer", required_argument, NULL, 'p' },
		{ "sni", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct explain_options o = { .file = DEFAULT_FILE };
	int c, status;

	while (
	    (c = getopt_long(argc, argv, "c:l:p:s:jh", options, NULL)) != -1) {
		if (c == 'c')
			o.file = optarg;
		else if (c == 'l')
			o.listener = optarg;
		else if (c == 'p')
			o.peer = optarg;
		else if (c == 's')
			o.sni = optarg;
		else if (c == 'j')
			o.json = true;
		else if (c == 'h') {
			fputs(explain_usage, stdout);
			return printed();
		} else
			break;
	}
	if (c != -1 || argc - optind < 1 || argc - optind > 2) {
		fputs(explain_usage, stderr);
		return EX_USAGE;
	}
	o.cert = argv[optind];
	o.connect = argv[optind + 1];
	status = explain_run(&o);
	return printed() == EX_OK ? status : EX_IOERR;
}

/* Takes the arguments after the word init. */
static int
init(int argc, char **argv)
{
	if (argc == 2 &&
	    (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		fputs(init_usage, stdout);
		return printed();
	}
	if (argc != 2 || argv[1][0] == '-') {
		fputs(init_usage, stderr);
		return EX_USAGE;
	}
	return init_run(argv[1]);
}

/* The first line is for scripts: name and version only. */
static int
print_version(void)
{
	const struct tls_library *l = tls_library();

	printf("%s\n%s API %d, from %s; X25519MLKEM768: %s\n", PACKAGE_STRING,
	    l->name, l->api, l->source, l->post_quantum ? "yes" : "no");
	return printed();
}

/*
 * Opens each of the descriptors 0 to 2 that is closed: a file or socket opened
 * later would get its number, and receive what is written to stderr. Where
 * there is no /dev/null, as in a container from scratch, a folder takes its
 * place: writing to it fails and does nothing.
 */
static bool
open_standard_descriptors(void)
{
	int fd, wanted;

	for (wanted = 0; wanted <= STDERR_FILENO; wanted++) {
		if (fcntl(wanted, F_GETFD) != -1)
			continue;
		fd = open("/dev/null", O_RDWR);
		if (fd == -1)
			fd = open("/", O_RDONLY | O_DIRECTORY);
		if (fd != wanted)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct arguments a = { .mode = MODE_RUN, .file = DEFAULT_FILE };
	int status;

	if (!open_standard_descriptors())
		return EX_OSERR;
	if (argc > 1 && strcmp(argv[1], "explain") == 0)
		return explain(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "init") == 0)
		return init(argc - 1, argv + 1);
	status = parse_arguments(argc, argv, &a);
	if (status != 0)
		return status;
	switch (a.mode) {
	case MODE_VERSION:
		return print_version();
	case MODE_HELP:
		fputs(usage, stdout);
		return printed();
	case MODE_HELP_CONFIG:
		config_help_write(stdout);
		return printed();
	case MODE_CHECK:
		return runtime_check(a.file);
	case MODE_TAKE_OVER:
		return runtime_take_over(a.file, &admin_service, &a.how);
	case MODE_RUN:
		break;
	}
	return runtime_run(a.file, &admin_service);
}
