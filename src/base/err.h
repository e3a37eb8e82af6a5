/*
 * Error numbers every layer shares, and the three answers of a codec.
 *
 * Functions report up; only the place that gives up logs. What went wrong in
 * a configuration, where a sentence is needed, goes into a struct report.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Every function that returns one of these must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define ERRS(X) \
	X(OK, "no error") \
	X(ERR_NO_MEMORY, "out of memory") \
	X(ERR_SYSTEM, "system call failed") \
	X(ERR_LIMIT, "over its limit") \
	X(ERR_MALFORMED, "malformed") \
	X(ERR_NOT_FOUND, "not found") \
	X(ERR_EXISTS, "already there") \
	X(ERR_IRREGULAR, "not a regular file") \
	X(ERR_CONFIG, "configuration refused") \
	X(ERR_TLS, "TLS failed") \
	X(ERR_CLOSED, "closed by the other side") \
	X(ERR_RESET, "connection reset") \
	X(ERR_TIMEOUT, "took too long") \
	X(ERR_PROTOCOL, "protocol violated") \
	X(ERR_RESOLVE, "name does not resolve") \
	X(ERR_REFUSED, "refused")

enum err {
#define X(id, text) id,
	ERRS(X)
#undef X
	ERR_COUNT
};

/* What a codec says of the bytes it was given. */
enum parse {
	PARSE_OK, /* one whole unit was read */
	PARSE_MORE, /* good so far, more bytes are needed */
	PARSE_BAD /* no continuation can make these bytes good */
};

/* The English of `err'; never NULL, static. */
const char *err_text(enum err err);

#endif
