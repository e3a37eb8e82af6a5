/*
 * TLS, server side, over a socket. The handshake starts by itself; then it
 * is a stream like any other.
 *
 * What arrives is received into the worker's scratch buffer and what is sent
 * is gathered there, so that an idle connection owns nothing but its SSL
 * object and a turn costs one recv and one send. Bytes that a full socket
 * refuses wait in an allocation of their own; as long as there are any,
 * stream_write() takes nothing.
 *
 * STREAM_EOF stands for close_notify and for a bare TCP FIN alike: many MQTT
 * devices just close, and MQTT's own framing shows a cut packet. Which of the
 * two it was, tls_stream_truncated() tells.
 */
#ifndef TLS_STREAM_TLS_H
#define TLS_STREAM_TLS_H

#include <stdbool.h>

#include "domain/cert.h"
#include "domain/reason.h"
#include "io/loop.h"
#include "io/stream.h"
#include "tls/ctx.h"
#include "tls/facts.h"

/* What will be spoken inside: decides the ALPN protocol agreed to. */
enum tls_app {
	TLS_APP_MQTT, /* "mqtt" or "x-amzn-mqtt-ca" */
	TLS_APP_HTTP /* "http/1.1" */
};

/*
 * Takes `fd' (connected, non-blocking) and waits for a ClientHello. Counts
 * `ctx' up until the handshake is over. NULL when memory runs out, and then
 * fd stays the caller's.
 *
 * The owner hears STREAM_OPEN once the handshake is done and the certificate
 * checked, also when resumed; or STREAM_BROKEN, after which tls_stream_
 * failure() says why. After BROKEN, shutdown, reading (which drops all until
 * STREAM_EOF) and close are allowed, so that the alert can arrive.
 */
struct stream *tls_stream_new(struct loop *loop, struct tls_ctx *ctx, int fd,
    enum tls_app app);

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
	const char *group; /* "X25519"; "" when not known */
	const char *sni; /* "" when the client named no server */
	struct slice alpn; /* empty when none was agreed */
	bool resumed;
};

/* Fills `*info' for an open stream. */
void tls_stream_info(const struct stream *s, struct tls_info *info);

/*
 * Gives the client certificate's facts away: *out is owned by the caller
 * (tls_cert_free) and may outlive the stream; NULL when the client sent no
 * certificate. What only the handshake needed is freed with it, the count of
 * the profile too. Taken again later they are worked out anew, then without
 * the hashes of the chain, so there is no need to keep them. ERR_NO_MEMORY.
 */
enum err tls_stream_take_cert(struct stream *s, struct cert **out) MUST_CHECK;

/* Frees what only the handshake needed, for an owner that does not want the
 * certificate. */
void tls_stream_shed(struct stream *s);

/*
 * Would this open stream's client be let in by `ctx', the profile now in
 * force? Chain, dates and CRLs are looked at; REASON_NONE, or the REASON_TLS_
 * one that ends it. `*detail' as above. Cheap (no signatures) when the client
 * CAs are the same as when the stream was opened.
 */
enum reason tls_stream_recheck(const struct stream *s,
    const struct tls_ctx *ctx, const char **detail);

/*
 * Refuses an open stream's client for a reason found after the handshake:
 * sends the fatal alert that fits `reason' (access_denied where none does).
 * Then use it as after STREAM_BROKEN.
 */
void tls_stream_refuse(struct stream *s, enum reason reason);

/* Did STREAM_EOF come without a close_notify? */
bool tls_stream_truncated(const struct stream *s);

#endif
