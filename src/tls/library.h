/* SPDX-License-Identifier: ISC */
/*
 * Which TLS library is linked in. -V, the log, the status page and the metrics
 * name it, because a static library is updated only together with the program.
 */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

#include <stdbool.h>

struct tls_library {
	const char *name; /* "BoringSSL" */
	int api; /* BORINGSSL_API_VERSION of its headers */
	const char *source; /* the package and version, or the folder */
	bool post_quantum; /* it can negotiate X25519MLKEM768 */
	bool old; /* its API is older than TLS_LIBRARY_CURRENT_API */
};

/* Older versions lack X25519MLKEM768 and the security fixes since 2023. */
#define TLS_LIBRARY_CURRENT_API 20

/* Static, constant. Any thread. */
const struct tls_library *tls_library(void);

#endif
