/* SPDX-License-Identifier: ISC */
/*
 * The ClientHello, read before the library acts on it. Whether the first bytes
 * can be one at all, and if not, what they are; and what it asks for: which
 * server certificate the client can verify, a key share that can be used
 * without a round trip, how long records may be, and the ticket. Nothing here
 * changes the connection.
 */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "config/types.h"

struct tls_keypair;

/* Returns true if `first', the first bytes of a client (at least 1), can be
 * those of a handshake record: type 22, version 3.x (RFC 8446 5.1). Other bytes
 * never reach the TLS library. */
bool tls_hello_may_begin(struct slice first);

/* Returns which other protocol the first bytes (at least 1) belong to, as a
 * sentence for the log (static), or NULL if it is not known. */
const char *tls_hello_other_protocol(struct slice first);

#define TLS_HELLO_SHOWN_MAX 80

/* Writes the first bytes (at least 1) for the log, as text if they are a line
 * of text and otherwise in hexadecimal digits. Returns `out'. */
const char *tls_hello_show(char out[TLS_HELLO_SHOWN_MAX], struct slice first);

/* Most plaintext of one record (RFC 8446 5.1). */
#define TLS_RECORD_MAX 16384

/* The key exchange groups of a profile, best first. */
#define TLS_GROUPS_MAX 8
struct tls_groups {
	const char
	    *names[TLS_GROUPS_MAX]; /* static; as the library names them */
	uint16_t ids[TLS_GROUPS_MAX];
	size_t count;
};

/* Adds the group `name' (as the library or OpenSSL writes it). Returns false if
 * it is not known or there are too many. */
bool tls_groups_add(struct tls_groups *g, const char *name);

/* Room for the names of all groups, joined. */
#define TLS_GROUPS_TEXT_MAX 256

/* Writes the names joined by colons, as SSL_set1_curves_list() takes them. */
void tls_groups_text(const struct tls_groups *g, char out[TLS_GROUPS_TEXT_MAX]);

/*
 * Returns the one of `count' pairs (at least 1) that serves this client best:
 * first, the client can verify its signature, also with the suites and `groups'
 * that both sides have; then its names include the server that the client asks
 * for; then ECDSA goes before RSA; then the order of the configuration decides.
 * Never NULL.
 */
struct tls_keypair *tls_hello_choose(struct tls_keypair *pairs, size_t count,
    const struct tls_groups *groups, const SSL_CLIENT_HELLO *hello);

/*
 * TLS 1.3: the library takes the first of our groups that the client supports,
 * even if the client sent a key share for another one only; that costs a
 * HelloRetryRequest, a round trip. If so, fills `use' with those of `groups'
 * for which there is a key share and returns true.
 */
bool tls_hello_shares(struct tls_groups *use, const struct tls_groups *groups,
    const SSL_CLIENT_HELLO *hello);

/* Returns true if the client asks for an OCSP response. */
bool tls_hello_wants_ocsp(const SSL_CLIENT_HELLO *hello);

/*
 * Returns how many bytes of plaintext a record to this client may hold, 63 to
 * TLS_RECORD_MAX: by max_fragment_length (RFC 6066 4) or record_size_limit (RFC
 * 8449). The library cannot answer either extension, but a client that sends
 * one has a small buffer whether or not it is answered.
 */
uint16_t tls_hello_record_max(const SSL_CLIENT_HELLO *hello);

/* Returns the ticket that the library will try to resume; empty if none. */
struct slice tls_hello_ticket(const SSL_CLIENT_HELLO *hello);

#endif
