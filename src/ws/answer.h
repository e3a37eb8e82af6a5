/*
 * The HTTP answers to an upgrade request: what each verdict of upgrade.h is
 * called in HTTP and in our log.
 */
#ifndef WS_ANSWER_H
#define WS_ANSWER_H

#include <stddef.h>

#include "domain/reason.h"
#include "ws/upgrade.h"

/* The longest answer. */
#define WS_ANSWER_MAX 512

/*
 * Writes the answer to a request that was read to OK or BAD: 101, or the
 * refusal with a line of help and Connection: close. `out' takes
 * WS_ANSWER_MAX bytes; returns how many were used.
 */
size_t ws_answer_write(const struct ws_upgrade *u, char *out);

/* The close reason of a verdict; REASON_NONE for WS_VERDICT_ACCEPT. */
enum reason ws_answer_reason(enum ws_verdict verdict);

/* The HTTP status of a verdict. */
int ws_answer_status(enum ws_verdict verdict);

#endif
