/* SPDX-License-Identifier: ISC */
/*
 * The TLS stream: the server side of TLS over a socket. The handshake starts by
 * itself; after it, this is a stream like any other.
 *
 * Received bytes and bytes to send pass through the worker's scratch buffers.
 * An idle connection therefore owns only its SSL object, and a loop turn needs
 * one recv and one send. Bytes that a full socket refuses wait in an allocation
 * of their own; stream_write() takes nothing while there are any.
 *
 * STREAM_EOF stands for close_notify and for a bare TCP FIN alike: many MQTT
 * devices simply close, and MQTT's own framing reveals a truncated packet.
 */
#ifndef TLS_STREAM_TLS_H
#define TLS_STREAM_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/cert.h"
#include "domain/reason.h"
#include "io/loop.h"
#include "io/stream.h"
#include "tls/ctx.h"
#include "tls/facts.h"
#include "tls/suites.h"

/* The protocol inside TLS; it decides which ALPN protocol is accepted. */
enum tls_app {
	TLS_APP_MQTT, /* "mqtt" or "x-amzn-mqtt-ca" */
	TLS_APP_HTTP /* "http/1.1" */
};

/*
 * Takes over `fd' (connected, non-blocking) and waits for a ClientHello. Holds
 * a reference to `ctx' until the handshake is over. Returns NULL if memory runs
 * out; `fd' then stays with the caller.
 *
 * The owner receives STREAM_OPEN once the handshake is complete and the
 * certificate was checked, also for a resumed session. Or it receives
 * STREAM_BROKEN; tls_stream_failure() then says why. After STREAM_BROKEN the
 * owner may shut down, read (which discards everything until STREAM_EOF) and
 * close, so that the alert can arrive.
 */
struct stream *tls_stream_new(struct loop *loop, struct tls_ctx *ctx, int fd,
    enum tls_app app);

/* Returns true if a client with that certificate is admitted. */
typedef bool tls_admit(const struct cert *cert, void *arg);

/*
 * Sets a check that a ticket's certificate must pass, besides those of the
 * profile, for the ticket to count. If it fails, the ticket is ignored and a
 * full handshake follows, in which the client may show another certificate. To
 * be called right after tls_stream_new(). `arg' is borrowed until the handshake
 * is over.
 */
void tls_stream_set_admit(struct stream *s, tls_admit *admit, void *arg);

/*
 * Refuses the client of an open stream for a reason found after the handshake:
 * sends the fatal alert that fits `reason', or access_denied. Afterwards the
 * stream is as after STREAM_BROKEN.
 */
void tls_stream_refuse(struct stream *s, enum reason reason);

/*
 * Tells why STREAM_BROKEN was delivered or STREAM_ERROR was returned. *detail
 * is the name of an alert or an error (static text), or NULL. *reason is
 * REASON_NONE while nothing is wrong.
 */
void tls_stream_failure(const struct stream *s, enum reason *reason,
    const char **detail);

/* Returns true while the handshake waits for a token to sign. */
bool tls_stream_is_signing(const struct stream *s);

/* What the handshake agreed on. The texts are static or live as long as the
 * stream. */
struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher; /* "TLS_AES_128_GCM_SHA256" */
	enum tls_suite suite; /* the same as a number without gaps */
	const char *sni; /* "" if the client named no server */
	bool resumed;
};

/* Fills `info' for an open stream. After a failed handshake, what was not yet
 * agreed on is "" and TLS_SUITE_NONE. */
void tls_stream_info(const struct stream *s, struct tls_info *info);

/* Returns the facts of the client's verified certificate, with the hashes of
 * its chain; borrowed until they are taken or freed. NULL if the client sent no
 * certificate or was refused, or if they are gone. */
const struct cert *tls_stream_cert(const struct stream *s);

/*
 * Moves those facts to the caller, who frees *out with tls_facts_free() and may
 * keep it longer than the stream. *out is NULL if the client sent no
 * certificate. Also frees what only the handshake needed, with the reference to
 * the profile. Can be called once: ERR_NOT_FOUND if there is a certificate
 * whose facts are gone.
 */
enum err tls_stream_take_cert(struct stream *s, struct cert **out) MUST_CHECK;

/*
 * Computes the facts again from the stored certificates, so that they need not
 * be kept. `ctx' is the profile now in force; the facts hold the hashes of
 * the chain to one of its CAs, if there is one. NULL: no chain. For a
 * certificate that was refused, the facts prove nothing. ERR_NO_MEMORY;
 * ERR_MALFORMED if there is no certificate.
 */
enum err tls_stream_make_cert(const struct stream *s, const struct tls_ctx *ctx,
    struct cert **out) MUST_CHECK;

/* Frees what only the handshake needed, for an owner that does not want the
 * certificate. */
void tls_stream_free_handshake(struct stream *s);

/*
 * Returns whether `ctx', the profile now in force, would admit the client of
 * this open stream: REASON_NONE, or the REASON_TLS_ one for which the session
 * has to end. Checks chain, dates and CRLs. *detail says more or is NULL, and
 * is valid until the next call in this thread. *end receives what
 * cert.chain_not_after would be, or INT64_MAX without a certificate. Cheap (no
 * signature is verified) if the client CAs are those under which the stream was
 * opened.
 */
enum reason tls_stream_recheck(const struct stream *s,
    const struct tls_ctx *ctx, int64_t *end, const char **detail);

#endif
