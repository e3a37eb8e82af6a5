/* SPDX-License-Identifier: ISC */
/*
 * The strings and distinguished names of a certificate as UTF-8. Every ASN.1
 * string type that may carry a name is converted or refused. Nothing is
 * guessed, cut or replaced: a name that is nearly right is another client's.
 */
#ifndef IDENTITY_TEXT_H
#define IDENTITY_TEXT_H

#include "domain/cert.h"
#include "domain/reason.h"

enum identity_text_result {
	IDENTITY_TEXT_OK,
	IDENTITY_TEXT_EMPTY, /* no bytes at all */
	IDENTITY_TEXT_NUL, /* holds U+0000: ends early for a C program */
	IDENTITY_TEXT_INVALID, /* bytes the string's type cannot have */
	IDENTITY_TEXT_OTHER, /* not one of the string types */
	IDENTITY_TEXT_TOO_LONG, /* does not fit */
	IDENTITY_TEXT_COUNT
};

/* Returns what is wrong, as text that follows a field's name: "is empty";
 * static. */
const char *identity_text_describe(enum identity_text_result result);

/* The close reason for it; REASON_NONE for IDENTITY_TEXT_OK. */
enum reason identity_text_reason(enum identity_text_result result);

/*
 * Converts the content bytes `in' of a string of `type' and appends them at
 * out + *len, of which `cap' bytes in all may be used. Adds what was written to
 * *len, which is unchanged if the result is not IDENTITY_TEXT_OK.
 *
 * UTF8String must be well-formed (RFC 3629). PrintableString, IA5String and
 * NumericString may be any 7-bit text: real CAs put @ * _ into the first.
 * T61String is read as Latin-1, as OpenSSL, Windows and every broker do and
 * CAs mean it; its bytes 80-9F are refused, because some CAs mean Windows-1252.
 * BMPString is UCS-2: surrogates are refused, also in pairs. UniversalString
 * is UCS-4. No normalisation is done: names are compared as bytes.
 */
enum identity_text_result identity_text_append(enum cert_string type,
    struct slice in, uint8_t *out, size_t cap, size_t *len);

/*
 * As above for one character: takes the first one off `in', which must not be
 * empty, and stores its code point. Returns OK, NUL, INVALID or OTHER; after
 * the last two `in' and `code' are undefined.
 */
enum identity_text_result identity_text_next(enum cert_string type,
    struct slice *in, uint32_t *code);

/* --- Distinguished names --- */

/* How + # and / in the values are written. */
enum identity_dn_style {
	IDENTITY_DN_EMQX, /* as EMQX does: + escaped, # and / as they are */
	IDENTITY_DN_HEX /* + # / as \2B \23 \2F, which RFC 4514 also allows:
			 * no value can then act as an MQTT topic wildcard */
};

/* A buffer that text is appended to: at bytes + len, up to `cap'. */
struct identity_text_out {
	uint8_t *bytes; /* borrowed */
	size_t cap;
	size_t len;
};

/*
 * Appends a name as one line of text after RFC 4514, as EMQX writes it: last
 * RDN first, commas without spaces, several values of one RDN joined by +. The
 * line is ASCII: bytes outside 20-7D are written as \XX.
 *
 * An attribute whose type has a name must be text; it may be empty, since the
 * DN as a whole says who it is. Other types are written dotted, their value as
 * # and the hex of its DER (RFC 4514 2.4). Without attributes the result is
 * IDENTITY_TEXT_EMPTY. Unless the result is IDENTITY_TEXT_OK, out->len is
 * unchanged and *bad (may be NULL) is the attribute at fault.
 */
enum identity_text_result identity_dn_append(const struct cert_attr *attrs,
    size_t count, enum identity_dn_style style, struct identity_text_out *out,
    size_t *bad);

/*
 * True if a value holds what unsafe_characters is about, where it can still
 * act as such in the line that IDENTITY_DN_EMQX makes: a control, or /#, a
 * topic wildcard. A + is escaped there and so harmless, and a single / is
 * ordinary in names such as "A/S".
 */
bool identity_dn_is_unsafe(const struct cert_attr *attrs, size_t count);

#endif
