/*
 * A distinguished name as one line of text, after RFC 4514 and as EMQX writes
 * it: last RDN first, commas without spaces, several values of one RDN joined
 * by +. All of it is ASCII: bytes outside 20-7D are written as \XX.
 */
#ifndef IDENTITY_DN_H
#define IDENTITY_DN_H

#include "domain/cert.h"
#include "identity/text.h"

/* How + # and / inside the values are written. */
enum identity_dn_style {
	IDENTITY_DN_EMQX, /* as EMQX does: + escaped, # and / as they are */
	IDENTITY_DN_HEX /* + # / as \2B \23 \2F, which RFC 4514 also allows:
			 * no value can then act as an MQTT topic wildcard */
};

/*
 * Appends the `count' attributes at out + *len, of which `cap' bytes in all
 * may be used; *len stays unless the answer is IDENTITY_TEXT_OK. A name of no
 * attributes is IDENTITY_TEXT_EMPTY. An attribute whose type has a name must
 * be text, and an empty value is allowed: the DN as a whole says who it is.
 * Other types are written dotted, their value as # and the hex of its DER
 * (RFC 4514 2.4). *bad, unless NULL, is set to the attribute at fault.
 */
enum identity_text identity_dn_append(const struct cert_attr *attrs,
    size_t count, enum identity_dn_style style, uint8_t *out, size_t cap,
    size_t *len, size_t *bad);

/* Does the text of an attribute with a name hold a control character, or /#,
 * which at a DN's end is a topic wildcard? */
bool identity_dn_is_unsafe(const struct cert_attr *attrs, size_t count);

#endif
