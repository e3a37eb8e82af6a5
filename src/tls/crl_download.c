/* SPDX-License-Identifier: ISC */
#include "tls/crl_download.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/time.h"
#include "tls/crl.h"
#include "tls/crl_list.h"
#include "tls/trust.h"

/* No CA has more in one file. */
#define LISTS_MAX 1024

/* Of the DistributionPointName, and of a URI in it. */
#define TAG_POINT (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0)
#define TAG_URI (CBS_ASN1_CONTEXT_SPECIFIC | 6)
#define URIS_MAX 8
#define URI_MAX 2048

/* A line of PEM: 48 bytes are 64 characters. */
#define LINE_BYTES 48

/* The lists of a file or of a download. */
struct lists {
	struct crl_list **items; /* owned, each counted */
	size_t count;
	const struct crl_signers *signers; /* borrowed */
	char *why; /* CRL_DOWNLOAD_WHY_MAX bytes; NULL: skip what is bad */
};

/* Says what is wrong, unless something is said already. */
__attribute__((format(printf, 2, 3))) static enum err
refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	if (why[0] != '\0')
		return ERR_REFUSED;
	va_start(ap, fmt);
	vsnprintf(why, CRL_DOWNLOAD_WHY_MAX, fmt, ap);
	va_end(ap);
	return ERR_REFUSED;
}

static void
take_refusal(void *arg, const char *option, const char *text)
{
	(void)option;
	(void)refuse(arg, "%s", text);
}

static void
drop_warning(void *arg, const char *option, const char *text)
{
	(void)arg;
	(void)option;
	(void)text;
}

static void
lists_fini(struct lists *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		crl_list_put(l->items[i]);
	free(l->items);
	l->items = NULL;
	l->count = 0;
}

/* Says why no CA signed the list. `named' is a CA of its issuer's name. */
static enum err
refuse_signer(char *why, const struct crl_list *c, const struct tls_cert *named)
{
	char name[TLS_NAME_TEXT_MAX];

	tls_der_name_text(name, c->issuer);
	if (named == NULL)
		return refuse(why,
		    "it is a list of %s, which is not in client_ca", name);
	if (tls_der_algorithm_weakness(c->algorithm) != NULL)
		return refuse(why,
		    "the signature algorithm of the list of %s is not "
		    "supported (SHA-256 or better, with RSA, ECDSA or "
		    "Ed25519, is)",
		    name);
	return refuse(why,
	    "its signature is not by %s, the CA that it names: it is forged, "
	    "damaged, or by a new key of that CA (add its new certificate to "
	    "client_ca)",
	    name);
}

/* OK if a CA of `signers' signed the list. */
static enum err
check_signer(struct crl_list *c, const struct crl_signers *signers, char *why)
{
	const struct tls_cert *cert, *named = NULL;
	struct crl_key key;
	enum err err;
	size_t i, k;

	for (i = 0; i < signers->count; i++)
		for (k = 0; k < signers->trusts[i]->count; k++) {
			cert = &signers->trusts[i]->cas[k].cert;
			if (cert->der.subject_hash != c->issuer_hash ||
			    !tls_cert_may_issue(cert, 0))
				continue;
			named = cert;
			key.spki = cert->der.spki;
			key.hash = cert->key;
			key.id = cert->der.key_id;
			err = crl_list_check_key(c, &key);
			if (err != ERR_MALFORMED)
				return err;
		}
	return refuse_signer(why, c, named);
}

static enum err
add_list(struct lists *l, struct crl_list *c)
{
	struct crl_list **more =
	    realloc(l->items, (l->count + 1) * sizeof(struct crl_list *));

	if (more == NULL)
		return ERR_NO_MEMORY;
	l->items = more;
	l->items[l->count++] = crl_list_get(c);
	return OK;
}

/* Takes one list. One that is not good is skipped if l->why is NULL. */
static enum err
take_list(const struct tls_pem_block *block, void *arg)
{
	char unused[CRL_DOWNLOAD_WHY_MAX] = "";
	struct lists *l = arg;
	char *why = l->why == NULL ? unused : l->why;
	const char *text = "";
	struct crl_list *c;
	enum err err;

	err = crl_list_parse(&c, block->der, "", &text);
	if (err == ERR_MALFORMED)
		err =
		    refuse(why, "it is not a list that can be used: %s", text);
	if (err == OK)
		err = check_signer(c, l->signers, why);
	if (err == OK && l->count == LISTS_MAX)
		err = refuse(why, "it has more than %d lists", LISTS_MAX);
	if (err == OK)
		err = add_list(l, c);
	crl_list_put(c);
	return err == ERR_REFUSED && l->why == NULL ? OK : err;
}

/* Returns what a download that contains no list looks like. */
static const char *
describe_no_crl(struct slice body)
{
	size_t i = 0;

	if (body.len == 0)
		return "it is empty";
	while (i < body.len && i < 64 &&
	    strchr(" \t\r\n\xef\xbb\xbf", body.data[i]) != NULL &&
	    body.data[i] != '\0')
		i++;
	if (i < body.len && body.data[i] == '<')
		return "it is a web page and no CRL (is the URL right, or a "
		       "login in between?)";
	return "it is no CRL";
}

/* Reads the lists of `file'. */
static enum err
read_lists(struct lists *l, struct slice file)
{
	struct tls_load_report report = { take_refusal, drop_warning, l->why };
	struct tls_load_source src = { "the download", "crl",
		describe_no_crl(file), l->why == NULL ? NULL : &report };
	enum err err = tls_load_blocks(file, TLS_LOAD_CRL, take_list, l, &src);

	if (err == ERR_NO_MEMORY || l->why != NULL)
		return err == ERR_CONFIG ? ERR_REFUSED : err;
	return OK;
}

/* The lists of a file in place: what is bad in it does not count. */
static enum err
read_in_place(struct lists *l, struct slice file,
    const struct crl_signers *signers)
{
	*l = (struct lists){ .signers = signers };
	return file.len == 0 ? OK : read_lists(l, file);
}

static bool
in_force(const struct crl_list *c, int64_t now)
{
	return crl_list_begun(c, now) && !crl_list_ended(c, now, 0);
}

static void
number_text(char out[CRL_DOWNLOAD_NUMBER_MAX], const struct crl_list *c)
{
	struct slice n = c->number;

	if (n.len > (CRL_DOWNLOAD_NUMBER_MAX - 1) / 2)
		n.len = (CRL_DOWNLOAD_NUMBER_MAX - 1) / 2;
	encode_hex(out, n);
}

enum err
crl_download_sum_up(struct crl_summary *out, struct slice file,
    const struct crl_signers *signers, int64_t now)
{
	const struct crl_list *c;
	struct lists l;
	enum err err = read_in_place(&l, file, signers);
	size_t i;

	memset(out, 0, sizeof(*out));
	out->next_update = INT64_MAX;
	for (i = 0; err == OK && i < l.count; i++) {
		c = l.items[i];
		if (!in_force(c, now))
			continue;
		if (out->lists++ == 0)
			number_text(out->number, c);
		out->revoked += c->count;
		if (c->this_update > out->this_update)
			out->this_update = c->this_update;
		if (c->next_update < out->next_update)
			out->next_update = c->next_update;
	}
	lists_fini(&l);
	return err;
}

/* Refuses a list that is not in force. */
static enum err
check_dates(const struct crl_list *c, int64_t now, char *why)
{
	char when[TIME_TEXT_MAX];

	if (!crl_list_begun(c, now)) {
		time_write(c->this_update, when);
		return refuse(why,
		    "it is not valid before %s (check the clock)", when);
	}
	if (crl_list_ended(c, now, 0)) {
		time_write(c->next_update, when);
		return refuse(why,
		    "its nextUpdate, %s, has passed: the server has an old "
		    "list (its CA must sign a new one)",
		    when);
	}
	return OK;
}

static enum err
refuse_older(char *why, const struct crl_list *c, const struct crl_list *old)
{
	char when[TIME_TEXT_MAX], before[TIME_TEXT_MAX];
	char number[CRL_DOWNLOAD_NUMBER_MAX], other[CRL_DOWNLOAD_NUMBER_MAX];

	time_write(c->this_update, when);
	time_write(old->this_update, before);
	number_text(number, c);
	number_text(other, old);
	return refuse(why,
	    "it is older than the list in place: number 0x%s of %s, and in "
	    "place is 0x%s of %s (remove the file to take it all the same)",
	    number, when, other, before);
}

/* Compares a list with those in place. *same: one in place is as new. */
static enum err
compare(const struct crl_list *c, const struct lists *in_place, int64_t now,
    bool *same, char *why)
{
	const struct crl_list *old;
	size_t i;

	*same = false;
	for (i = 0; i < in_place->count; i++) {
		old = in_place->items[i];
		if (!crl_list_same(c, old) || !in_force(old, now))
			continue;
		if (crl_list_newer(c, old))
			continue;
		if (crl_list_newer(old, c) ||
		    c->this_update != old->this_update)
			return refuse_older(why, c, old);
		*same = true;
	}
	return OK;
}

static enum err
append_text(struct buf *pem, const char *text)
{
	return buf_append(pem, text, strlen(text));
}

static enum err
append_pem(struct buf *pem, const struct crl_list *c)
{
	char line[ENCODE_BASE64_LEN(LINE_BYTES) + 2];
	enum err err = append_text(pem, "-----BEGIN X509 CRL-----\n");
	size_t at, len;

	for (at = 0; err == OK && at < c->der_len; at += LINE_BYTES) {
		len =
		    c->der_len - at < LINE_BYTES ? c->der_len - at : LINE_BYTES;
		encode_base64(line, slice_make(c->der + at, len));
		len = ENCODE_BASE64_LEN(len);
		line[len] = '\n';
		err = buf_append(pem, line, len + 1);
	}
	return err == OK ? append_text(pem, "-----END X509 CRL-----\n") : err;
}

static bool
has_same(const struct lists *l, const struct crl_list *c)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (crl_list_same(l->items[i], c))
			return true;
	return false;
}

/* Writes the lists of the download, and those in place that stay. */
static enum err
write_pem(struct buf *pem, const struct lists *fresh,
    const struct lists *in_place, int64_t now)
{
	enum err err = OK;
	size_t i;

	for (i = 0; err == OK && i < fresh->count; i++)
		err = append_pem(pem, fresh->items[i]);
	for (i = 0; err == OK && i < in_place->count; i++)
		if (in_force(in_place->items[i], now) &&
		    !has_same(fresh, in_place->items[i]))
			err = append_pem(pem, in_place->items[i]);
	return err;
}

/* OK if one list at least is new, else ERR_EXISTS or ERR_REFUSED. */
static enum err
check_lists(const struct lists *fresh, const struct lists *in_place,
    int64_t now, char *why)
{
	bool same = false, news = false;
	enum err err = OK;
	size_t i;

	for (i = 0; err == OK && i < fresh->count; i++) {
		err = check_dates(fresh->items[i], now, why);
		if (err == OK)
			err =
			    compare(fresh->items[i], in_place, now, &same, why);
		news = news || (err == OK && !same);
	}
	return err == OK && !news ? ERR_EXISTS : err;
}

enum err
crl_download_check(const struct crl_download *download, struct buf *pem,
    char why[CRL_DOWNLOAD_WHY_MAX])
{
	struct lists fresh = { .signers = &download->signers, .why = why };
	struct lists in_place = { 0 };
	enum err err;

	why[0] = '\0';
	err = read_lists(&fresh, download->body);
	if (err == OK)
		err = read_in_place(&in_place, download->in_place,
		    &download->signers);
	if (err == OK)
		err = check_lists(&fresh, &in_place, download->now, why);
	if (err == OK)
		err = write_pem(pem, &fresh, &in_place, download->now);
	lists_fini(&fresh);
	lists_fini(&in_place);
	return err;
}

enum err
crl_download_try_load(const char *path, const struct crl_signers *signers,
    char why[CRL_DOWNLOAD_WHY_MAX])
{
	struct tls_load_report report = { take_refusal, drop_warning, why };
	struct config_list paths = { &path, 1 };
	struct crl_set *set;
	enum err err = OK;
	size_t i;

	why[0] = '\0';
	for (i = 0; err == OK && i < signers->count; i++) {
		err = crl_set_load(&set, &paths, signers->trusts[i], NULL,
		    &report);
		crl_set_free(set);
	}
	return err == ERR_CONFIG ? ERR_REFUSED : err;
}

/* The URIs of one DistributionPointName. */
struct uris {
	char text[URIS_MAX][URI_MAX];
	char *items[URIS_MAX];
	size_t count;
};

static void
take_uris(struct uris *u, CBS name)
{
	CBS names, uri;
	unsigned tag;

	u->count = 0;
	if (!CBS_get_asn1(&name, &names, TAG_POINT))
		return; /* a name relative to the issuer's */
	while (u->count < URIS_MAX && CBS_get_any_asn1(&names, &uri, &tag)) {
		if (tag != TAG_URI || CBS_len(&uri) >= URI_MAX ||
		    memchr(CBS_data(&uri), '\0', CBS_len(&uri)) != NULL)
			continue;
		u->items[u->count] = u->text[u->count];
		memcpy(u->items[u->count], CBS_data(&uri), CBS_len(&uri));
		u->items[u->count++][CBS_len(&uri)] = '\0';
	}
}

enum err
crl_download_points(const struct tls_trust *trust,
    enum err (*each)(char *const *uris, size_t count, void *arg), void *arg)
{
	struct uris *u = calloc(1, sizeof(*u));
	CBS points, point, name;
	enum err err = OK;
	int there;
	size_t i;

	if (u == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; err == OK && i < trust->count; i++) {
		points = tls_der_cbs(trust->cas[i].cert.der.crl_points);
		while (err == OK &&
		    CBS_get_asn1(&points, &point, CBS_ASN1_SEQUENCE) &&
		    CBS_get_optional_asn1(&point, &name, &there, TAG_POINT)) {
			if (!there)
				continue;
			take_uris(u, name);
			if (u->count > 0)
				err = each(u->items, u->count, arg);
		}
	}
	free(u);
	return err;
}
