/*
 * Answers, worked out when they are asked for: nothing is kept for them.
 */
#include "tls/stream_info.h"

#include <string.h>

#include "tls/ctx_body.h"
#include "tls/facts.h"
#include "tls/stream_body.h"
#include "tls/verify.h"

void
tls_stream_failure(const struct stream *stream, enum reason *reason,
    const char **detail)
{
	const struct tls_stream *s = tls_stream_of(stream);

	*reason = s->failure.reason;
	*detail = s->failure.detail;
}

void
tls_stream_info(const struct stream *stream, struct tls_info *info)
{
	const struct tls_stream *s = tls_stream_of(stream);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
	const char *group = SSL_get_curve_name(SSL_get_curve_id(s->ssl));
	const char *sni = SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name);
	const uint8_t *alpn;
	unsigned len;

	info->version = SSL_get_version(s->ssl);
	info->cipher = cipher == NULL ? "" : SSL_CIPHER_standard_name(cipher);
	info->suite = cipher == NULL
	    ? TLS_SUITE_NONE
	    : tls_suite_find(SSL_CIPHER_get_protocol_id(cipher));
	info->group = group == NULL ? "" : group;
	info->sni = sni == NULL ? "" : sni;
	info->resumed = SSL_session_reused(s->ssl) != 0;
	SSL_get0_alpn_selected(s->ssl, &alpn, &len);
	info->alpn = slice_make(alpn, len);
}

const struct cert *
tls_stream_cert(const struct stream *stream)
{
	const struct tls_stream *s = tls_stream_of(stream);

	return s->hs == NULL ? NULL : s->hs->cert;
}

enum err
tls_stream_take_cert(struct stream *stream, struct cert **out)
{
	struct tls_stream *s = tls_stream_of(stream);

	*out = NULL;
	if (s->hs != NULL) {
		*out = s->hs->cert;
		s->hs->cert = NULL;
		tls_stream_shed(stream);
	}
	/* A client with a certificate must never pass for one without. */
	return *out == NULL && SSL_get0_peer_certificates(s->ssl) != NULL
	    ? ERR_NOT_FOUND
	    : OK;
}

/* Was the session opened under the client CAs that `ctx' has? */
static enum tls_known
known_to(const struct tls_stream *s, const struct tls_ctx *ctx)
{
	const SSL_SESSION *session = SSL_get_session(s->ssl);
	const uint8_t *id;
	unsigned len;

	id = SSL_SESSION_get0_id_context(session, &len);
	return len == sizeof(ctx->session_id) &&
		memcmp(id, ctx->session_id, len) == 0
	    ? TLS_KNOWN_SAME_CAS
	    : TLS_KNOWN_NOT;
}

enum err
tls_stream_make_cert(const struct stream *stream, const struct tls_ctx *ctx,
    struct cert **out)
{
	const struct tls_stream *s = tls_stream_of(stream);
	const STACK_OF(CRYPTO_BUFFER) *certs =
	    SSL_get0_peer_certificates(s->ssl);
	struct tls_chain chain;

	*out = NULL;
	if (certs == NULL)
		return ERR_MALFORMED;
	if (ctx != NULL)
		(void)tls_peer_check(&chain, certs, ctx, known_to(s, ctx));
	else if (tls_chain_init(&chain, certs).reason != REASON_NONE)
		return ERR_MALFORMED;
	return tls_facts_make(out, &chain, ctx == NULL ? NULL : ctx->trust);
}

void
tls_stream_shed(struct stream *stream)
{
	struct tls_stream *s = tls_stream_of(stream);

	if (s->state == TLS_STATE_SHAKING)
		return;
	tls_handshake_free(s->hs);
	s->hs = NULL;
	s->wire.user = NULL;
}

enum reason
tls_stream_recheck(const struct stream *stream, const struct tls_ctx *ctx,
    int64_t *end, const char **detail)
{
	const struct tls_stream *s = tls_stream_of(stream);
	struct tls_chain chain;
	struct tls_verdict v = tls_peer_check(&chain,
	    SSL_get0_peer_certificates(s->ssl), ctx, known_to(s, ctx));

	*end = chain.sent_count == 0 ? INT64_MAX : tls_chain_end(&chain);
	*detail = v.detail;
	return v.reason;
}
