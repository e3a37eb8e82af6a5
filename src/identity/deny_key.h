/*
 * What a deny list may deny, and the normal form of each: two ways to write
 * one address or digest become the same bytes, which is what is looked up.
 */
#ifndef IDENTITY_DENY_KEY_H
#define IDENTITY_DENY_KEY_H

#include <sys/socket.h>

#include "domain/cert.h"

/*
 * K(id, word, what `who' is). The first six are EMQX's.
 *
 * Names are compared as bytes, alternative names without regard to ASCII
 * case; hex may have colons and either case. A serial's issuer is the DN as
 * ${issuer.dn} writes it, or the SHA-256 of the issuing CA's certificate.
 * IPv4-mapped IPv6 addresses are IPv4 ones. Bits of a network behind its
 * length are dropped, as EMQX does.
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
	K(SHA256, "sha256", "SHA-256 of the certificate, 64 hex digits") \
	K(SPKI, "spki", "SHA-256 of the public key, 64 hex digits") \
	K(SAN, "san", \
	    "a DNS name, URI, e-mail or IP address of the " \
	    "certificate")

enum identity_deny_kind {
#define K(id, word, who) IDENTITY_DENY_##id,
	IDENTITY_DENY_KINDS(K)
#undef K
	IDENTITY_DENY_COUNT
};

/* The kind's word in the file; static. */
const char *identity_deny_word(enum identity_deny_kind kind);

/* The kind of a word; false when it is none. */
bool identity_deny_kind_of(struct slice word, enum identity_deny_kind *kind);

/* Most bytes of one `who'. */
#define IDENTITY_DENY_WHO_MAX 65535

/* The normal form of a `who'. */
struct identity_deny_key {
	size_t len;
	uint8_t bytes[IDENTITY_DENY_WHO_MAX];
};

/*
 * Makes the normal form of `who', as an operator wrote it. NULL, or a static
 * sentence: what it is not, and how to write it. Regular expressions are only
 * checked by compiling them, see identity/deny_regex.h.
 */
const char *identity_deny_key_parse(struct identity_deny_key *key,
    enum identity_deny_kind kind, struct slice who);

/* Room for the text of an address, a network or a digest, NUL included. */
#define IDENTITY_DENY_TEXT_MAX 80

/* The normal form as text: into `text' for addresses and digests, the key's
 * own bytes for all else. */
struct slice identity_deny_key_text(enum identity_deny_kind kind,
    struct slice key, char text[IDENTITY_DENY_TEXT_MAX]);

/* Of a PEERHOST: 1 byte family, 16 bytes address. A PEERHOST_NET has one more
 * behind them, its length in bits of the family. */
#define IDENTITY_DENY_HOST_LEN 17
#define IDENTITY_DENY_NET_LEN 18

/* The keys of the address `sa': the first `bits4' or `bits6' bits of it. The
 * network's length is put behind it. False for what is no IP address. */
bool identity_deny_key_address(uint8_t key[IDENTITY_DENY_NET_LEN],
    const struct sockaddr_storage *sa, unsigned bits4, unsigned bits6);

/* The key of a certificate's serial, without an issuer: false if too long. */
bool identity_deny_key_serial(struct identity_deny_key *key,
    struct slice serial);

/* The key of an alternative name; false if there can be none. */
bool identity_deny_key_san(struct identity_deny_key *key,
    const struct cert_san *san);

#endif
