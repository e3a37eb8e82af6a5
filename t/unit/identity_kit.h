/* SPDX-License-Identifier: ISC */
/*
 * Certificates made by hand for the identity tests. One is written as text,
 * an attribute or alternative name in each line:
 *
 *     CN utf8 'device-001'       the subject's next RDN
 *     + OU printable 'a'         the same RDN
 *     issuer.CN utf8 'Some CA'   the same of the issuer (default: Test CA)
 *     1.2.3 other 0500           OID as hex: see the code
 *     dns 'a.example'            SubjectAltName: dns, uri, email, ip
 *     serial 00ff                and der, sha256, spki, notafter (decimal)
 *
 * Values are hex, or 'text in quotes', or both.
 */
#ifndef UNIT_IDENTITY_KIT_H
#define UNIT_IDENTITY_KIT_H

#include "domain/cert.h"
#include "mqtt/connect.h"

#define IDENTITY_KIT_MANY 32

struct identity_kit {
	struct cert cert;
	struct cert_attr subject[IDENTITY_KIT_MANY];
	struct cert_attr issuer[IDENTITY_KIT_MANY];
	struct cert_san sans[IDENTITY_KIT_MANY];
	uint8_t issuer_certs[1][CERT_SHA256_LEN];
	uint8_t cas[4][CERT_SHA256_LEN];
	void *owned[8 * IDENTITY_KIT_MANY];
	size_t owned_count;
};

/* Makes the certificate that `text' says; every value is an allocation of
 * exactly its size. Dies on a text it does not understand. */
void identity_kit_init(struct identity_kit *k, const char *text);

void identity_kit_fini(struct identity_kit *k);

/* A CONNECT as parsed; NULL: the field is not there. */
struct mqtt_connect identity_kit_connect(enum mqtt_level level,
    const char *client_id, const char *username, const char *password);

#endif
