/*
 * The variables of a template: what each is called, whether its characters
 * can be trusted, and how its value is found in a certificate, a CONNECT or
 * the connection. What is absent, empty, several or not text is refused here
 * and named.
 */
#ifndef IDENTITY_VARIABLE_H
#define IDENTITY_VARIABLE_H

#include "config/choices.h"
#include "domain/reason.h"
#include "identity/input.h"

/*
 * V(id, name, trust, help). `trust' is who chose the characters, and so which
 * of them [identity] unsafe_characters is about:
 *
 *   SAFE    made by us out of hex, digits or base64: nothing is checked
 *   NAME    a name from a certificate, or SNI: + # / and controls
 *   URI     a URI from a certificate: + # and controls, since a URI without
 *           a slash hardly exists
 *   DN      built by RFC 4514: /# and controls in its values. A + there is
 *           escaped and so no wildcard, and a / is as ordinary as in "A/S".
 *           encode writes + # / of the values as \2B \23 \2F, as RFC 4514
 *           allows
 *   CLIENT  what the client said of itself: + # and controls, so that it
 *           cannot put a topic wildcard into a name that brokers trust; the
 *           slash is left, as it is ordinary in ClientIDs
 *
 * Controls are U+0000-001F and U+007F-009F. Literal text of the template is
 * the operator's own and may hold + # and /.
 */
#define IDENTITY_VARIABLES(V) \
	V(CN, "cn", NAME, "the subject's common name") \
	V(DN, "dn", DN, "the whole subject, RFC 4514") \
	V(CRT, "crt", SAFE, "the certificate's DER in base64, one line") \
	V(PEM, "pem", SAFE, "the same as crt") \
	V(MD5, "md5", SAFE, "MD5 of the certificate's DER, hex") \
	V(SHA256, "sha256", SAFE, "SHA-256 of the certificate's DER, hex") \
	V(SPKI, "spki", SAFE, "SHA-256 of the public key, hex") \
	V(SERIAL, "serial", SAFE, "the serial number, hex") \
	V(O, "o", NAME, "the subject's organization") \
	V(OU, "ou", NAME, "the subject's organizational unit") \
	V(C, "c", NAME, "the subject's country") \
	V(ISSUER_CN, "issuer.cn", NAME, "the issuer's common name") \
	V(ISSUER_DN, "issuer.dn", DN, "the whole issuer, RFC 4514") \
	V(SAN_DNS, "san.dns", NAME, "the DNS alternative name") \
	V(SAN_URI, "san.uri", URI, "the URI alternative name") \
	V(SAN_EMAIL, "san.email", NAME, "the e-mail alternative name") \
	V(SAN_IP, "san.ip", SAFE, "the IP address alternative name") \
	V(SNI, "sni", NAME, "the server name the client asked for") \
	V(CLIENT_USERNAME, "client.username", CLIENT, \
	    "the Username the client sent") \
	V(CLIENT_CLIENTID, "client.clientid", CLIENT, \
	    "the ClientID the client sent") \
	V(PEER_ADDRESS, "peer.address", SAFE, "the client's IP address")

enum identity_variable {
#define V(id, name, trust, help) IDENTITY_##id,
	IDENTITY_VARIABLES(V)
#undef V
	IDENTITY_VARIABLE_COUNT
};

/* The variable's name, as in ${name}; static. */
const char *identity_variable_name(enum identity_variable v);

/* The variable called `name'; false when there is none. */
bool identity_variable_find(struct slice name, enum identity_variable *v);

/* A name under construction. Large: make it once a call, on the stack. */
struct identity_name {
	size_t len;
	uint8_t bytes[IDENTITY_NAME_MAX + 1]; /* encoders end in a NUL */
};

/*
 * Appends the value of `v' to `out'. REASON_NONE, or the reason to refuse and
 * `why': "${cn}: the certificate has 2 of them". CONFIG_UNSAFE_ENCODE writes
 * what CONFIG_UNSAFE_REFUSE would refuse, and %, as %XX of its UTF-8 bytes, so
 * that two names never become one; a NUL is refused by both.
 */
enum reason identity_variable_append(enum identity_variable v,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX]);

#endif
