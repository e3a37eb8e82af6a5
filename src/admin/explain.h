/* SPDX-License-Identifier: ISC */
/*
 * `sallyport explain': what the daemon would decide about a certificate and a
 * CONNECT, step by step, with the daemon's own code and files.
 */
#ifndef ADMIN_EXPLAIN_H
#define ADMIN_EXPLAIN_H

#include <stdbool.h>

struct explain_options {
	const char *file; /* the configuration */
	const char *listener; /* its NAME; NULL: the first one */
	const char *cert; /* PEM or DER, leaf first; "none": no certificate */
	const char *connect; /* a file with one CONNECT; NULL: a plain one */
	const char *peer; /* the client's address; NULL: 127.0.0.1 */
	const char *sni; /* the server name it asks for; NULL: none */
	bool json; /* one JSON object instead of lines */
};

/*
 * Prints every step and its outcome, the value of each template variable, and
 * the packet that the broker would get. Returns the exit code: 0 admitted,
 * 1 refused, 78 if a file is at fault.
 */
int explain_run(const struct explain_options *o);

#endif
