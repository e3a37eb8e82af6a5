/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: everything in it comes from the headers of the TLS library
 * and from configure.
 */
#include "tls/library.h"

#include <openssl/base.h>
#include <openssl/ssl.h>

#ifdef SSL_GROUP_X25519_MLKEM768
#define POST_QUANTUM true
#else
#define POST_QUANTUM false
#endif

static const struct tls_library library = {
	.name = "BoringSSL",
	.api = BORINGSSL_API_VERSION,
	.source = SP_BORINGSSL_SOURCE,
	.post_quantum = POST_QUANTUM,
	.old = BORINGSSL_API_VERSION < TLS_LIBRARY_CURRENT_API,
};

const struct tls_library *
tls_library(void)
{
	return &library;
}
