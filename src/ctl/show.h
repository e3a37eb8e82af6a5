/* SPDX-License-Identifier: ISC */
/*
 * Prints the daemon's answers for people.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdio.h>

/* Each prints the answer to one command. */
void show_status(FILE *f, json_t *answer);
void show_sessions(FILE *f, json_t *answer);
void show_sessions_rates(FILE *f, json_t *answer); /* with up_s and down_s */
void show_kicked(FILE *f, json_t *answer);
void show_denied(FILE *f, json_t *answer);
void show_change(FILE *f, json_t *answer);
void show_reload(FILE *f, json_t *answer);
void show_certs(FILE *f, json_t *answer);
void show_drain(FILE *f, json_t *answer);
void show_log(FILE *f, json_t *answer);
typedef void show_fn(FILE *f, json_t *answer);

/* Prints an answer's error and complaints to stderr. */
void show_error(json_t *answer);

#endif
