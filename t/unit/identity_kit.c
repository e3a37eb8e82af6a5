/* SPDX-License-Identifier: ISC */
#include "identity_kit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "byte_kit.h"

static const struct {
	const char *word;
	enum cert_string type;
	unsigned char tag;
} strings[] = {
	{ "utf8", CERT_STRING_UTF8, 12 },
	{ "printable", CERT_STRING_PRINTABLE, 19 },
	{ "ia5", CERT_STRING_IA5, 22 },
	{ "t61", CERT_STRING_T61, 20 },
	{ "bmp", CERT_STRING_BMP, 30 },
	{ "universal", CERT_STRING_UNIVERSAL, 28 },
	{ "numeric", CERT_STRING_NUMERIC, 18 },
	{ "other", CERT_STRING_OTHER, 4 },
};

static const struct {
	const char *word;
	const char *hex;
} oids[] = {
	{ "CN", "550403" },
	{ "SN", "550404" },
	{ "SERIALNUMBER", "550405" },
	{ "C", "550406" },
	{ "L", "550407" },
	{ "ST", "550408" },
	{ "STREET", "550409" },
	{ "O", "55040a" },
	{ "OU", "55040b" },
	{ "TITLE", "55040c" },
	{ "GIVENNAME", "55042a" },
	{ "INITIALS", "55042b" },
	{ "GENERATIONQUALIFIER", "55042c" },
	{ "PSEUDONYM", "550441" },
	{ "DC", "0992268993f22c640119" },
	{ "UID", "0992268993f22c640101" },
	{ "EMAILADDRESS", "2a864886f70d010901" },
};

static struct slice
own(struct identity_kit *k, struct kit_bytes b)
{
	if (k->owned_count == sizeof(k->owned) / sizeof(k->owned[0]))
		abort();
	k->owned[k->owned_count++] = b.data;
	return kit_slice(&b);
}

static struct slice
own_hex(struct identity_kit *k, const char *text)
{
	return own(k, kit_hex(text));
}

/* The next word of *line; `rest' of it stays. */
static const char *
word(char **line)
{
	char *begin = *line + strspn(*line, " ");
	char *end = begin + strcspn(begin, " ");

	if (*end != '\0')
		*end++ = '\0';
	*line = end;
	return begin;
}

/* Tag, length and value. */
static struct slice
own_der(struct identity_kit *k, unsigned char tag, struct slice value)
{
	struct kit_bytes b = kit_copy("", 0);

	kit_add_u8(&b, tag);
	if (value.len > 127) {
		kit_add_u8(&b, 0x82);
		kit_add_u16(&b, (unsigned)value.len);
	} else {
		kit_add_u8(&b, (unsigned)value.len);
	}
	kit_add(&b, value.data, value.len);
	return own(k, b);
}

static void
add_attr(struct identity_kit *k, struct cert_attr *attrs, size_t *count,
    bool same_rdn, const char *type, char *line)
{
	struct cert_attr *a = &attrs[*count];
	const char *string = word(&line);
	const char *oid = type;
	size_t i;

	if (*count == IDENTITY_KIT_MANY)
		abort();
	for (i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
		if (strcmp(type, oids[i].word) == 0)
			oid = oids[i].hex;
	}
	for (i = 0; strcmp(string, strings[i].word) != 0; i++) {
		if (i + 1 == sizeof(strings) / sizeof(strings[0]))
			abort();
	}
	a->oid = own_hex(k, oid);
	a->type = strings[i].type;
	a->value = own_hex(k, line);
	a->value_der = own_der(k, strings[i].tag, a->value);
	a->rdn = *count == 0 ? 0 : a[-1].rdn + !same_rdn;
	++*count;
}

static bool
add_san(struct identity_kit *k, const char *kind, char *line)
{
	static const char *const kinds[] = {
		[CERT_SAN_DNS] = "dns",
		[CERT_SAN_URI] = "uri",
		[CERT_SAN_EMAIL] = "email",
		[CERT_SAN_IP] = "ip",
	};
	struct cert_san *san = &k->sans[k->cert.san_count];
	size_t i;

	for (i = 0; i < 4 && strcmp(kind, kinds[i]) != 0; i++)
		continue;
	if (i == 4)
		return false;
	if (k->cert.san_count++ == IDENTITY_KIT_MANY)
		abort();
	san->kind = (enum cert_san_kind)i;
	san->value = own_hex(k, line);
	return true;
}

static void
set_digest(uint8_t out[CERT_SHA256_LEN], struct slice value)
{
	if (value.len != CERT_SHA256_LEN)
		abort();
	memcpy(out, value.data, CERT_SHA256_LEN);
}

static bool
set_field(struct identity_kit *k, const char *field, char *line)
{
	struct cert *c = &k->cert;

	if (strcmp(field, "serial") == 0)
		c->serial = own_hex(k, line);
	else if (strcmp(field, "der") == 0)
		c->der = own_hex(k, line);
	else if (strcmp(field, "sha256") == 0)
		set_digest(c->sha256, own_hex(k, line));
	else if (strcmp(field, "other_form") == 0)
		set_digest(c->other_form_sha256, own_hex(k, line));
	else if (strcmp(field, "tbs") == 0)
		set_digest(c->tbs_sha256, own_hex(k, line));
	else if (strcmp(field, "spki") == 0)
		set_digest(c->spki, own_hex(k, line));
	else if (strcmp(field, "notafter") == 0)
		c->not_after = strtoll(line, NULL, 10);
	else
		return false;
	return true;
}

static void
add_line(struct identity_kit *k, char *line)
{
	struct cert *c = &k->cert;
	const char *first = word(&line);
	bool same = strcmp(first, "+") == 0;

	if (*first == '\0' || set_field(k, first, line) ||
	    add_san(k, first, line))
		return;
	if (same)
		first = word(&line);
	if (strncmp(first, "issuer.", 7) == 0)
		add_attr(k, k->issuer, &c->issuer_count, same, first + 7, line);
	else
		add_attr(k, k->subject, &c->subject_count, same, first, line);
}

void
identity_kit_init(struct identity_kit *k, const char *text)
{
	char issuer[] = "issuer.CN utf8 'Test CA'";
	char *copy = strdup(text), *line = copy, *end;
	size_t i;

	memset(k, 0, sizeof(*k));
	for (i = 0; i < CERT_SHA256_LEN; i++) {
		k->cert.sha256[i] = (uint8_t)i;
		k->cert.other_form_sha256[i] = (uint8_t)(0x20 + i);
		k->cert.tbs_sha256[i] = (uint8_t)(0x60 + i);
		k->cert.spki[i] = (uint8_t)(0x40 + i);
		k->issuer_certs[0][i] = 0xc0;
		k->cas[0][i] = 0xca;
		k->cas[1][i] = 0xcb;
	}
	k->cert.canonical_sha256 = k->cert.sha256;
	memset(k->cert.md5, 0xab, sizeof(k->cert.md5));
	k->cert.issuer_certs =
	    (const uint8_t(*)[CERT_SHA256_LEN])k->issuer_certs;
	k->cert.issuer_cert_count = 1;
	k->cert.cas = (const uint8_t(*)[CERT_SHA256_LEN])k->cas;
	k->cert.ca_count = 2;
	k->cert.subject = k->subject;
	k->cert.issuer = k->issuer;
	k->cert.sans = k->sans;
	k->cert.serial = own_hex(k, "1001");
	k->cert.der = own_hex(k, "'DER of it'");
	for (; line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		add_line(k, line);
	}
	if (k->cert.issuer_count == 0)
		add_line(k, issuer);
	free(copy);
}

void
identity_kit_fini(struct identity_kit *k)
{
	while (k->owned_count > 0)
		free(k->owned[--k->owned_count]);
}

struct mqtt_connect
identity_kit_connect(enum mqtt_level level, const char *client_id,
    const char *username, const char *password)
{
	struct mqtt_connect c = { .level = level, .clean = true };

	c.client_id = slice_str(client_id);
	c.has_username = username != NULL;
	if (c.has_username)
		c.username = slice_str(username);
	c.has_password = password != NULL;
	if (c.has_password)
		c.password = slice_str(password);
	return c;
}
