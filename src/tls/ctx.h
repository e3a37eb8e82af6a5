/* SPDX-License-Identifier: ISC */
/*
 * One [tls NAME] profile in force: server certificates, client CAs, CRLs and
 * everything else that a handshake needs. It never changes once it is built;
 * it is reference-counted and used by all workers at once. A reload, also of a
 * CRL alone, builds a new one. It knows nothing about connections: see
 * stream_tls.h.
 */
#ifndef TLS_CTX_H
#define TLS_CTX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/choices.h"
#include "config/types.h"
#include "domain/cert.h"
#include "domain/reason.h"
#include "tls/crl.h"
#include "tls/tickets.h"

/* What to build. Paths are absolute. Borrowed during the call. */
struct tls_options {
	struct config_list certificates; /* PEM chains, leaf first */
	struct config_list private_keys; /* one for each certificate */
	struct config_list client_cas; /* PEM or DER files */
	struct config_list crls; /* files or directories; may be empty */
	struct config_list ocsp_responses; /* one a certificate; may be empty */
	struct config_list groups; /* empty: the default */
	const char *ciphers; /* TLS 1.2, OpenSSL's notation; "": default */
	enum config_client_certificate client_certificate;
	enum config_crl_policy crl_policy;
	int64_t crl_grace; /* seconds after nextUpdate, for _GRACE */
	enum config_tls_version min_version;
	enum config_tls_version max_version;
	bool session_tickets;
	bool send_ca_names; /* tell clients the names of the client CAs */
	uint16_t record_max; /* most plaintext of a record; 0: 16384 */
};

struct tls_ctx;
struct tls_load_report;

/*
 * Reads the files and builds a profile with a reference count of one.
 *
 * `tickets' may be shared by profiles and reloads; the profile takes a
 * reference. NULL: the profile makes keys of its own. `previous' (borrowed, may
 * be NULL) is the profile that this one will replace; its CRLs stay in force
 * where the new ones are older.
 *
 * ERR_CONFIG after every error was reported to `report', or ERR_NO_MEMORY; *out
 * is NULL then. Warnings may be reported with OK too: about things that work
 * but should be looked at, such as an expired CRL or a private key that others
 * can read.
 */
enum err tls_ctx_new(struct tls_ctx **out, const struct tls_options *o,
    struct tls_tickets *tickets, const struct tls_ctx *previous,
    const struct tls_load_report *report) MUST_CHECK;

/* Adds a reference and returns `ctx'. Any thread. */
struct tls_ctx *tls_ctx_get(struct tls_ctx *ctx);

/* Drops a reference; the last one frees. Any thread. NULL is allowed. */
void tls_ctx_put(struct tls_ctx *ctx);

/*
 * After the start has given up its rights: lets threads ask the tokens of keys
 * from now on, and asks each token of the profile once. What fails is logged;
 * it may work later.
 */
void tls_ctx_start_pkcs11(const struct tls_ctx *ctx);

/* Returns the profile's CRLs, borrowed; NULL if none are configured. */
const struct crl_set *tls_ctx_crls(const struct tls_ctx *ctx);

/* Returns true if both profiles judge every certificate alike, apart from
 * dates. */
bool tls_ctx_judges_alike(const struct tls_ctx *a, const struct tls_ctx *b);

/* What a certificate of the profile is used for. */
enum tls_cert_role {
	TLS_CERT_SERVER,
	TLS_CERT_CLIENT_CA
};

/* One certificate of the profile. Valid during the call only. */
struct tls_cert_info {
	enum tls_cert_role role;
	const char *file;
	int64_t not_before; /* seconds since 1970 */
	int64_t not_after;
	const uint8_t *sha256; /* CERT_SHA256_LEN bytes, of the DER */
};

/* Calls `each' for every certificate that the server sends, also those of
 * CAs, and for every client CA. */
void tls_ctx_each_cert(const struct tls_ctx *ctx,
    void (*each)(const struct tls_cert_info *info, void *arg), void *arg);

/*
 * Returns how a handshake with the certificates in the PEM or DER file `path'
 * (leaf first, then intermediates) would end now: REASON_NONE, or why it would
 * be refused. *detail says more or is NULL; it is
 * valid until the next call in this thread. *out receives the
 * leaf's facts if they can be read, else NULL; free them with tls_facts_free().
 * `readable' tells whether the file could be read: OK, ERR_SYSTEM with errno,
 * ERR_MALFORMED, ERR_NO_MEMORY.
 */
enum reason tls_ctx_explain(const struct tls_ctx *ctx, const char *path,
    struct cert **out, const char **detail, enum err *readable);

/*
 * Fills `ca', as cert.cas has it, from the one certificate in the PEM or DER
 * file `path'. ERR_SYSTEM with errno, ERR_NOT_FOUND, ERR_MALFORMED, ERR_LIMIT
 * (the file holds several), ERR_NO_MEMORY.
 */
enum err tls_ca_read(const char *path, uint8_t ca[CERT_SHA256_LEN]) MUST_CHECK;

/* Room for the name of a CA as text. */
#define TLS_CA_TEXT_MAX 128

/*
 * Returns the name, in `name', of a CA of client_ca that may make CAs below it,
 * which then choose the issuer's name of their certificates; NULL if none may.
 */
const char *tls_ctx_delegating_ca(const struct tls_ctx *ctx,
    char name[TLS_CA_TEXT_MAX]);

/* True if the profile's client_ca holds a certificate of that CA. */
bool tls_ctx_trusts(const struct tls_ctx *ctx,
    const uint8_t ca[CERT_SHA256_LEN]);

#endif
