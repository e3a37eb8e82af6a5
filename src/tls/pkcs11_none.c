/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: it is built instead of pkcs11.c where there is no p11-kit,
 * as in a static program, which can load no modules.
 */
#include "tls/pkcs11.h"

#include <stdio.h>

enum err
tls_pkcs11_new(struct tls_pkcs11 **out, const char *uri, EVP_PKEY *public,
    char why[TLS_PKCS11_WHY_MAX])
{
	(void)uri;
	(void)public;
	*out = NULL;
	snprintf(why, TLS_PKCS11_WHY_MAX,
	    "this program was built without PKCS#11 (use one that is built "
	    "with p11-kit, which a static program cannot be)");
	return ERR_CONFIG;
}

void
tls_pkcs11_free(struct tls_pkcs11 *p)
{
	(void)p;
}

enum err
tls_pkcs11_open(struct tls_pkcs11_session **out, const struct tls_pkcs11 *p,
    char why[TLS_PKCS11_WHY_MAX])
{
	(void)p;
	*out = NULL;
	why[0] = '\0';
	return ERR_CLOSED;
}

void
tls_pkcs11_close(struct tls_pkcs11_session *s)
{
	(void)s;
}

enum err
tls_pkcs11_sign(struct tls_pkcs11_session *s, const struct tls_digest *digest,
    struct tls_signature *out, char why[TLS_PKCS11_WHY_MAX])
{
	(void)s;
	(void)digest;
	(void)out;
	why[0] = '\0';
	return ERR_CLOSED;
}

void
tls_pkcs11_finish(void)
{
}
