/* SPDX-License-Identifier: ISC */
/*
 * The commands of sallyportctl: what each one takes, asks the daemon for and
 * prints. --help, and a test of the manual and the shell completions, come from
 * the same table.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl/client.h"
#include "ctl/show.h"

/* Exit codes. */
#define CTL_OK 0
#define CTL_REFUSED 1 /* the daemon refused, or nothing was found */
#define CTL_ABSENT 3 /* no daemon answers */
#define CTL_USAGE 64 /* EX_USAGE */

/* The socket to ask when neither -s nor SALLYPORT_SOCKET names one. */
#define CTL_SOCKET "/run/sallyport/admin.sock"

#define CTL_PARAMS_MAX 16

struct command {
	const char *name;
	const char *method; /* "GET" for commands that change nothing */
	const char *path;
	const char *words[2]; /* parameters given as plain words, in order */
	const char *options; /* its long options, a blank around each */
	const char *filter_option; /* those that take the place of the words,
				    * a blank around each; NULL: none */
	const char *synopsis; /* the arguments, for --help */
	const char *summary; /* one line */
	const char *help; /* more, several lines; may be "" */
	show_fn *show; /* NULL: print the body as it is */
};

struct command_param {
	const char *key; /* of the query */
	const char *value;
	const char *option; /* the long option; NULL for a plain word */
};

/* What the command line asks for. */
struct command_call {
	const char *socket;
	const struct command *command;
	struct command_param params[CTL_PARAMS_MAX];
	size_t param_count;
	bool json;
};

/* The command called `name', or NULL. */
const struct command *command_find(const char *name);

/* True if the command has the long option `option'. */
bool command_takes(const struct command *c, const char *option);

/* The value of a parameter, or NULL. */
const char *command_value(const struct command_call *call, const char *key);

/* True if the call takes its values from a file or from standard input. */
bool command_is_list(const struct command_call *call);

/* True if the call has an option that takes the place of the plain words. */
bool command_has_filter(const struct command_call *call);

/* Prints the general help, or that of one command. */
void command_help(FILE *f, const struct command *c);

/* Adds a parameter to the call. False if there are too many. */
bool command_add(struct command_call *call, const struct command_param *param);

/* An answer of the daemon. */
struct command_answer {
	struct client_answer raw;
	json_t
	    *json; /* owned; NULL: the body is not JSON, or not meant to be */
};

/* Asks the daemon and returns the exit code. CTL_ABSENT: the reason has been
 * printed, and there is nothing to free. */
int command_ask(const struct command_call *call, struct command_answer *out);

/* Prints the answer, errors to stderr. */
void command_print(FILE *f, const struct command_call *call,
    const struct command_answer *a);

/* Frees what the answer owns. */
void command_answer_fini(struct command_answer *a);

/* Flushes standard output. Returns `code', or the exit code of an error, which
 * has been printed, if not all of the output could be written. */
int command_written(int code);

/* Asks the daemon, prints the answer and returns the exit code. */
int command_run(const struct command_call *call);

/* Does the same for a call that takes its values from a file or from standard
 * input (list.c). */
int list_run(const struct command_call *call);

#endif
