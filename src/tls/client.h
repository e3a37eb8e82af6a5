/* SPDX-License-Identifier: ISC */
/*
 * The client side of TLS, for connections that this process makes to a server
 * which the operator names: the Redis server of a fleet. The server's
 * certificate must lead to one of the given CAs and name the server; no
 * option turns this check off.
 *
 * A session is pure: bytes from the network go in, plaintext comes out, and
 * the reverse. The caller moves the bytes.
 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct tls_client;
struct tls_client_session;

/* What to build. Paths are absolute; "" for none. Borrowed during the call. */
struct tls_client_options {
	const char *ca; /* PEM; required */
	const char *certificate; /* PEM chain, leaf first */
	const char *private_key; /* PEM; given if certificate is */
};

/* Which of the files is at fault. */
enum tls_client_file {
	TLS_CLIENT_CA,
	TLS_CLIENT_CERTIFICATE,
	TLS_CLIENT_PRIVATE_KEY
};

/* Reads the files; *out is counted once. ERR_CONFIG: *file cannot be used, and
 * *why (static) says in what way. ERR_NO_MEMORY. */
enum err tls_client_new(struct tls_client **out,
    const struct tls_client_options *o, enum tls_client_file *file,
    const char **why) MUST_CHECK;

/* Takes a count more and returns `c'. Any thread; NULL is allowed. */
struct tls_client *tls_client_get(struct tls_client *c);

/* Gives a count back; the last one frees. Any thread; NULL is allowed. */
void tls_client_put(struct tls_client *c);

/* Starts a handshake with the server called `name', a host name or an IP
 * address. Its first bytes are in tls_client_output(). NULL: no memory. */
struct tls_client_session *tls_client_start(struct tls_client *c,
    const char *name);

/* NULL is allowed. */
void tls_client_end(struct tls_client_session *s);

/* Takes bytes that came from the network. ERR_NO_MEMORY. */
enum err tls_client_input(struct tls_client_session *s,
    struct slice in) MUST_CHECK;

/* Reads plaintext; returns a count, STREAM_AGAIN (more input is needed),
 * STREAM_EOF or STREAM_ERROR. Also drives the handshake. */
ssize_t tls_client_read(struct tls_client_session *s, uint8_t *data,
    size_t len);

/* Encrypts all of `plain', once the handshake is over. ERR_TLS. */
enum err tls_client_write(struct tls_client_session *s,
    struct slice plain) MUST_CHECK;

/* True once the handshake is over. */
bool tls_client_is_open(const struct tls_client_session *s);

/* Appends the bytes that have to be sent to `out'. ERR_NO_MEMORY, ERR_LIMIT. */
enum err tls_client_output(struct tls_client_session *s,
    struct buf *out) MUST_CHECK;

/* After STREAM_ERROR: why. Lives as long as the session. */
const char *tls_client_why(const struct tls_client_session *s);

#endif
