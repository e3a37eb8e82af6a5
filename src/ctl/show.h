/*
 * The daemon's answers for people.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdio.h>

/* Each prints one command's answer. */
typedef void show_fn(FILE *f, json_t *answer);
show_fn show_status;
show_fn show_sessions;
show_fn show_kicked;
show_fn show_denied;
show_fn show_reload;
show_fn show_certs;
show_fn show_drain;
show_fn show_log;

/* Prints an answer's error, and its complaints, to stderr. */
void show_error(json_t *answer);

#endif
