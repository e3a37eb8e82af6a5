/*
 * Whose session it is: what log, list, kick and sweep need to know of it for as
 * long as it lives. What else the certificate says can be asked of the TLS
 * stream again, so it is not kept.
 */
#ifndef SESSION_IDENTITY_H
#define SESSION_IDENTITY_H

#include "identity/decide.h"

/* One allocation; all names are in text. */
struct session_identity {
	uint8_t
	    sha256[CERT_SHA256_LEN]; /* of the certificate, if there is one */
	int64_t not_after; /* the chain's first; INT64_MAX without one */
	struct identity_rules *rules; /* counted: the profile that judged */
	bool has_certificate;
	struct slice username; /* as the broker knows it */
	struct slice client_id;
	/* What the client called itself, as much of it as is logged; data is
	 * NULL where it gave no name. */
	struct slice claimed_username;
	struct slice claimed_id;
	uint8_t text[];
};

/* Made of what the verdict was made of; takes a count of `rules'. NULL: out of
 * memory. */
struct session_identity *session_identity_new(struct identity_rules *rules,
    const struct cert *cert, const struct mqtt_connect *c,
    const struct identity_verdict *v);

/* NULL is fine. */
void session_identity_free(struct session_identity *w);

#endif
