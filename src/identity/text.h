/*
 * The strings of a certificate as UTF-8. Every ASN.1 string type that may
 * carry a name is converted or refused; nothing is guessed, cut or replaced,
 * since a name that is nearly right is somebody else's.
 */
#ifndef IDENTITY_TEXT_H
#define IDENTITY_TEXT_H

#include "domain/cert.h"
#include "domain/reason.h"

enum identity_text {
	IDENTITY_TEXT_OK,
	IDENTITY_TEXT_EMPTY, /* no bytes at all */
	IDENTITY_TEXT_NUL, /* holds U+0000: ends early for a C program */
	IDENTITY_TEXT_INVALID, /* bytes the string's type cannot have */
	IDENTITY_TEXT_OTHER, /* not one of the string types */
	IDENTITY_TEXT_TOO_LONG, /* does not fit */
	IDENTITY_TEXT_COUNT
};

/* What is wrong, to follow the field's name: "is empty", ...; static. */
const char *identity_text_says(enum identity_text text);

/* The close reason it leads to; REASON_NONE for IDENTITY_TEXT_OK. */
enum reason identity_text_reason(enum identity_text text);

/*
 * Converts the content bytes `in' of a string of `type' and appends them at
 * out + *len, of which `cap' bytes in all may be used; *len grows by what was
 * written and stays when the answer is not IDENTITY_TEXT_OK.
 *
 * UTF8String must be well-formed (RFC 3629). PrintableString, IA5String and
 * NumericString may be any 7-bit text: real CAs put @ * _ into the first.
 * T61String is read as Latin-1, as OpenSSL, Windows and every broker do and
 * CAs mean it; its 80-9F are refused, because some mean Windows-1252 by them.
 * BMPString is UCS-2: surrogates are refused, also in pairs. UniversalString
 * is UCS-4. No normalisation is done: names are compared as bytes.
 */
enum identity_text identity_text_append(enum cert_string type, struct slice in,
    uint8_t *out, size_t cap, size_t *len);

/*
 * The same, one character at a time: takes the first character off `in',
 * which must not be empty, and stores its code point. OK, NUL, INVALID or
 * OTHER; `in' and `code' mean nothing after the last two.
 */
enum identity_text identity_text_next(enum cert_string type, struct slice *in,
    uint32_t *code);

/* Is it a control: U+0000-001F or U+007F-009F? */
static inline bool
identity_text_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Writes code point `code', no surrogate and up to 10FFFF, as UTF-8 and
 * returns its 1 to 4 bytes. */
size_t identity_text_encode(uint32_t code, uint8_t out[4]);

#endif
