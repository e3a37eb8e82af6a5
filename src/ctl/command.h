/*
 * The words of sallyportctl and what they ask of the daemon.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>

#include "ctl/show.h"

/* Exit codes. */
#define CTL_OK 0
#define CTL_REFUSED 1 /* the daemon refused, or nothing was found */
#define CTL_USAGE 2
#define CTL_ABSENT 3 /* no daemon */

#define CTL_PARAMS_MAX 16

struct command {
	const char *name;
	const char *method;
	const char *path;
	const char *words[2]; /* parameters given as plain words, in order */
	show_fn *show; /* NULL: print the body as it is */
};

struct command_param {
	const char *key;
	const char *value;
};

/* What the command line asks for. */
struct command_call {
	const char *socket;
	const struct command *command;
	struct command_param params[CTL_PARAMS_MAX];
	size_t param_count;
	bool json;
};

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Adds a parameter; false when there are too many. */
bool command_add(struct command_call *call, const char *key, const char *value);

/* Asks the daemon and prints; returns the exit code. */
int command_run(const struct command_call *call);

#endif
