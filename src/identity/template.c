/* SPDX-License-Identifier: ISC */
#include "identity/template.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/utf8.h"
#include "config/suggest.h"
#include "identity/text.h"

/* --- Variables --- */

/* Who chose the characters of a variable; see the list. */
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

/* A variable that is being appended to a name. */
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

/* Finds the variable called `name'. Returns false if no variable has this name.
 */
static bool
find_variable(struct slice name, enum identity_variable *v)
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
refuse_text(const struct render *r, enum identity_text_result result)
{
	return refuse(r, identity_text_reason(result), "%s",
	    identity_text_describe(result));
}

static size_t
room(const struct render *r)
{
	return IDENTITY_NAME_MAX - r->out->len;
}

static bool
is_unsafe(enum trust trust, uint32_t code)
{
	return utf8_is_control(code) || code == '+' || code == '#' ||
	    (code == '/' && trust == TRUST_NAME);
}

/* Appends one character as UTF-8, or each byte of it as %XX. */
static enum reason
put_char(struct render *r, uint32_t code, bool encoded)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *to = r->out->bytes + r->out->len;
	uint8_t bytes[4];
	size_t i, n = utf8_write(code, bytes);

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

/* Appends text that this program did not make, character by character. */
static enum reason
put_text(struct render *r, enum cert_string type, struct slice in)
{
	enum trust trust = variables[r->v].trust;
	enum reason reason = REASON_NONE;
	enum identity_text_result result;
	uint32_t code;
	bool encoded;

	if (type != CERT_STRING_OTHER && in.len == 0)
		return refuse_text(r, IDENTITY_TEXT_EMPTY);
	while (reason == REASON_NONE && in.len > 0) {
		result = identity_text_next(type, &in, &code);
		if (result != IDENTITY_TEXT_OK)
			return refuse_text(r, result);
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

/* Refuses unless there is exactly one. */
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

/* Types of attributes, as DER has them: those of X.520 (2.5.4), uid (RFC 4519)
 * and emailAddress (PKCS #9). */
#define OID_X520(last) "\x55\x04" last
#define OID_UID "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"
#define OID_EMAIL "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"

/* Appends the value of the one attribute of type `oid' in a name. */
static enum reason
put_attr(struct render *r, const struct cert_attr *attrs, size_t count,
    const char *oid)
{
	const struct cert_attr *found = NULL;
	size_t i, n = 0;
	enum reason reason;

	for (i = 0; i < count; i++) {
		if (slice_equal(attrs[i].oid, slice_str(oid))) {
			found = &attrs[i];
			n++;
		}
	}
	reason = only_one(r, n);
	if (reason != REASON_NONE)
		return reason;
	return put_text(r, found->type, found->value);
}

/* The type of the subject's attribute that `v' stands for, or NULL. */
static const char *
subject_oid(enum identity_variable v)
{
	switch (v) {
	case IDENTITY_CN:
		return CERT_OID_CN;
	case IDENTITY_SERIALNUMBER:
		return OID_X520("\x05");
	case IDENTITY_C:
		return OID_X520("\x06");
	case IDENTITY_L:
		return OID_X520("\x07");
	case IDENTITY_ST:
		return OID_X520("\x08");
	case IDENTITY_O:
		return OID_X520("\x0a");
	case IDENTITY_OU:
		return OID_X520("\x0b");
	case IDENTITY_TITLE:
		return OID_X520("\x0c");
	case IDENTITY_DNQUALIFIER:
		return OID_X520("\x2e");
	case IDENTITY_UID:
		return OID_UID;
	case IDENTITY_EMAIL:
		return OID_EMAIL;
	default:
		return NULL;
	}
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
	struct identity_text_out out = { r->out->bytes, IDENTITY_NAME_MAX,
		r->out->len };
	enum identity_dn_style style = IDENTITY_DN_HEX;
	enum identity_text_result result;

	if (r->unsafe == CONFIG_UNSAFE_REFUSE) {
		if (identity_dn_is_unsafe(attrs, count))
			return refuse(r, REASON_IDENTITY_UNSAFE,
			    "holds /# or a control, see unsafe_characters");
		style = IDENTITY_DN_EMQX;
	}
	result = identity_dn_append(attrs, count, style, &out, NULL);
	r->out->len = out.len;
	return result == IDENTITY_TEXT_OK ? REASON_NONE
					  : refuse_text(r, result);
}

/* Appends what the client sent; `there' is false if it did not. */
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
	if (subject_oid(r->v) != NULL)
		return put_attr(r, c->subject, c->subject_count,
		    subject_oid(r->v));
	switch (r->v) {
	case IDENTITY_DN:
		return put_dn(r, c->subject, c->subject_count);
	case IDENTITY_CRT:
	case IDENTITY_PEM:
		return put_base64(r, c->der);
	case IDENTITY_MD5:
		return put_hex(r, slice_make(c->md5, sizeof(c->md5)));
	case IDENTITY_SHA256:
		return put_hex(r,
		    slice_make(c->canonical_sha256, CERT_SHA256_LEN));
	case IDENTITY_TBS_SHA256:
		return put_hex(r,
		    slice_make(c->tbs_sha256, sizeof(c->tbs_sha256)));
	case IDENTITY_SPKI:
		return put_hex(r, slice_make(c->spki, sizeof(c->spki)));
	case IDENTITY_SERIAL:
		return put_serial(r, c->serial);
	case IDENTITY_ISSUER_CN:
		return put_attr(r, c->issuer, c->issuer_count, CERT_OID_CN);
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

/* --- Templates --- */

/* A piece of a template: literal text or a variable. */
struct part {
	struct slice literal; /* in the text; data is NULL for a variable */
	enum identity_variable v;
};

struct identity_template {
	struct slice text; /* after the parts, in the same allocation */
	size_t count;
	struct part parts[];
};

/* A text that is being compiled. */
struct compiler {
	struct slice text;
	size_t pos;
	char *why;
};

/* Reports what is wrong with the character at byte `pos'. */
__attribute__((format(printf, 3, 4))) static enum err
bad(const struct compiler *c, size_t pos, const char *fmt, ...)
{
	size_t i, column = 1;
	va_list ap;
	int n;

	for (i = 0; i < pos; i++)
		column += (c->text.data[i] & 0xc0) != 0x80;
	n = snprintf(c->why, IDENTITY_WHY_MAX, "column %zu: ", column);
	va_start(ap, fmt);
	vsnprintf(c->why + n, IDENTITY_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return ERR_CONFIG;
}

/* Words of other products, and what they are called here. */
static const struct {
	const char *word;
	const char *here;
} foreign_words[] = {
	{ "disabled", "none" },
	{ "username", "client.username" },
	{ "clientid", "client.clientid" },
	{ "commonname", "cn" },
	{ "subject", "dn" },
	{ "identity", "cn" },
};

/* Notes `known' if `typed' is nearer to it than to *best. In a name of two
 * letters one may be wrong or superfluous: cnn and cm both mean cn. */
static void
consider(const char *typed, const char *known, size_t *distance,
    const char **best)
{
	size_t d = config_nearest_distance(typed, known);
	size_t len = strlen(known);

	if (d > (len / 3 > 0 ? len / 3 : len - 1) || d >= *distance)
		return;
	*distance = d;
	*best = known;
}

/* The variable, or "none", that was probably meant by `typed'; or NULL. */
static const char *
nearest(struct slice typed)
{
	size_t i, distance = CONFIG_NEAREST_MAX;
	const char *best = NULL;
	char word[CONFIG_NEAREST_MAX];

	if (typed.len >= sizeof(word))
		return NULL;
	for (i = 0; i < typed.len; i++)
		word[i] = (char)tolower(typed.data[i]);
	word[i] = '\0';
	for (i = 0; i < sizeof(foreign_words) / sizeof(foreign_words[0]); i++) {
		if (strcmp(word, foreign_words[i].word) == 0)
			return foreign_words[i].here;
	}
	consider(word, "none", &distance, &best);
	for (i = 0; i < IDENTITY_VARIABLE_COUNT; i++)
		consider(word,
		    identity_variable_name((enum identity_variable)i),
		    &distance, &best);
	return best;
}

/* All variables, to suggest. */
static const char every[] =
#define V(id, name, trust, help) " " name
    IDENTITY_VARIABLES(V)
#undef V
    ;

static enum err
unknown(const struct compiler *c, struct slice name)
{
	const char *near = nearest(name);

	if (near != NULL && strcmp(near, "none") != 0)
		return bad(c, c->pos, "no such variable (did you mean ${%s}?)",
		    near);
	return bad(c, c->pos, "no such variable (there are%s)", every);
}

/* Takes the variable at c->pos, where `${' is. */
static enum err
take_variable(struct compiler *c, struct part *part)
{
	const uint8_t *begin = c->text.data + c->pos + 2;
	size_t left = c->text.len - c->pos - 2;
	const uint8_t *end = left == 0 ? NULL : memchr(begin, '}', left);
	struct slice name;

	if (end == NULL)
		return bad(c, c->pos, "${ without } (write ${cn})");
	name = slice_make(begin, (size_t)(end - begin));
	if (!find_variable(name, &part->v))
		return unknown(c, name);
	part->literal = slice_make(NULL, 0);
	c->pos += name.len + 3;
	return OK;
}

/* Takes the part at c->pos. A $$ becomes a part with one $. */
static enum err
take_part(struct compiler *c, struct part *part)
{
	const uint8_t *p = c->text.data + c->pos;
	size_t left = c->text.len - c->pos;
	const uint8_t *end;
	size_t len;

	if (*p == '$') {
		if (left > 1 && p[1] == '{')
			return take_variable(c, part);
		if (left < 2 || p[1] != '$')
			return bad(c, c->pos,
			    "$ alone (write $$ for the sign, ${cn} for a "
			    "variable)");
		part->literal = slice_make(p, 1);
		c->pos += 2;
		return OK;
	}
	end = memchr(p, '$', left);
	len = end == NULL ? left : (size_t)(end - p);
	part->literal = slice_make(p, len);
	c->pos += len;
	return OK;
}

/* Splits the text of `t' into its parts, for which there is room. */
static enum err
compile_parts(struct identity_template *t, char *why)
{
	struct compiler c = { t->text, 0, why };
	const char *near = NULL;
	enum err err;

	if (find_variable(t->text, &t->parts[0].v)) {
		t->count = 1;
		return OK;
	}
	/* A misspelt variable would give every client the same name. */
	if (memchr(t->text.data, '$', t->text.len) == NULL)
		near = nearest(t->text);
	if (near != NULL)
		return bad(&c, 0, "a bare word (did you mean %s?)", near);
	while (c.pos < t->text.len) {
		err = take_part(&c, &t->parts[t->count]);
		if (err != OK)
			return err;
		t->count++;
	}
	return OK;
}

/* Checks that the text may stand in a name. */
static enum err
check_text(struct slice text, char *why)
{
	struct compiler c = { text, 0, why };
	struct slice in = text;
	uint32_t code;

	if (text.len == 0)
		return bad(&c, 0, "empty (write none to leave the client's)");
	if (text.len > IDENTITY_NAME_MAX)
		return bad(&c, 0, "over 65,535 bytes");
	while (in.len > 0) {
		c.pos = text.len - in.len;
		if (identity_text_next(CERT_STRING_UTF8, &in, &code) !=
		    IDENTITY_TEXT_OK)
			return bad(&c, c.pos, "not UTF-8, or a NUL");
		if (utf8_is_control(code))
			return bad(&c, c.pos, "a control character");
	}
	return OK;
}

/* The most parts that `text' can have: each $ ends one and begins one. */
static size_t
max_parts(struct slice text)
{
	size_t i, n = 1;

	for (i = 0; i < text.len; i++)
		n += text.data[i] == '$' ? 2 : 0;
	return n;
}

enum err
identity_template_compile(struct identity_template **out, struct slice text,
    char why[IDENTITY_WHY_MAX])
{
	struct identity_template *t;
	size_t max;
	uint8_t *copy;
	enum err err;

	*out = NULL;
	err = check_text(text, why);
	if (err != OK || slice_equal(text, slice_str("none")))
		return err;
	max = max_parts(text);
	t = calloc(1, sizeof(*t) + max * sizeof(t->parts[0]) + text.len);
	if (t == NULL)
		return ERR_NO_MEMORY;
	copy = (uint8_t *)&t->parts[max];
	memcpy(copy, text.data, text.len);
	t->text = slice_make(copy, text.len);
	err = compile_parts(t, why);
	if (err != OK) {
		identity_template_free(t);
		return err;
	}
	*out = t;
	return OK;
}

void
identity_template_free(struct identity_template *t)
{
	free(t);
}

struct slice
identity_template_text(const struct identity_template *t)
{
	return t->text;
}

bool
identity_template_is_constant(const struct identity_template *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (t->parts[i].literal.data == NULL)
			return false;
	}
	return true;
}

static enum reason
put_literal(struct slice s, struct identity_name *out, char *why)
{
	if (s.len > IDENTITY_NAME_MAX - out->len) {
		snprintf(why, IDENTITY_WHY_MAX,
		    "the text around the "
		    "variables makes it longer than 65,535 bytes");
		return REASON_IDENTITY_TOO_LONG;
	}
	memcpy(out->bytes + out->len, s.data, s.len);
	out->len += s.len;
	return REASON_NONE;
}

enum reason
identity_template_render(const struct identity_template *t,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX])
{
	const struct part *part;
	enum reason reason = REASON_NONE;

	out->len = 0;
	for (part = t->parts; part < t->parts + t->count; part++) {
		if (part->literal.data != NULL)
			reason = put_literal(part->literal, out, why);
		else
			reason = identity_variable_append(part->v, in, unsafe,
			    out, why);
		if (reason != REASON_NONE)
			return reason;
	}
	return REASON_NONE;
}
