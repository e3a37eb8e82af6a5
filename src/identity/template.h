/*
 * A template says how a name is made: text with variables in it, as in
 * "${cn}-${client.clientid}". A variable's name alone is shorthand for it in
 * ${}; "none" makes no name; $$ is a dollar sign.
 *
 * Compiled once, then never written: any thread may render it. Rendering
 * allocates nothing. What is absent, empty, several or not text refuses and
 * is named; nothing is ever left out or put in its place.
 */
#ifndef IDENTITY_TEMPLATE_H
#define IDENTITY_TEMPLATE_H

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
 *   DN      built by RFC 4514, where + and / have a meaning of their own:
 *           controls in its values; encode also writes + # / of the values
 *           as \2B \23 \2F, as RFC 4514 allows
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

struct identity_template;

/*
 * Compiles `text' and stores the template, which identity_template_free()
 * frees, or NULL where `text' is "none". ERR_CONFIG: `why' says at which
 * column (in characters, from 1) what is wrong and names the variable that
 * was likely meant. ERR_NO_MEMORY. *out is NULL on error.
 *
 * Refused are: an empty text; ${ without }; an unknown variable; a $ before
 * anything but { and $; controls, NUL and bad UTF-8; over 65,535 bytes; and a
 * bare word that is a variable but for its case or a letter, which would
 * otherwise silently give every client the same name.
 */
enum err identity_template_compile(struct identity_template **out,
    struct slice text, char why[IDENTITY_WHY_MAX]) MUST_CHECK;

/* Frees; NULL is fine. */
void identity_template_free(struct identity_template *t);

/* The text it was compiled from; lives as long as `t'. */
struct slice identity_template_text(const struct identity_template *t);

/* A name under construction. Large: make it once a call, on the stack. */
struct identity_name {
	size_t len;
	uint8_t bytes[IDENTITY_NAME_MAX];
};

/*
 * Renders into `out'. REASON_NONE: out->len is 1 or more and the bytes are
 * UTF-8 without NUL. Otherwise `out' means nothing, `why' names the variable
 * and what is wrong with it, and the reason is IDENTITY_MISSING, _AMBIGUOUS,
 * _EMPTY, _ENCODING, _UNSAFE or _TOO_LONG.
 *
 * CONFIG_UNSAFE_ENCODE writes what would be refused, and %, as %XX of its
 * UTF-8 bytes; a NUL is never let in.
 */
enum reason identity_template_render(const struct identity_template *t,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX]);

#endif
