/*
 * Arguments and exit codes only. What the words mean is sallyport(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "admin/admin.h"
#include "config/option.h"
#include "runtime/explain.h"
#include "runtime/runtime.h"
#include "tls/library.h"

/* What the command line asks for. */
enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_VERSION,
	MODE_HELP,
	MODE_HELP_CONFIG
};

struct arguments {
	enum mode mode;
	const char *file;
};

static const char usage[] =
    "usage: sallyport [-t] [-c FILE]\n"
    "       sallyport explain [-c FILE] [-l LISTENER] [-p ADDRESS] [-s SNI]\n"
    "                         CERT [CONNECT]\n"
    "       sallyport -V | --help | --help-config\n"
    "\n"
    "  -c, --config FILE  read this file (" DEFAULT_FILE ")\n"
    "  -t, --test         check the file and all it names, start nothing\n"
    "  -V, --version      print the version\n"
    "  -h, --help         print this\n"
    "      --help-config  print every option of the file\n"
    "  explain            tell what would become of a client with the\n"
    "                     certificate file CERT (or none), and the packet in\n"
    "                     the file CONNECT\n"
    "\n"
    "SIGHUP: reload. SIGUSR1: reopen the log. SIGTERM: drain, then exit.\n"
    "SIGINT: exit at once.\n";

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
		else
			break;
	}
	if (c == -1 && optind == argc)
		return 0;
	if (c == -1)
		fprintf(stderr, "%s: \"%s\" is one word too many\n", argv[0],
		    argv[optind]);
	fputs(usage, stderr);
	return EX_USAGE;
}

/* The arguments behind the word explain. */
static int
explain(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "listener", required_argument, NULL, 'l' },
		{ "peer", required_argument, NULL, 'p' },
		{ "sni", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct explain_options o = { .file = DEFAULT_FILE };
	int c;

	while ((c = getopt_long(argc, argv, "c:l:p:s:", options, NULL)) != -1) {
		if (c == 'c')
			o.file = optarg;
		else if (c == 'l')
			o.listener = optarg;
		else if (c == 'p')
			o.peer = optarg;
		else if (c == 's')
			o.sni = optarg;
		else
			break;
	}
	if (c != -1 || argc - optind < 1 || argc - optind > 2) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	o.cert = argv[optind];
	o.connect = argv[optind + 1];
	return explain_run(&o);
}

/* What was printed only counts when it has been written. */
static int
printed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
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

int
main(int argc, char **argv)
{
	struct arguments a = { .mode = MODE_RUN, .file = DEFAULT_FILE };
	int status;

	if (argc > 1 && strcmp(argv[1], "explain") == 0)
		return explain(argc - 1, argv + 1);
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
	case MODE_RUN:
		break;
	}
	return runtime_run(a.file, &admin_service);
}
