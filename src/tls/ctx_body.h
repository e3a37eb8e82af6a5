/* SPDX-License-Identifier: ISC */
/*
 * The contents of a profile. For tls/ only.
 */
#ifndef TLS_CTX_BODY_H
#define TLS_CTX_BODY_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/ctx.h"
#include "tls/hello.h"
#include "tls/keypair.h"
#include "tls/trust.h"

struct tls_ctx {
	atomic_uint refs;
	SSL_CTX *ssl; /* owned; each connection holds its own reference */
	struct tls_keypair *pairs; /* owned, at least one */
	size_t pair_count;
	struct tls_trust *trust; /* owned */
	struct tls_verified_cache *verified; /* owned */
	struct tls_groups groups;
	uint16_t record_max; /* most plaintext of a record */
	struct tls_tickets *tickets; /* counted; NULL: no tickets */
	enum config_client_certificate client_certificate;
	enum config_crl_policy crl_policy;
	int64_t crl_grace; /* seconds */
	uint8_t session_id[CERT_SHA256_LEN]; /* what tickets are bound to */
	struct crl_set *crls; /* owned; NULL: none configured */
};

#endif
