/* SPDX-License-Identifier: ISC */
/*
 * A template says how a name is made: text with variables in it, as in
 * "${cn}/${client.clientid}". The name of a variable alone means that variable,
 * "none" makes no name, and $$ is a dollar sign.
 *
 * A template is compiled once and never changes; any thread may render it.
 * Rendering allocates nothing. A variable whose value is missing, empty,
 * ambiguous or not text causes a refusal that names it; it is never left out or
 * replaced.
 */
#ifndef IDENTITY_TEMPLATE_H
#define IDENTITY_TEMPLATE_H

#include "base/err.h"
#include "config/choices.h"
#include "domain/cert.h"
#include "domain/reason.h"
#include "mqtt/connect.h"

/* The longest Username or ClientID: an MQTT string's 16-bit length. */
#define IDENTITY_NAME_MAX 65535

/* Room for the sentence that says why a client is refused, NUL included. */
#define IDENTITY_WHY_MAX 256

/* What is known of a client when its identity is decided: the certificate that
 * it proved to own, the CONNECT that it sent, and its address. All borrowed. */
struct identity_input {
	const struct cert *cert; /* verified; NULL: none was presented */
	const struct mqtt_connect *connect; /* parsed and of good form */
	struct slice sni; /* as the client sent it; empty: none */
	struct slice peer; /* the address as text, without a port */
};

/*
 * V(id, name, trust, help). `trust' says who chose the characters, and so which
 * of them [identity] unsafe_characters is about:
 *
 *   SAFE    hex, digits or base64 that this program made: not checked
 *   NAME    a name from a certificate, or SNI: + # / and controls
 *   URI     a URI from a certificate: + # and controls; nearly all URIs
 *           have a slash
 *   DN      written as RFC 4514 says: /# and controls in its values. A + is
 *           escaped there and so no wildcard, and a / is ordinary, as in
 *           "A/S". With encode, + # / of the values become \2B \23 \2F,
 *           which RFC 4514 allows
 *   CLIENT  what the client claims: + # and controls, so that it cannot put
 *           a topic wildcard into a name that brokers trust; a slash is
 *           ordinary in ClientIDs
 *
 * Controls are U+0000-001F and U+007F-009F. The literal text of a template is
 * the operator's and may hold + # and /.
 */
#define IDENTITY_VARIABLES(V) \
	V(CN, "cn", NAME, "the subject's common name") \
	V(DN, "dn", DN, "the whole subject, RFC 4514") \
	V(CRT, "crt", SAFE, "the certificate's DER in base64, one line") \
	V(PEM, "pem", SAFE, "the same as crt") \
	V(MD5, "md5", SAFE, "MD5 of the certificate's DER, hex") \
	V(SHA256, "sha256", SAFE, "SHA-256 of the certificate's DER, hex") \
	V(TBS_SHA256, "tbs_sha256", SAFE, \
	    "SHA-256 of the TBSCertificate, hex") \
	V(SPKI, "spki", SAFE, "SHA-256 of the public key, hex") \
	V(SERIAL, "serial", SAFE, "the serial number, hex") \
	V(O, "o", NAME, "the subject's organization") \
	V(OU, "ou", NAME, "the subject's organizational unit") \
	V(C, "c", NAME, "the subject's country") \
	V(ST, "st", NAME, "the subject's state or province") \
	V(L, "l", NAME, "the subject's locality") \
	V(TITLE, "title", NAME, "the subject's title") \
	V(UID, "uid", NAME, "the subject's user id") \
	V(EMAIL, "email", NAME, "the subject's emailAddress") \
	V(SERIALNUMBER, "serialnumber", NAME, \
	    "the subject's serialNumber (IEEE 802.1AR: of the device)") \
	V(DNQUALIFIER, "dnqualifier", NAME, "the subject's dnQualifier") \
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

/* A name that is being made. Large: keep one per call, on the stack. */
struct identity_name {
	size_t len;
	uint8_t bytes[IDENTITY_NAME_MAX + 1]; /* encoders end in a NUL */
};

/*
 * Appends the value of `v' to `out'. Returns REASON_NONE, or the reason to
 * refuse the client with `why': "${cn}: the certificate has 2 of them".
 * CONFIG_UNSAFE_ENCODE writes what CONFIG_UNSAFE_REFUSE would refuse, and %, as
 * %XX of the UTF-8 bytes, so that two names never become one; both refuse a
 * NUL.
 */
enum reason identity_variable_append(enum identity_variable v,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX]);

struct identity_template;

/*
 * Compiles `text' and stores the template, or NULL if `text' is "none"; free it
 * with identity_template_free(). ERR_CONFIG: `why' says what is wrong at which
 * column (in characters, from 1), and names the variable that was probably
 * meant. ERR_NO_MEMORY. *out is NULL on error.
 *
 * Refused are: an empty text; ${ without }; an unknown variable; a $ before
 * anything but { and $; controls, NUL and bad UTF-8; more than 65,535 bytes;
 * and a single word that is nearly the name of a variable, which would
 * otherwise give every client the same name.
 */
enum err identity_template_compile(struct identity_template **out,
    struct slice text, char why[IDENTITY_WHY_MAX]) MUST_CHECK;

/* NULL is allowed. */
void identity_template_free(struct identity_template *t);

/* The text it was compiled from; lives as long as `t'. */
struct slice identity_template_text(const struct identity_template *t);

/* True if it has no variable, so that it gives every client the same name. */
bool identity_template_is_constant(const struct identity_template *t);

/*
 * Renders into `out'. REASON_NONE: out->len is at least 1 and the bytes are
 * UTF-8 without NUL. Otherwise `out' is undefined, `why' names the variable and
 * what is wrong with it, and the reason is IDENTITY_MISSING, _AMBIGUOUS,
 * _EMPTY, _ENCODING, _UNSAFE or _TOO_LONG.
 */
enum reason identity_template_render(const struct identity_template *t,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX]);

#endif
