/*
 * sallyportctl: arguments and exit codes. What the words mean is
 * sallyportctl(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/command.h"

static const char usage[] =
    "usage: sallyportctl [-s SOCKET] [-j] COMMAND [OPTION ...]\n"
    "\n"
    "  status                 what it does, and how it is\n"
    "  sessions [FILTER ...] [--limit N] [--watch[=SECONDS]]\n"
    "  kick FILTER ... | --all\n"
    "                         throw out live sessions; they may come back\n"
    "  deny KIND WHO [--until TIME] [--reason TEXT]\n"
    "                         shut out, now and until then\n"
    "  allow KIND WHO         take that back\n"
    "  denied [--as KIND] [--who WHO] [--limit N]\n"
    "  reload                 load the configuration and its files anew\n"
    "  drain                  let all sessions go, then end\n"
    "  metrics                the numbers, for Prometheus\n"
    "  cert [--limit N]       certificates, and how long they last\n"
    "  log LEVEL              error, warn, info or debug\n"
    "\n"
    "FILTER, all must match: --user NAME, --client-id ID, --cert SHA256,\n"
    "  --peer ADDRESS, --listener NAME, --min-age TIME, --max-age TIME,\n"
    "  --sid NUMBER\n"
    "KIND: clientid, username, peerhost, peerhost_net, clientid_re,\n"
    "  username_re, cn, serial, sha256, spki, san\n"
    "TIME: 30s, 5m, 2h, 1d; --until also a date, 2026-12-24T18:00:00Z\n"
    "\n"
    "  -s, --socket SOCKET    or SALLYPORT_SOCKET (" DEFAULT_SOCKET ")\n"
    "  -j, --json             JSON instead of tables\n"
    "  -V, --version; -h, --help\n"
    "\n"
    "Exit: 0 done, 1 refused or nothing found, 2 usage, 3 no daemon there.\n";

/* Options that are no parameters; the others are numbered by the table. */
enum plain {
	OPTION_WATCH = 256,
	OPTION_PARAM
};

/* How often --watch may look, in seconds. */
#define WATCH_LEAST 0.01
#define WATCH_MOST 86400

struct arguments {
	struct command_call call;
	double watch; /* seconds; 0: once */
	int exit; /* -1: go on */
};

/* The parameter behind each long option from OPTION_PARAM on. */
static const char *const params[] = { "user", "client_id", "cert", "peer",
	"listener", "min_age", "max_age", "sid", "limit", "until", "reason",
	"as", "who", "all" };

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "watch", optional_argument, NULL, OPTION_WATCH },
	{ "user", required_argument, NULL, OPTION_PARAM },
	{ "client-id", required_argument, NULL, OPTION_PARAM + 1 },
	{ "cert", required_argument, NULL, OPTION_PARAM + 2 },
	{ "peer", required_argument, NULL, OPTION_PARAM + 3 },
	{ "listener", required_argument, NULL, OPTION_PARAM + 4 },
	{ "min-age", required_argument, NULL, OPTION_PARAM + 5 },
	{ "max-age", required_argument, NULL, OPTION_PARAM + 6 },
	{ "sid", required_argument, NULL, OPTION_PARAM + 7 },
	{ "limit", required_argument, NULL, OPTION_PARAM + 8 },
	{ "until", required_argument, NULL, OPTION_PARAM + 9 },
	{ "reason", required_argument, NULL, OPTION_PARAM + 10 },
	{ "as", required_argument, NULL, OPTION_PARAM + 11 },
	{ "who", required_argument, NULL, OPTION_PARAM + 12 },
	{ "all", no_argument, NULL, OPTION_PARAM + 13 },
	{ NULL, 0, NULL, 0 },
};

static int
bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "sallyportctl: %s%s (see sallyportctl --help)\n", what,
	    word);
	return CTL_USAGE;
}

/* How often to look; false when it is no number that makes sense. */
static bool
take_seconds(double *out, const char *text)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && *out >= WATCH_LEAST &&
	    *out <= WATCH_MOST)
		return true;
	fprintf(stderr, "sallyportctl: --watch=%s: say seconds, such as 0.5\n",
	    text);
	return false;
}

/* One option; false when the line makes no sense. */
static bool
take_option(struct arguments *a, int c)
{
	if (c == 's')
		a->call.socket = optarg;
	else if (c == 'j')
		a->call.json = true;
	else if (c == OPTION_WATCH)
		return take_seconds(&a->watch, optarg == NULL ? "2" : optarg);
	else if (c >= OPTION_PARAM)
		return command_add(&a->call, params[c - OPTION_PARAM],
		    optarg == NULL ? "1" : optarg);
	else if (c == 'V') {
		puts("sallyportctl " PACKAGE_VERSION);
		a->exit = CTL_OK;
	} else if (c == 'h') {
		fputs(usage, stdout);
		a->exit = CTL_OK;
	} else {
		return false;
	}
	return true;
}

/* The words: a command and what belongs to it. CTL_OK or CTL_USAGE. */
static int
take_words(struct arguments *a, char **words, int count)
{
	const struct command *c;
	int n;

	if (count == 0)
		return bad_usage("which command?", "");
	c = command_find(words[0]);
	if (c == NULL)
		return bad_usage("no such command: ", words[0]);
	a->call.command = c;
	for (n = 0; n < 2 && c->words[n] != NULL; n++) {
		if (n + 1 >= count)
			return bad_usage("missing: ", c->words[n]);
		if (!command_add(&a->call, c->words[n], words[n + 1]))
			return bad_usage("too many parameters", "");
	}
	if (n + 1 < count)
		return bad_usage("one word too many: ", words[n + 1]);
	if (a->watch > 0 && strcmp(c->method, "GET") != 0)
		return bad_usage("--watch only looks, it cannot ", c->name);
	return CTL_OK;
}

/* Shows it again and again until it cannot be shown any more. */
static int
watch(const struct arguments *a)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	struct timespec pause;
	int code;

	pause.tv_sec = (time_t)a->watch;
	pause.tv_nsec = (long)((a->watch - (double)pause.tv_sec) * 1e9);
	for (;;) {
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		code = command_run(&a->call);
		if (code > CTL_REFUSED)
			return code;
		nanosleep(&pause, NULL);
	}
}

int
main(int argc, char **argv)
{
	struct arguments a = { .exit = -1 };
	int code;
	int c;

	a.call.socket = getenv("SALLYPORT_SOCKET");
	if (a.call.socket == NULL || a.call.socket[0] == '\0')
		a.call.socket = DEFAULT_SOCKET;
	while ((c = getopt_long(argc, argv, "s:jVh", options, NULL)) != -1) {
		if (!take_option(&a, c)) {
			fputs("see sallyportctl --help\n", stderr);
			return CTL_USAGE;
		}
		if (a.exit != -1)
			return a.exit;
	}
	code = take_words(&a, argv + optind, argc - optind);
	if (code != CTL_OK)
		return code;
	return a.watch > 0 ? watch(&a) : command_run(&a.call);
}
