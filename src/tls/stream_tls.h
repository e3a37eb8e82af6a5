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
 * devices just close, and MQTT's own framing shows a cut packet.
 */
#ifndef TLS_STREAM_TLS_H
#define TLS_STREAM_TLS_H

#include "domain/reason.h"
#include "io/loop.h"
#include "io/stream.h"
#include "tls/ctx.h"
#include "tls/facts.h"
#include "tls/stream_info.h"

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
 * Refuses an open stream's client for a reason found after the handshake:
 * sends the fatal alert that fits `reason' (access_denied where none does).
 * Then use it as after STREAM_BROKEN.
 */
void tls_stream_refuse(struct stream *s, enum reason reason);

#endif
