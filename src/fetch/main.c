/* SPDX-License-Identifier: ISC */
/*
 * sallyport-fetch: arguments only. What it does is sallyport-fetch(8). main()
 * is in a file of its own, as in each of our programs.
 */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "fetch/run.h"

/* Values of getopt_long(). */
static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "metrics", required_argument, NULL, 'm' },
	{ "stay", no_argument, NULL, 's' },
	{ "test", no_argument, NULL, 't' },
	{ "user", required_argument, NULL, 'u' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: sallyport-fetch [-st] [-c FILE] [-m FILE] [-u USER]\n"
    "       sallyport-fetch -V | --help\n"
    "\n"
    "Downloads the CRLs of the [fetch] sections, checks them, and puts each\n"
    "into its file, which the daemon watches.\n"
    "\n"
    "  -c, --config FILE   read this file (" DEFAULT_FILE ")\n"
    "  -m, --metrics FILE  write metrics for node_exporter's textfile "
    "collector\n"
    "  -s, --stay          do not end: fetch again when it is time\n"
    "  -t, --test          check the configuration, fetch nothing\n"
    "  -u, --user USER     when started as root, become this user (that of\n"
    "                      [daemon])\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Exit status: 0 all lists are current, 75 a download failed, 65 one was\n"
    "refused, 69 a file holds no list in force, 73 one cannot be written,\n"
    "78 the configuration has an error.\n";

int
main(int argc, char **argv)
{
	struct run_options o = { .file = DEFAULT_FILE };
	int c;

	while ((c = getopt_long(argc, argv, "c:m:stu:Vh", long_options,
		    NULL)) != -1) {
		if (c == 'c')
			o.file = optarg;
		else if (c == 'm')
			o.metrics = optarg;
		else if (c == 's')
			o.stay = true;
		else if (c == 't')
			o.check = true;
		else if (c == 'u')
			o.user = optarg;
		else if (c == 'V' || c == 'h') {
			fputs(c == 'V' ? "sallyport-fetch " PACKAGE_VERSION "\n"
				       : usage,
			    stdout);
			return EX_OK;
		} else {
			fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "%s: \"%s\" is one word too many\n", argv[0],
		    argv[optind]);
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return run(&o);
}
