/* SPDX-License-Identifier: ISC */
/*
 * What a deny list can deny, and the normal form of each: two ways of writing
 * the same address or digest become the same bytes, and these are what is
 * looked up.
 */
#ifndef IDENTITY_DENY_KEY_H
#define IDENTITY_DENY_KEY_H

#include <sys/socket.h>

#include "domain/cert.h"

/*
 * K(id, word, what the value is). The first six are EMQX's.
 *
 * Names are compared as bytes, alternative names without regard to ASCII case.
 * Hex digits may be of either case and separated by colons. A serial's issuer
 * is the DN as ${issuer.dn} writes it, or the SHA-256 of the issuing CA's
 * certificate. IPv4-mapped IPv6 addresses count as IPv4. Bits of a network
 * beyond its prefix are dropped, as EMQX does.
 */
#define IDENTITY_DENY_KINDS(K) \
	K(CLIENTID, "clientid", "a ClientID") \
	K(USERNAME, "username", "a Username") \
	K(PEERHOST, "peerhost", "an IP address") \
	K(PEERHOST_NET, "peerhost_net", "a network: 192.0.2.0/24") \
	K(CLIENTID_RE, "clientid_re", "a regular expression (PCRE2)") \
	K(USERNAME_RE, "username_re", "a regular expression (PCRE2)") \
	K(CN, "cn", "a common name") \
	K(SERIAL, "serial", "a serial number in hex, or serial@issuer") \
	K(SHA256, "sha256", \
	    "SHA-256 of the certificate or of its signed part " \
	    "(TBSCertificate), 64 hex digits") \
	K(SPKI, "spki", "SHA-256 of the public key, 64 hex digits") \
	K(SAN, "san", \
	    "a DNS name, URI, e-mail or IP address of the " \
	    "certificate")

enum identity_deny_kind {
#define K(id, word, what) IDENTITY_DENY_KIND_##id,
	IDENTITY_DENY_KINDS(K)
#undef K
	IDENTITY_DENY_KIND_COUNT
};

/* The word for `kind' in a deny list; static. */
const char *identity_deny_word(enum identity_deny_kind kind);

/* Finds the kind of a word. False if there is no such kind. */
bool identity_deny_kind_of(struct slice word, enum identity_deny_kind *kind);

/* True for the two kinds whose value is a regular expression. */
bool identity_deny_is_pattern(enum identity_deny_kind kind);

/* The `until' of an entry that never ends, and of one that was taken back. */
#define IDENTITY_DENY_FOREVER INT64_MAX
#define IDENTITY_DENY_REMOVED INT64_MIN

/* The longest value in bytes: that of an MQTT string. */
#define IDENTITY_DENY_VALUE_MAX 65535

/* The normal form of a value. Large: keep one per call, on the stack. */
struct identity_deny_key {
	size_t len;
	uint8_t bytes[IDENTITY_DENY_VALUE_MAX];
};

/*
 * Makes the normal form of `value', as an operator wrote it. Returns NULL, or
 * a static sentence to follow the value: why it is not one of that kind, and
 * how to write it. A value with an invisible character is refused: it looks
 * like another name, and would match no client. Regular expressions are only
 * checked by identity_deny_pattern_check().
 */
const char *identity_deny_key_parse(struct identity_deny_key *key,
    enum identity_deny_kind kind, struct slice value);

/* True if `text' holds a character that cannot be seen, or that looks like an
 * ordinary space without being one. */
bool identity_deny_has_invisible(struct slice text);

/* Room for the text of an address, a network or a digest, NUL included. */
#define IDENTITY_DENY_TEXT_MAX 80

/* The normal form as text. Addresses and digests are written to `text'; of all
 * other kinds the key itself is the text. */
struct slice identity_deny_key_text(enum identity_deny_kind kind,
    struct slice key, char text[IDENTITY_DENY_TEXT_MAX]);

/* A PEERHOST is 1 byte for the family and 16 for the address. A PEERHOST_NET
 * has one more, the length of its prefix in bits of that family. */
#define IDENTITY_DENY_HOST_LEN 17
#define IDENTITY_DENY_NET_LEN 18

/* Makes the key of the address `sa', cut to `bits4' or `bits6' bits, with the
 * prefix length as its last byte. False if `sa' is no IP address. */
bool identity_deny_key_address(uint8_t key[IDENTITY_DENY_NET_LEN],
    const struct sockaddr_storage *sa, unsigned bits4, unsigned bits6);

/* Makes the key of a certificate's serial, without an issuer. False if it is
 * empty or too long. */
bool identity_deny_key_serial(struct identity_deny_key *key,
    struct slice serial);

/* Makes the key of an alternative name. False if it is malformed. */
bool identity_deny_key_san(struct identity_deny_key *key,
    const struct cert_san *san);

#endif
