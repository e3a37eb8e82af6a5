/* SPDX-License-Identifier: ISC */
/*
 * sallyportctl: arguments and exit codes. The commands are in command.c and
 * described in sallyportctl(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/watch.h"

/* Values of long options without a letter. Those from OPTION_PARAM on are
 * parameters of the query and index the table `params'. */
enum long_option {
	OPTION_WATCH = 256,
	OPTION_PARAM
};

/* The range of --watch, in seconds. */
#define WATCH_MIN 0.01
#define WATCH_MAX 86400

struct arguments {
	struct command_call call;
	double watch; /* seconds; 0: run once */
	bool help;
	bool version;
};

/* Parameters of the query and their long options. */
#define PARAMS(X) \
	X("user", "user", required_argument) \
	X("client_id", "client-id", required_argument) \
	X("cert", "cert", required_argument) \
	X("peer", "peer", required_argument) \
	X("listener", "listener", required_argument) \
	X("backend", "backend", required_argument) \
	X("sort", "sort", required_argument) \
	X("min_age", "min-age", required_argument) \
	X("max_age", "max-age", required_argument) \
	X("sid", "sid", required_argument) \
	X("limit", "limit", required_argument) \
	X("until", "until", required_argument) \
	X("for", "for", required_argument) \
	X("from", "from", required_argument) \
	X("stdin", "stdin", no_argument) \
	X("dry_run", "dry-run", no_argument) \
	X("local", "local", no_argument) \
	X("match", "match", required_argument) \
	X("expired", "expired", required_argument) \
	X("offset", "offset", required_argument) \
	X("reason", "reason", required_argument) \
	X("as", "as", required_argument) \
	X("who", "who", required_argument) \
	X("all", "all", no_argument) \
	X("fleet", "fleet", optional_argument)

static const struct {
	const char *key;
	const char *option;
	int argument;
} params[] = {
#define X(key, option, argument) { key, option, argument },
	PARAMS(X)
#undef X
};
#define PARAM_COUNT (sizeof(params) / sizeof(params[0]))

static const struct option plain_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "watch", optional_argument, NULL, OPTION_WATCH },
};
#define PLAIN_COUNT (sizeof(plain_options) / sizeof(plain_options[0]))

/* Fills `out', of PLAIN_COUNT + PARAM_COUNT + 1 rows, for getopt_long(). */
static void
make_options(struct option *out)
{
	size_t i;

	memcpy(out, plain_options, sizeof(plain_options));
	for (i = 0; i < PARAM_COUNT; i++)
		out[PLAIN_COUNT + i] = (struct option){ params[i].option,
			params[i].argument, NULL, OPTION_PARAM + (int)i };
	memset(&out[PLAIN_COUNT + i], 0, sizeof(*out));
}

static int
bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "sallyportctl: %s%s (see sallyportctl --help)\n", what,
	    word);
	return CTL_USAGE;
}

/* Reads the interval of --watch. False if it is not a sensible number. */
static bool
take_seconds(double *out, const char *text)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && *out >= WATCH_MIN &&
	    *out <= WATCH_MAX)
		return true;
	fprintf(stderr,
	    "sallyportctl: --watch=%s: give seconds, for example 0.5\n", text);
	return false;
}

static bool
take_param(struct arguments *a, size_t i)
{
	/* All replicas, if --fleet names none. */
	const char *plain = params[i].argument == optional_argument ? "*" : "1";
	const struct command_param param = { params[i].key,
		optarg == NULL ? plain : optarg, params[i].option };

	if (command_add(&a->call, &param))
		return true;
	fputs("sallyportctl: too many options\n", stderr);
	return false;
}

/* Takes one option. False if the command line is wrong. */
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
		return take_param(a, (size_t)(c - OPTION_PARAM));
	else if (c == 'V')
		a->version = true;
	else if (c == 'h')
		a->help = true;
	else
		return false;
	return true;
}

/* Checks that the command has every option that was given. */
static int
check_options(const struct arguments *a)
{
	const struct command *c = a->call.command;
	const char *option;
	size_t i;

	for (i = 0; i < a->call.param_count; i++) {
		option = a->call.params[i].option;
		if (option == NULL || command_takes(c, option))
			continue;
		fprintf(stderr,
		    "sallyportctl: %s has no --%s (see sallyportctl %s "
		    "--help)\n",
		    c->name, option, c->name);
		return CTL_USAGE;
	}
	if (a->watch > 0 && !command_takes(c, "watch"))
		return bad_usage("--watch repeats only commands that change "
				 "nothing, not ",
		    c->name);
	return CTL_OK;
}

/* The plain words that a call needs, and may have. A list has its values from a
 * file, of one KIND or of several; filters take the place of both. */
static void
count_words(const struct arguments *a, int *min, int *max)
{
	const struct command *c = a->call.command;

	*max = (c->words[0] != NULL) + (c->words[1] != NULL);
	*min = *max;
	if (command_is_list(&a->call)) {
		*min = 0;
		*max = 1;
	} else if (c->filter_option != NULL && command_has_filter(&a->call)) {
		*min = *max = 0;
	}
}

/* Takes the plain words: a command and its arguments. CTL_OK or CTL_USAGE. */
static int
take_words(struct arguments *a, char **words, int count)
{
	struct command_param param = { NULL, NULL, NULL };
	const struct command *c = a->call.command;
	int min, max, n;

	count_words(a, &min, &max);
	for (n = 0; n < max; n++) {
		if (n >= count && n >= min)
			break;
		if (n >= count) {
			fprintf(stderr,
			    "sallyportctl: an argument is missing: %s %s (see "
			    "sallyportctl %s --help)\n",
			    c->name, c->synopsis, c->name);
			return CTL_USAGE;
		}
		param.key = c->words[n];
		param.value = words[n];
		if (!command_add(&a->call, &param))
			return bad_usage("too many options", "");
	}
	if (n < count && command_takes(c, "user"))
		return bad_usage("write --user or --client-id before ",
		    words[n]);
	if (n < count)
		return bad_usage("unexpected argument: ", words[n]);
	return CTL_OK;
}

/* Runs what the arguments ask for; `words' are those that are no options. */
static int
run(struct arguments *a, char **words, int count)
{
	int code;

	if (a->version) {
		puts("sallyportctl " PACKAGE_VERSION);
		return CTL_OK;
	}
	if (count > 0) {
		a->call.command = command_find(words[0]);
		if (a->call.command == NULL)
			return bad_usage("no such command: ", words[0]);
	}
	if (a->help) {
		command_help(stdout, a->call.command);
		return CTL_OK;
	}
	if (count == 0)
		return bad_usage("which command?", "");
	code = take_words(a, words + 1, count - 1);
	if (code == CTL_OK)
		code = check_options(a);
	if (code != CTL_OK)
		return code;
	if (command_is_list(&a->call))
		return list_run(&a->call);
	return a->watch > 0 ? watch_run(&a->call, a->watch)
			    : command_run(&a->call);
}

int
main(int argc, char **argv)
{
	struct option options[PLAIN_COUNT + PARAM_COUNT + 1];
	struct arguments a = { 0 };
	int c;

	make_options(options);
	a.call.socket = getenv("SALLYPORT_SOCKET");
	if (a.call.socket == NULL || a.call.socket[0] == '\0')
		a.call.socket = CTL_SOCKET;
	while ((c = getopt_long(argc, argv, "s:jVh", options, NULL)) != -1) {
		if (!take_option(&a, c)) {
			fputs("see sallyportctl --help\n", stderr);
			return CTL_USAGE;
		}
	}
	return run(&a, argv + optind, argc - optind);
}
