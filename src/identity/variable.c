#include "identity/variable.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/encode.h"
#include "identity/dn.h"

/* Who chose the characters; see the list. */
enum trust {
	TRUST_SAFE,
	TRUST_NAME,
	TRUST_URI,
	TRUST_DN,
	TRUST_CLIENT
};

static const struct {
	const char *name;
	enum trust trust;
} variables[IDENTITY_VARIABLE_COUNT] = {
#define V(id, name, trust, help) [IDENTITY_##id] = { name, TRUST_##trust },
	IDENTITY_VARIABLES(V)
#undef V
};

/* One variable on its way into a name. */
struct render {
	enum identity_variable v;
	const struct identity_input *in;
	enum config_unsafe unsafe;
	struct identity_name *out;
	char *why;
};

const char *
identity_variable_name(enum identity_variable v)
{
	return variables[v].name;
}

bool
identity_variable_find(struct slice name, enum identity_variable *v)
{
	size_t i;

	for (i = 0; i < IDENTITY_VARIABLE_COUNT; i++) {
		if (slice_equal(name, slice_str(variables[i].name))) {
			*v = (enum identity_variable)i;
			return true;
		}
	}
	return false;
}

__attribute__((format(printf, 3, 4))) static enum reason
refuse(const struct render *r, enum reason reason, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(r->why, IDENTITY_WHY_MAX, "${%s}: ", variables[r->v].name);
	va_start(ap, fmt);
	vsnprintf(r->why + n, IDENTITY_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return reason;
}

static enum reason
refuse_text(const struct render *r, enum identity_text text)
{
	return refuse(r, identity_text_reason(text), "%s",
	    identity_text_says(text));
}

static size_t
room(const struct render *r)
{
	return IDENTITY_NAME_MAX - r->out->len;
}

static bool
is_unsafe(enum trust trust, uint32_t code)
{
	return identity_text_is_control(code) || code == '+' || code == '#' ||
	    (code == '/' && trust == TRUST_NAME);
}

/* Appends one character as UTF-8, or each byte of it as %XX. */
static enum reason
put_char(struct render *r, uint32_t code, bool encoded)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *to = r->out->bytes + r->out->len;
	uint8_t bytes[4];
	size_t i, n = identity_text_encode(code, bytes);

	if ((encoded ? 3 * n : n) > room(r))
		return refuse_text(r, IDENTITY_TEXT_TOO_LONG);
	for (i = 0; i < n; i++) {
		if (encoded) {
			*to++ = '%';
			*to++ = (uint8_t)digits[bytes[i] >> 4];
			*to++ = (uint8_t)digits[bytes[i] & 15];
		} else {
			*to++ = bytes[i];
		}
	}
	r->out->len += encoded ? 3 * n : n;
	return REASON_NONE;
}

/* Appends text that somebody else chose, one character after the other. */
static enum reason
put_text(struct render *r, enum cert_string type, struct slice in)
{
	enum trust trust = variables[r->v].trust;
	enum reason reason = REASON_NONE;
	enum identity_text text;
	uint32_t code;
	bool encoded;

	if (type != CERT_STRING_OTHER && in.len == 0)
		return refuse_text(r, IDENTITY_TEXT_EMPTY);
	while (reason == REASON_NONE && in.len > 0) {
		text = identity_text_next(type, &in, &code);
		if (text != IDENTITY_TEXT_OK)
			return refuse_text(r, text);
		encoded = is_unsafe(trust, code);
		if (encoded && r->unsafe == CONFIG_UNSAFE_REFUSE)
			return refuse(r, REASON_IDENTITY_UNSAFE,
			    "holds U+%04X, see unsafe_characters",
			    (unsigned)code);
		if (code == '%' && r->unsafe == CONFIG_UNSAFE_ENCODE)
			encoded = true;
		reason = put_char(r, code, encoded);
	}
	return type == CERT_STRING_OTHER ? refuse_text(r, IDENTITY_TEXT_OTHER)
					 : reason;
}

static enum reason
put_hex(struct render *r, struct slice in)
{
	if (in.len > room(r) / 2)
		return refuse_text(r, IDENTITY_TEXT_TOO_LONG);
	encode_hex((char *)r->out->bytes + r->out->len, in);
	r->out->len += 2 * in.len;
	return REASON_NONE;
}

static enum reason
put_base64(struct render *r, struct slice in)
{
	size_t len = ENCODE_BASE64_LEN(in.len);

	if (in.len == 0)
		return refuse_text(r, IDENTITY_TEXT_EMPTY);
	if (in.len > IDENTITY_NAME_MAX || len > room(r))
		return refuse_text(r, IDENTITY_TEXT_TOO_LONG);
	encode_base64((char *)r->out->bytes + r->out->len, in);
	r->out->len += len;
	return REASON_NONE;
}

/* The number without the zeros that DER puts before a high bit. */
static enum reason
put_serial(struct render *r, struct slice in)
{
	if (in.len == 0)
		return refuse_text(r, IDENTITY_TEXT_EMPTY);
	if ((in.data[0] & 0x80) != 0)
		return refuse(r, REASON_IDENTITY_ENCODING,
		    "is negative, which RFC 5280 4.1.2.2 forbids");
	while (in.len > 1 && in.data[0] == 0)
		in = slice_make(in.data + 1, in.len - 1);
	return put_hex(r, in);
}

static enum reason
put_ip(struct render *r, struct slice in)
{
	char text[INET6_ADDRSTRLEN];

	if (in.len != 4 && in.len != 16)
		return refuse(r, REASON_IDENTITY_ENCODING,
		    "has %zu bytes, not 4 or 16", in.len);
	inet_ntop(in.len == 4 ? AF_INET : AF_INET6, in.data, text,
	    sizeof(text));
	return put_text(r, CERT_STRING_IA5, slice_str(text));
}

/* Complains unless there is exactly one. */
static enum reason
only_one(struct render *r, size_t count)
{
	if (count == 0)
		return refuse(r, REASON_IDENTITY_MISSING,
		    "the certificate has none");
	if (count > 1)
		return refuse(r, REASON_IDENTITY_AMBIGUOUS,
		    "the certificate has %zu of them", count);
	return REASON_NONE;
}

/* The one attribute of type 2.5.4.`last' in a name. */
static enum reason
put_attr(struct render *r, const struct cert_attr *attrs, size_t count,
    uint8_t last)
{
	const uint8_t oid[3] = { 0x55, 4, last };
	const struct cert_attr *found = NULL;
	size_t i, n = 0;
	enum reason reason;

	for (i = 0; i < count; i++) {
		if (slice_equal(attrs[i].oid, slice_make(oid, sizeof(oid)))) {
			found = &attrs[i];
			n++;
		}
	}
	reason = only_one(r, n);
	if (reason != REASON_NONE)
		return reason;
	return put_text(r, found->type, found->value);
}

static enum reason
put_san(struct render *r, enum cert_san_kind kind)
{
	const struct cert *cert = r->in->cert;
	const struct cert_san *found = NULL;
	size_t i, n = 0;
	enum reason reason;

	for (i = 0; i < cert->san_count; i++) {
		if (cert->sans[i].kind == kind) {
			found = &cert->sans[i];
			n++;
		}
	}
	reason = only_one(r, n);
	if (reason != REASON_NONE)
		return reason;
	if (kind == CERT_SAN_IP)
		return put_ip(r, found->value);
	return put_text(r, CERT_STRING_IA5, found->value);
}

static enum reason
put_dn(struct render *r, const struct cert_attr *attrs, size_t count)
{
	enum identity_dn_style style = IDENTITY_DN_HEX;
	enum identity_text text;

	if (r->unsafe == CONFIG_UNSAFE_REFUSE) {
		if (identity_dn_is_unsafe(attrs, count))
			return refuse(r, REASON_IDENTITY_UNSAFE,
			    "holds /# or a control, see unsafe_characters");
		style = IDENTITY_DN_EMQX;
	}
	text = identity_dn_append(attrs, count, style, r->out->bytes,
	    IDENTITY_NAME_MAX, &r->out->len, NULL);
	return text == IDENTITY_TEXT_OK ? REASON_NONE : refuse_text(r, text);
}

/* What the client or its connection says; `there' when it does. */
static enum reason
put_said(struct render *r, bool there, struct slice in)
{
	if (!there)
		return refuse(r, REASON_IDENTITY_MISSING,
		    "the client sent none");
	return put_text(r, CERT_STRING_UTF8, in);
}

static enum reason
put_from_cert(struct render *r)
{
	const struct cert *c = r->in->cert;

	if (c == NULL)
		return refuse(r, REASON_IDENTITY_MISSING,
		    "there is no certificate");
	switch (r->v) {
	case IDENTITY_CN:
		return put_attr(r, c->subject, c->subject_count, 3);
	case IDENTITY_DN:
		return put_dn(r, c->subject, c->subject_count);
	case IDENTITY_CRT:
	case IDENTITY_PEM:
		return put_base64(r, c->der);
	case IDENTITY_MD5:
		return put_hex(r, slice_make(c->md5, sizeof(c->md5)));
	case IDENTITY_SHA256:
		return put_hex(r, slice_make(c->sha256, sizeof(c->sha256)));
	case IDENTITY_SPKI:
		return put_hex(r, slice_make(c->spki, sizeof(c->spki)));
	case IDENTITY_SERIAL:
		return put_serial(r, c->serial);
	case IDENTITY_O:
		return put_attr(r, c->subject, c->subject_count, 10);
	case IDENTITY_OU:
		return put_attr(r, c->subject, c->subject_count, 11);
	case IDENTITY_C:
		return put_attr(r, c->subject, c->subject_count, 6);
	case IDENTITY_ISSUER_CN:
		return put_attr(r, c->issuer, c->issuer_count, 3);
	case IDENTITY_ISSUER_DN:
		return put_dn(r, c->issuer, c->issuer_count);
	case IDENTITY_SAN_DNS:
		return put_san(r, CERT_SAN_DNS);
	case IDENTITY_SAN_URI:
		return put_san(r, CERT_SAN_URI);
	case IDENTITY_SAN_EMAIL:
		return put_san(r, CERT_SAN_EMAIL);
	default: /* IDENTITY_SAN_IP */
		return put_san(r, CERT_SAN_IP);
	}
}

enum reason
identity_variable_append(enum identity_variable v,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX])
{
	struct render r = { v, in, unsafe, out, why };

	switch (v) {
	case IDENTITY_SNI:
		return put_said(&r, in->sni.len > 0, in->sni);
	case IDENTITY_CLIENT_USERNAME:
		return put_said(&r, in->connect->has_username,
		    in->connect->username);
	case IDENTITY_CLIENT_CLIENTID:
		return put_said(&r, true, in->connect->client_id);
	case IDENTITY_PEER_ADDRESS:
		return put_said(&r, in->peer.len > 0, in->peer);
	default:
		return put_from_cert(&r);
	}
}
