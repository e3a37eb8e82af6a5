/* SPDX-License-Identifier: ISC */
/*
 * Each file is read whole and once, so that a file that is being replaced is
 * seen either as the old or as the new one.
 */
#include "tls/load.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tls/der.h"

/* No real certificate chain or CA bundle is longer. */
#define CERTS_FILE_MAX (16 * 1024 * 1024)

/* Room for a path and a sentence. */
#define TEXT_MAX 5120

/* Room for a PEM label, and how much of a strange line a message shows. */
#define LABEL_MAX 64
#define LINE_SHOWN 60

/* Of UTF-8. Editors on Windows write it, and files that were joined contain it
 * in the middle. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* A walk through the blocks of a file. */
struct walk {
	struct slice rest; /* not yet read */
	unsigned line; /* of what was read last; from 1 */
	enum tls_load_kind kind;
	tls_load_block *block;
	void *arg; /* for `block' */
	const struct tls_load_source *src;
	size_t found; /* blocks of the kind */
	size_t passed; /* blocks of another kind that a warning is due for */
	enum err result; /* the last error */
};

enum err
tls_load_error(const struct tls_load_report *report, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report->refuse(report->arg, option, text);
	return ERR_CONFIG;
}

void
tls_load_warning(const struct tls_load_report *report, const char *option,
    const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report->warn(report->arg, option, text);
}

const char *
tls_load_text(enum err err, const char *none)
{
	switch (err) {
	case ERR_SYSTEM:
		return errno == EACCES
		    ? "Permission denied (let [daemon] user read it)"
		    : file_error(err);
	case ERR_LIMIT:
		return "the file is too large";
	case ERR_MALFORMED:
		return "the file is damaged: its PEM or DER cannot be read "
		       "(is it complete? write it beside and rename it)";
	case ERR_NOT_FOUND:
		return none;
	default:
		return file_error(err);
	}
}

void
tls_load_warn_if_open(const struct tls_load_report *report, const char *option,
    const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		tls_load_warning(report, option,
		    "%s: everybody may read or write it (try: chmod o= %s)",
		    path, path);
}

/* Reports an error about `line' (0: about the whole file). Returns what the
 * walk is to return. */
__attribute__((format(printf, 3, 4))) static enum err
flaw(const struct walk *w, unsigned line, const char *fmt, ...)
{
	char text[LINE_SHOWN + 400];
	va_list ap;

	if (w->src->report == NULL)
		return ERR_MALFORMED;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line == 0)
		return tls_load_error(w->src->report, w->src->option, "%s: %s",
		    w->src->path, text);
	return tls_load_error(w->src->report, w->src->option, "%s: line %u: %s",
	    w->src->path, line, text);
}

/* Notes an error and lets the walk go on, unless it is fatal. */
static bool
goes_on(struct walk *w, enum err err)
{
	if (err != OK)
		w->result = err;
	return err == OK || err == ERR_CONFIG || err == ERR_MALFORMED;
}

/* Takes the next line without its end and trailing blanks. Returns false at the
 * end of the file. */
static bool
next_line(struct walk *w, struct slice *line)
{
	const uint8_t *end;
	size_t len;

	if (w->rest.len == 0)
		return false;
	end = memchr(w->rest.data, '\n', w->rest.len);
	len = end == NULL ? w->rest.len : (size_t)(end - w->rest.data) + 1;
	*line = slice_make(w->rest.data, len);
	w->rest = slice_make(w->rest.data + len, w->rest.len - len);
	w->line++;
	while (line->len > 0 && line->data[line->len - 1] <= ' ')
		line->len--;
	return true;
}

static bool
starts_with(struct slice s, const char *text)
{
	size_t len = strlen(text);

	return s.len >= len && memcmp(s.data, text, len) == 0;
}

/* If `line' is "-----WORD LABEL-----", copies the label and returns true. */
static bool
take_label(struct slice line, const char *word, char *label)
{
	size_t begin = strlen(word), len;

	if (!starts_with(line, word) || line.len < begin + 5 ||
	    memcmp(line.data + line.len - 5, "-----", 5) != 0)
		return false;
	len = line.len - begin - 5;
	if (len >= LABEL_MAX)
		return false;
	memcpy(label, line.data + begin, len);
	label[len] = '\0';
	return true;
}

/* True if the line seems to be meant as a BEGIN and is not one: the library
 * would ignore it. */
static bool
resembles_begin(struct slice line)
{
	static const char *const dashes[] = { "--", "\xe2\x80\x93",
		"\xe2\x80\x94" };
	size_t i;

	if (memmem(line.data, line.len, "BEGIN", 5) == NULL &&
	    memmem(line.data, line.len, "begin", 5) == NULL &&
	    memmem(line.data, line.len, "Begin", 5) == NULL)
		return false;
	for (i = 0; i < sizeof(dashes) / sizeof(dashes[0]); i++)
		if (memmem(line.data, line.len, dashes[i], strlen(dashes[i])) !=
		    NULL)
			return true;
	return false;
}

/* True for the first line of base64 of a long DER sequence, as certificates,
 * CRLs and keys are: a block that has lost its BEGIN. */
static bool
resembles_body(struct slice line)
{
	size_t i;

	if (line.len < 60 || !starts_with(line, "MI"))
		return false;
	for (i = 0; i < 60; i++)
		if (!isalnum(line.data[i]) && line.data[i] != '+' &&
		    line.data[i] != '/')
			return false;
	return true;
}

/* True for labels of that kind, among them OpenSSL's old ones. */
static bool
is_wanted(enum tls_load_kind kind, const char *label)
{
	switch (kind) {
	case TLS_LOAD_CERT:
		return strcmp(label, "CERTIFICATE") == 0 ||
		    strcmp(label, "X509 CERTIFICATE") == 0 ||
		    strcmp(label, "TRUSTED CERTIFICATE") == 0;
	case TLS_LOAD_CRL:
		return strcmp(label, "X509 CRL") == 0;
	default:
		return strstr(label, "PRIVATE KEY") != NULL;
	}
}

/* True for blocks that are usual beside the wanted ones: a key in the file of
 * its certificate, and the other way round. */
static bool
is_usual(enum tls_load_kind kind, const char *label)
{
	return (kind == TLS_LOAD_CERT && is_wanted(TLS_LOAD_KEY, label)) ||
	    (kind == TLS_LOAD_KEY && is_wanted(TLS_LOAD_CERT, label)) ||
	    strstr(label, "PARAMETERS") != NULL;
}

/* True for labels that are known and not of the wanted kind. */
static bool
is_other(const char *label)
{
	return is_wanted(TLS_LOAD_CERT, label) ||
	    is_wanted(TLS_LOAD_CRL, label) || is_wanted(TLS_LOAD_KEY, label) ||
	    strcmp(label, "PUBLIC KEY") == 0 ||
	    strcmp(label, "RSA PUBLIC KEY") == 0 ||
	    strcmp(label, "CERTIFICATE REQUEST") == 0 ||
	    strcmp(label, "NEW CERTIFICATE REQUEST") == 0;
}

/* A block that is not of the wanted kind. It must not be one that was meant to
 * be read. */
static enum err
pass_over(struct walk *w, const char *label, unsigned line)
{
	if (is_usual(w->kind, label))
		return OK;
	if (strcmp(label, "PKCS7") == 0 || strcmp(label, "CMS") == 0)
		return flaw(w, line,
		    "a %s block is not read (try: openssl pkcs7 -print_certs)",
		    label);
	if (!is_other(label))
		return flaw(w, line,
		    "\"BEGIN %s\" is not a known kind of block", label);
	if (w->passed++ == 0 && w->src->report != NULL)
		tls_load_warning(w->src->report, w->src->option,
		    "%s: line %u: a block \"%s\" is not read here",
		    w->src->path, line, label);
	return OK;
}

/* Removes OpenSSL's trust settings, which follow the certificate of a TRUSTED
 * CERTIFICATE. `settings' receives them. */
static void
split_trusted(struct slice *der, CBS *settings)
{
	CBS all, cert;

	CBS_init(&all, der->data, der->len);
	CBS_init(settings, NULL, 0);
	if (!CBS_get_any_asn1_element(&all, &cert, NULL, NULL))
		return;
	*der = slice_make(CBS_data(&cert), CBS_len(&cert));
	*settings = all;
}

/* True if one of the object identifiers in `list' is clientAuth, or
 * anyExtendedKeyUsage. */
static bool
names_clients(CBS list)
{
	static const uint8_t client[] = { 0x2b, 6, 1, 5, 5, 7, 3, 2 };
	static const uint8_t any[] = { 0x55, 0x1d, 0x25, 0 };
	CBS oid;

	while (CBS_get_asn1(&list, &oid, CBS_ASN1_OBJECT))
		if (CBS_mem_equal(&oid, client, sizeof(client)) ||
		    CBS_mem_equal(&oid, any, sizeof(any)))
			return true;
	return false;
}

/* True if trust settings (X509_CERT_AUX of OpenSSL) let the certificate vouch
 * for TLS clients. */
static bool
trusts_clients(CBS settings)
{
	CBS seq, trust, reject;
	int has_trust, has_reject;

	if (CBS_len(&settings) == 0)
		return true;
	if (!CBS_get_asn1(&settings, &seq, CBS_ASN1_SEQUENCE) ||
	    !CBS_get_optional_asn1(&seq, &trust, &has_trust,
		CBS_ASN1_SEQUENCE) ||
	    !CBS_get_optional_asn1(&seq, &reject, &has_reject,
		CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0))
		return false;
	if (has_reject && names_clients(reject))
		return false;
	return !has_trust || names_clients(trust);
}

/* Hands a decoded block to the caller's function. */
static enum err
hand_over(struct walk *w, struct tls_pem_block *block)
{
	CBS settings;

	w->found++;
	if (strcmp(block->label, "TRUSTED CERTIFICATE") != 0)
		return w->block(block, w->arg);
	split_trusted(&block->der, &settings);
	if (strcmp(w->src->option, "client_ca") == 0 &&
	    !trusts_clients(settings))
		return flaw(w, block->line,
		    "by its trust settings this CA is not for clients (try: "
		    "openssl x509 -addtrust clientAuth)");
	return w->block(block, w->arg);
}

/* Appends the base64 characters of a line to `text'. Returns false if there is
 * another character. */
static bool
take_base64(struct slice line, uint8_t *text, size_t *len)
{
	size_t i;
	uint8_t c;

	for (i = 0; i < line.len; i++) {
		c = line.data[i];
		if (c == ' ' || c == '\t' || c == '\r')
			continue;
		if (c < '+' || (c > '+' && c < '/') || c > 'z' ||
		    (c > '9' && c < 'A' && c != '=') || (c > 'Z' && c < 'a'))
			return false;
		text[(*len)++] = c;
	}
	return true;
}

/* Skips the headers of RFC 1421 after a BEGIN. *encrypted tells that they say
 * that the block is encrypted. */
static void
skip_headers(struct walk *w, bool *encrypted)
{
	struct walk ahead = *w;
	struct slice line;

	*encrypted = false;
	if (!next_line(&ahead, &line) ||
	    memchr(line.data, ':', line.len) == NULL)
		return;
	while (next_line(w, &line) && line.len > 0)
		if (memmem(line.data, line.len, "ENCRYPTED", 9) != NULL)
			*encrypted = true;
}

/* Collects the base64 of a block into `text', which is long enough for the rest
 * of the file, up to the END. */
static enum err
take_body(struct walk *w, const char *label, unsigned begin, uint8_t *text,
    size_t *len)
{
	char end[LABEL_MAX];
	struct slice line;

	*len = 0;
	while (next_line(w, &line)) {
		if (take_label(line, "-----END ", end)) {
			if (strcmp(end, label) == 0)
				return OK;
			return flaw(w, w->line, "\"END %s\" after \"BEGIN %s\"",
			    end, label);
		}
		if (take_label(line, "-----BEGIN ", end)) {
			/* Go on with the next block. */
			w->rest = slice_make(line.data,
			    (size_t)(w->rest.data - line.data) + w->rest.len);
			w->line--;
			return flaw(w, begin,
			    "the block has no END before line %u begins the "
			    "next",
			    w->line + 1);
		}
		if (!take_base64(line, text, len))
			return flaw(w, w->line,
			    "the block of line %u is damaged here", begin);
	}
	return flaw(w, begin,
	    "the block has no END (is the file complete? write it beside and "
	    "rename it)");
}

static enum err
decode(struct walk *w, struct tls_pem_block *block, const uint8_t *text,
    size_t len)
{
	uint8_t *der = NULL;
	size_t max;
	enum err err;

	if (!block->encrypted) {
		if (!EVP_DecodedLength(&max, len) || max == 0)
			return flaw(w, block->line, "the block is damaged");
		der = malloc(max);
		if (der == NULL)
			return ERR_NO_MEMORY;
		if (!EVP_DecodeBase64(der, &max, max, text, len)) {
			file_wipe(der, max);
			return flaw(w, block->line, "the block is damaged");
		}
		block->der = slice_make(der, max);
	}
	len = block->der.len;
	err = hand_over(w, block);
	file_wipe(der, len);
	return err;
}

/* Reads the block whose BEGIN was the last line. */
static enum err
take_block(struct walk *w, const char *label)
{
	struct tls_pem_block block = { .label = label, .line = w->line };
	size_t room = w->rest.len + 1, len;
	uint8_t *text = malloc(room);
	enum err err;

	if (text == NULL)
		return ERR_NO_MEMORY;
	skip_headers(w, &block.encrypted);
	err = take_body(w, label, block.line, text, &len);
	if (err == OK)
		err = is_wanted(w->kind, label)
		    ? decode(w, &block, text, len)
		    : pass_over(w, label, block.line);
	if (w->kind == TLS_LOAD_KEY)
		OPENSSL_cleanse(text, room);
	free(text);
	return err;
}

/* A line outside of blocks, which must not hide one. */
static enum err
check_between(struct walk *w, struct slice line)
{
	struct slice all = line;
	int shown;

	if (resembles_body(line))
		return flaw(w, w->line,
		    "a block without its BEGIN line (is the file complete?)");
	if (!resembles_begin(line))
		return OK;
	while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
		line = slice_make(line.data + 1, line.len - 1);
	shown = line.len < LINE_SHOWN ? (int)line.len : LINE_SHOWN;
	if (line.len < all.len && starts_with(line, "-----BEGIN "))
		return flaw(w, w->line,
		    "a block must begin at the start of its line (remove the "
		    "blanks in front of it)");
	if (line.data[0] != '#' && line.data[0] != ';')
		return flaw(w, w->line,
		    "\"%.*s\" does not begin a block as PEM writes it", shown,
		    (const char *)line.data);
	if (w->src->report != NULL)
		tls_load_warning(w->src->report, w->src->option,
		    "%s: line %u: a block behind \"%c\" is not read",
		    w->src->path, w->line, line.data[0]);
	return OK;
}

static void
walk_pem(struct walk *w)
{
	char label[LABEL_MAX];
	struct slice line;
	enum err err;

	do {
		if (!next_line(w, &line))
			return;
		if (starts_with(line, BYTE_ORDER_MARK))
			line = slice_make(line.data + 3, line.len - 3);
		err = take_label(line, "-----BEGIN ", label)
		    ? take_block(w, label)
		    : check_between(w, line);
	} while (goes_on(w, err));
}

/* Returns the length of the DER element at the start of `file', or 0 if the
 * file is to be read as PEM: text, too, can begin like DER. */
static size_t
der_len(struct slice file)
{
	static const char begin[] = "\n-----BEGIN ";
	CBS all, element;

	CBS_init(&all, file.data, file.len);
	if (file.len == 0 || file.data[0] != 0x30 ||
	    !CBS_get_any_asn1_element(&all, &element, NULL, NULL))
		return 0;
	if (memmem(file.data, file.len, begin, sizeof(begin) - 1) != NULL)
		return 0;
	return CBS_len(&element);
}

/* Returns what the DER is and how to convert it, or NULL if it may be what is
 * wanted. PKCS#12 begins with version 3 and a sequence (RFC 7292, 4), PKCS#7
 * with the OID of signedData (RFC 2315, 14). */
static const char *
find_container(struct slice der)
{
	static const uint8_t signed_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7,
		0x0d, 0x01, 0x07, 0x02 };
	uint64_t version;
	CBS all, in, oid;

	CBS_init(&all, der.data, der.len);
	if (!CBS_get_asn1(&all, &in, CBS_ASN1_SEQUENCE))
		return NULL;
	if (CBS_peek_asn1_tag(&in, CBS_ASN1_OBJECT) &&
	    CBS_get_asn1(&in, &oid, CBS_ASN1_OBJECT) &&
	    CBS_mem_equal(&oid, signed_data, sizeof(signed_data)))
		return "the file is PKCS#7 (try: openssl pkcs7 -inform DER "
		       "-in FILE -print_certs -out PEM)";
	if (CBS_peek_asn1_tag(&in, CBS_ASN1_INTEGER) &&
	    CBS_get_asn1_uint64(&in, &version) && version == 3 &&
	    CBS_peek_asn1_tag(&in, CBS_ASN1_SEQUENCE))
		return "the file is PKCS#12 (try: openssl pkcs12 -in FILE "
		       "-nodes -out PEM; with -nokeys for certificates only, "
		       "with -nocerts for the key)";
	return NULL;
}

/* Reads a file of DER, `len' bytes long. Only line ends may follow. */
static enum err
walk_der(struct walk *w, size_t len)
{
	struct tls_pem_block block = { .label = "" };
	const char *container = find_container(w->rest);
	size_t i;

	if (container != NULL)
		return flaw(w, 0, "%s", container);
	for (i = len; i < w->rest.len; i++)
		if (w->rest.data[i] != '\n' && w->rest.data[i] != '\r')
			return flaw(w, 0,
			    "after the first %zu bytes of DER more follow, "
			    "which are not read (several go into one file as "
			    "PEM)",
			    len);
	block.der = slice_make(w->rest.data, len);
	return hand_over(w, &block);
}

/* Reports what is wrong with a file without any block. */
static enum err
nothing(const struct walk *w)
{
	struct slice file = w->rest;

	if (file.len > 1 && (file.data[0] ^ file.data[1]) == (0xfe ^ 0xff) &&
	    (file.data[0] == 0xfe || file.data[0] == 0xff))
		return flaw(w, 0,
		    "the file is UTF-16 text (save it as UTF-8 or ASCII)");
	if (file.len > 0 && file.data[0] == 0x30)
		return flaw(w, 0, "%s", tls_load_text(ERR_MALFORMED, NULL));
	if (w->src->report == NULL)
		return ERR_NOT_FOUND;
	return tls_load_error(w->src->report, w->src->option, "%s: %s",
	    w->src->path, w->src->none);
}

enum err
tls_load_blocks(struct slice file, enum tls_load_kind kind,
    tls_load_block *block, void *arg, const struct tls_load_source *src)
{
	struct walk w = { file, 0, kind, block, arg, src, 0, 0, OK };
	size_t der = der_len(file);

	if (der > 0) {
		w.result = walk_der(&w, der);
	} else {
		walk_pem(&w);
		w.rest = file;
		if (w.result == OK && w.found == 0)
			w.result = nothing(&w);
	}
	ERR_clear_error();
	return w.result;
}

enum err
tls_load_each_cert(const struct tls_load_source *src, tls_load_block *block,
    void *arg)
{
	uint8_t *data;
	size_t len;
	enum err err = file_read(&data, &len, src->path, CERTS_FILE_MAX);

	if (err != OK && err != ERR_NO_MEMORY && src->report != NULL)
		return tls_load_error(src->report, src->option, "%s: %s",
		    src->path, tls_load_text(err, src->none));
	if (err != OK)
		return err;
	err = tls_load_blocks(slice_make(data, len), TLS_LOAD_CERT, block, arg,
	    src);
	free(data);
	return err;
}

static enum err
add_cert(const struct tls_pem_block *block, void *arg)
{
	STACK_OF(CRYPTO_BUFFER) *certs = arg;
	CRYPTO_BUFFER *buf =
	    CRYPTO_BUFFER_new(block->der.data, block->der.len, NULL);

	if (buf != NULL && sk_CRYPTO_BUFFER_push(certs, buf))
		return OK;
	CRYPTO_BUFFER_free(buf);
	return ERR_NO_MEMORY;
}

enum err
tls_load_certs(STACK_OF(CRYPTO_BUFFER) * *out,
    const struct tls_load_source *src)
{
	STACK_OF(CRYPTO_BUFFER) *certs = sk_CRYPTO_BUFFER_new_null();
	enum err err;

	*out = NULL;
	if (certs == NULL)
		return ERR_NO_MEMORY;
	err = tls_load_each_cert(src, add_cert, certs);
	if (err != OK) {
		tls_load_free(certs);
		return err;
	}
	*out = certs;
	return OK;
}

void
tls_load_free(STACK_OF(CRYPTO_BUFFER) * certs)
{
	sk_CRYPTO_BUFFER_pop_free(certs, CRYPTO_BUFFER_free);
}

const char *
tls_load_where(char out[TLS_LOAD_WHERE_MAX], struct slice subject,
    unsigned line)
{
	char name[TLS_NAME_TEXT_MAX];

	tls_der_name_text(name, subject);
	if (line == 0)
		snprintf(out, TLS_LOAD_WHERE_MAX, "%s", name);
	else
		snprintf(out, TLS_LOAD_WHERE_MAX, "%s (line %u)", name, line);
	return out;
}
