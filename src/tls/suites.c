/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: the handshake, the counters and the status page share the
 * list.
 */
#include "tls/suites.h"

static const struct {
	uint16_t number;
	const char *version;
	const char *name;
} suites[TLS_SUITE_COUNT] = {
#define X(id, number, version, name) { number, version, name },
	TLS_SUITES(X)
#undef X
};

enum tls_suite
tls_suite_find(uint16_t number)
{
	int i;

	for (i = TLS_SUITE_NONE + 1; i < TLS_SUITE_OTHER; i++)
		if (suites[i].number == number)
			return (enum tls_suite)i;
	return TLS_SUITE_OTHER;
}

const char *
tls_suite_name(enum tls_suite suite)
{
	return suites[suite].name;
}

const char *
tls_suite_version(enum tls_suite suite)
{
	return suites[suite].version;
}
