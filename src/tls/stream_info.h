/*
 * What can be asked of a TLS stream: why it failed, what was agreed, whose
 * certificate it is, and whether that would still be let in.
 */
#ifndef TLS_STREAM_INFO_H
#define TLS_STREAM_INFO_H

#include <stdbool.h>

#include "base/slice.h"
#include "domain/cert.h"
#include "domain/reason.h"
#include "io/stream.h"
#include "tls/ctx.h"
#include "tls/suite.h"

/*
 * Why STREAM_BROKEN came or STREAM_ERROR was returned: a reason, and a word
 * more in `*detail': the name of an alert or an error, static; NULL if there
 * is none. REASON_NONE while nothing is wrong.
 */
void tls_stream_failure(const struct stream *s, enum reason *reason,
    const char **detail);

/* What was agreed. All text is static or lives as long as the stream. */
struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher; /* "TLS_AES_128_GCM_SHA256" */
	enum tls_suite suite; /* the same as a number without gaps */
	const char *group; /* "X25519"; "" when not known */
	const char *sni; /* "" when the client named no server */
	struct slice alpn; /* empty when none was agreed */
	bool resumed;
};

/* Fills `*info' for an open stream; for one that broke in the handshake too,
 * and then what was not agreed yet is "" and TLS_SUITE_NONE. */
void tls_stream_info(const struct stream *s, struct tls_info *info);

/* The facts of the client's verified certificate, with the hashes of its
 * chain; borrowed until they are taken or shed. NULL when it sent none, was
 * refused, or they are gone. */
const struct cert *tls_stream_cert(const struct stream *s);

/*
 * Gives those facts away: *out is owned by the caller (tls_cert_free) and may
 * outlive the stream; NULL when the client sent no certificate. What only the
 * handshake needed is freed with it, the count of the profile too. Once:
 * ERR_NOT_FOUND when there is a certificate whose facts are gone.
 */
enum err tls_stream_take_cert(struct stream *s, struct cert **out) MUST_CHECK;

/*
 * Works the facts out anew, so there is no need to keep them: with the hashes
 * of the chain that leads to a CA of `ctx', the profile now in force, if one
 * does; NULL: without any. Of a certificate that was refused they prove
 * nothing. ERR_NO_MEMORY; ERR_MALFORMED when there is no certificate.
 */
enum err tls_stream_make_cert(const struct stream *s, const struct tls_ctx *ctx,
    struct cert **out) MUST_CHECK;

/* Frees what only the handshake needed, for an owner that does not want the
 * certificate. */
void tls_stream_shed(struct stream *s);

/*
 * Would this open stream's client be let in by `ctx', the profile now in
 * force? Chain, dates and CRLs are looked at; REASON_NONE, or the REASON_TLS_
 * one that ends it. `*detail' as above. `*end' is what
 * cert.chain_not_after would be, INT64_MAX without a certificate. Cheap (no
 * signatures) when the client CAs are the same as when the stream was opened.
 */
enum reason tls_stream_recheck(const struct stream *s,
    const struct tls_ctx *ctx, int64_t *end, const char **detail);

#endif
