/*
 * How tls/ complains of what the options name: by the option and a sentence.
 * Where the option stands in the file is known to whoever listens.
 */
#ifndef TLS_LOAD_REPORT_H
#define TLS_LOAD_REPORT_H

#include "base/err.h"

/* Who listens. `option' is a key of [tls]; both strings die with the call. */
struct tls_load_report {
	/* What refuses the configuration. */
	void (*refuse)(void *arg, const char *option, const char *text);
	/* What works, but should be looked at. */
	void (*warn)(void *arg, const char *option, const char *text);
	void *arg; /* borrowed */
};

/* Complains of `option', formatted as printf does. Returns ERR_CONFIG. */
enum err tls_load_error(const struct tls_load_report *say, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Warns of `option', formatted as printf does. */
void tls_load_warning(const struct tls_load_report *say, const char *option,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
