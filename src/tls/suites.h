/* SPDX-License-Identifier: ISC */
/*
 * The cipher suites that a handshake may agree on, numbered without gaps so
 * that each can have a counter. Columns: id; IANA number; TLS version; IANA
 * name, of which the id is a short form. NONE: nothing agreed yet. RSA_: RSA
 * key transport, without forward secrecy. OTHER: suites that cannot be
 * configured here, those with a pre-shared key and the one without encryption.
 * The functions are in tls/handshake.c.
 */
#ifndef TLS_SUITES_H
#define TLS_SUITES_H

#include <stdint.h>

#define TLS_SUITES(X) \
	X(NONE, 0, "none", "none") \
	X(13_AES_128_GCM, 0x1301, "1.3", "TLS_AES_128_GCM_SHA256") \
	X(13_AES_256_GCM, 0x1302, "1.3", "TLS_AES_256_GCM_SHA384") \
	X(13_CHACHA20, 0x1303, "1.3", "TLS_CHACHA20_POLY1305_SHA256") \
	X(ECDHE_ECDSA_AES_128_GCM, 0xc02b, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256") \
	X(ECDHE_ECDSA_AES_256_GCM, 0xc02c, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384") \
	X(ECDHE_ECDSA_CHACHA20, 0xcca9, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256") \
	X(ECDHE_ECDSA_AES_128_CBC, 0xc009, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA") \
	X(ECDHE_ECDSA_AES_256_CBC, 0xc00a, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA") \
	X(ECDHE_RSA_AES_128_GCM, 0xc02f, "1.2", \
	    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256") \
	X(ECDHE_RSA_AES_256_GCM, 0xc030, "1.2", \
	    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384") \
	X(ECDHE_RSA_CHACHA20, 0xcca8, "1.2", \
	    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256") \
	X(ECDHE_RSA_AES_128_CBC, 0xc013, "1.2", \
	    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA") \
	X(ECDHE_RSA_AES_256_CBC, 0xc014, "1.2", \
	    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA") \
	X(ECDHE_ECDSA_AES_128_CBC_SHA256, 0xc023, "1.2", \
	    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256") \
	X(ECDHE_RSA_AES_128_CBC_SHA256, 0xc027, "1.2", \
	    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256") \
	X(RSA_AES_128_GCM, 0x009c, "1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256") \
	X(RSA_AES_256_GCM, 0x009d, "1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384") \
	X(RSA_AES_128_CBC, 0x002f, "1.2", "TLS_RSA_WITH_AES_128_CBC_SHA") \
	X(RSA_AES_256_CBC, 0x0035, "1.2", "TLS_RSA_WITH_AES_256_CBC_SHA") \
	X(RSA_3DES, 0x000a, "1.2", "TLS_RSA_WITH_3DES_EDE_CBC_SHA") \
	X(OTHER, 0xffff, "other", "other")

enum tls_suite {
#define X(id, number, version, name) TLS_SUITE_##id,
	TLS_SUITES(X)
#undef X
	TLS_SUITE_COUNT
};

/* Returns the suite with that IANA number; OTHER if it is not in the list. */
enum tls_suite tls_suite_find(uint16_t number);

/* Returns the IANA name; static. */
const char *tls_suite_name(enum tls_suite suite);

/* Returns the TLS version that the suite belongs to, "1.2" or "1.3"; static. */
const char *tls_suite_version(enum tls_suite suite);

#endif
