/* SPDX-License-Identifier: ISC */
/*
 * The error numbers of all layers, and the three results of a codec.
 *
 * A function reports errors to its caller; only the code that gives up logs
 * them. Faults of a configuration, which need a sentence each, are collected
 * in a struct report (base/report.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* The result of such a function must not be ignored. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define ERRS(X) \
	X(OK, "no error") \
	X(ERR_NO_MEMORY, "out of memory") \
	X(ERR_SYSTEM, "system call failed") \
	X(ERR_LIMIT, "limit exceeded") \
	X(ERR_MALFORMED, "malformed") \
	X(ERR_NOT_FOUND, "not found") \
	X(ERR_EXISTS, "exists already") \
	X(ERR_IRREGULAR, "not a regular file") \
	X(ERR_SANDBOX, "denied by the sandbox") \
	X(ERR_CONFIG, "configuration refused") \
	X(ERR_TLS, "TLS failed") \
	X(ERR_CLOSED, "closed by the other side") \
	X(ERR_RESET, "connection reset") \
	X(ERR_TIMEOUT, "timed out") \
	X(ERR_PROTOCOL, "protocol violation") \
	X(ERR_RESOLVE, "name does not resolve") \
	X(ERR_REFUSED, "refused") \
	X(ERR_BLOCKED, "takes no connection now")

enum err {
#define X(id, text) id,
	ERRS(X)
#undef X
	ERR_COUNT
};

/* The result of a codec for the bytes it was given. */
enum parse {
	PARSE_OK, /* one complete unit was read */
	PARSE_MORE, /* valid so far, but more bytes are needed */
	PARSE_BAD /* invalid, whatever follows */
};

/* The English text of `err'; never NULL, static. */
const char *err_text(enum err err);

#endif
