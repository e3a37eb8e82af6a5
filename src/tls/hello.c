/* SPDX-License-Identifier: ISC */
#include "tls/hello.h"

#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tls/keypair.h"

#define TAG_DNS (CBS_ASN1_CONTEXT_SPECIFIC | 2)

/* Extensions that the library's header does not name. */
#define EXT_MAX_FRAGMENT_LENGTH 1
#define EXT_RECORD_SIZE_LIMIT 28

/* Weights of the choice among certificates. */
#define RANK_USABLE 4
#define RANK_NAMED 2
#define RANK_CHEAP 1

/* Bytes shown of what is not known. */
#define SHOWN 16

#define HTTP_TEXT "an HTTP request came without TLS"

/* The groups that some version of the library has. */
static const struct group {
	const char *name;
	const char *other; /* OpenSSL's name; NULL: the same */
	int nid; /* of the curve, for keys on it */
	uint16_t id;
} all_groups[] = {
	{ "P-224", "secp224r1", NID_secp224r1, 0x0015 },
	{ "P-256", "prime256v1", NID_X9_62_prime256v1, 0x0017 },
	{ "P-384", "secp384r1", NID_secp384r1, 0x0018 },
	{ "P-521", "secp521r1", NID_secp521r1, 0x0019 },
	{ "X25519", "x25519", NID_undef, 0x001d },
	{ "MLKEM1024", NULL, NID_undef, 0x0202 },
	{ "X25519MLKEM768", NULL, NID_undef, 0x11ec },
	{ "CECPQ2", NULL, NID_undef, 0x4138 },
	{ "X25519Kyber768Draft00", NULL, NID_undef, 0x6399 },
};
#define ALL_GROUPS (sizeof(all_groups) / sizeof(all_groups[0]))

bool
tls_groups_add(struct tls_groups *g, const char *name)
{
	const struct group *found;
	size_t i;

	for (i = 0; i < ALL_GROUPS && g->count < TLS_GROUPS_MAX; i++) {
		found = &all_groups[i];
		if (strcmp(found->name, name) != 0 &&
		    (found->other == NULL || strcmp(found->other, name) != 0))
			continue;
		g->names[g->count] = found->name;
		g->ids[g->count++] = found->id;
		return true;
	}
	return false;
}

void
tls_groups_text(const struct tls_groups *g, char out[TLS_GROUPS_TEXT_MAX])
{
	size_t i, used = 0;

	out[0] = '\0';
	for (i = 0; i < g->count; i++)
		used += (size_t)snprintf(out + used, TLS_GROUPS_TEXT_MAX - used,
		    "%s%s", i == 0 ? "" : ":", g->names[i]);
}

/* Returns true if `pattern' of a certificate matches `host'. A star stands for
 * exactly the leftmost label (RFC 6125 6.4.3). */
static bool
name_matches(struct slice pattern, struct slice host)
{
	const uint8_t *dot;

	if (pattern.len > 2 && pattern.data[0] == '*' &&
	    pattern.data[1] == '.') {
		dot = host.len == 0 ? NULL : memchr(host.data, '.', host.len);
		if (dot == NULL || dot == host.data)
			return false;
		host = slice_make(dot, host.len - (size_t)(dot - host.data));
		pattern = slice_make(pattern.data + 1, pattern.len - 1);
	}
	return pattern.len == host.len && pattern.len > 0 &&
	    strncasecmp((const char *)pattern.data, (const char *)host.data,
		host.len) == 0;
}

/* Compares `host' with the DNS names of SubjectAltName. *any tells whether
 * there are any. */
static bool
san_matches(const struct tls_der *der, struct slice host, bool *any)
{
	CBS all = tls_der_cbs(der->sans), value;
	unsigned tag;

	*any = false;
	while (CBS_get_any_asn1(&all, &value, &tag)) {
		if (tag != TAG_DNS)
			continue;
		*any = true;
		if (name_matches(tls_der_slice(&value), host))
			return true;
	}
	return false;
}

/* Compares `host' with the CNs, which count only if there are no DNS names. */
static bool
cn_matches(const struct tls_der *der, struct slice host)
{
	CBS all = tls_der_cbs(der->subject), rdns, rdn, pair, oid, value;

	if (!CBS_get_asn1(&all, &rdns, CBS_ASN1_SEQUENCE))
		return false;
	while (CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET))
		while (CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE))
			if (CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) &&
			    slice_equal(tls_der_slice(&oid),
				slice_str(CERT_OID_CN)) &&
			    CBS_get_any_asn1(&pair, &value, NULL) &&
			    name_matches(tls_der_slice(&value), host))
				return true;
	return false;
}

static bool
is_named(const struct tls_keypair *p, struct slice host)
{
	bool any;

	if (host.len == 0)
		return false;
	return san_matches(&p->certs[0].cert.der, host, &any) ||
	    (!any && cn_matches(&p->certs[0].cert.der, host));
}

/* Finds an extension of the ClientHello. Returns false if it is absent. */
static bool
find_extension(const SSL_CLIENT_HELLO *hello, uint16_t type, CBS *out)
{
	const uint8_t *data;
	size_t len;

	if (!SSL_early_callback_ctx_extension_get(hello, type, &data, &len))
		return false;
	CBS_init(out, data, len);
	return true;
}

/* Returns true if the handshake will be TLS 1.3. */
static bool
will_be_tls_1_3(const SSL_CLIENT_HELLO *hello)
{
	CBS ext, list;
	uint16_t version;

	if (SSL_get_max_proto_version(hello->ssl) < TLS1_3_VERSION ||
	    !find_extension(hello, TLSEXT_TYPE_supported_versions, &ext) ||
	    !CBS_get_u8_length_prefixed(&ext, &list))
		return false;
	while (CBS_get_u16(&list, &version))
		if (version == TLS1_3_VERSION)
			return true;
	return false;
}

/* Returns true if the list of 16-bit numbers contains `number'. */
static bool
list_has(CBS list, uint16_t number)
{
	uint16_t at;

	while (CBS_get_u16(&list, &at))
		if (at == number)
			return true;
	return false;
}

/* Finds the client's supported_groups. Returns false if it sent none: then it
 * takes any (RFC 8422 4). */
static bool
find_groups(const SSL_CLIENT_HELLO *hello, CBS *list)
{
	CBS ext;

	return find_extension(hello, TLSEXT_TYPE_supported_groups, &ext) &&
	    CBS_get_u16_length_prefixed(&ext, list);
}

/* Returns true if a group of ours is among the client's. */
static bool
shares_group(const struct tls_groups *groups, const SSL_CLIENT_HELLO *hello)
{
	CBS list;
	size_t i;

	if (!find_groups(hello, &list))
		return true;
	for (i = 0; i < groups->count; i++)
		if (list_has(list, groups->ids[i]))
			return true;
	return false;
}

/* Returns true if the server may use the suite with that kind of certificate
 * in TLS 1.2. */
static bool
is_suite_usable(const SSL_CIPHER *cipher, bool ecdsa, bool group)
{
	if (SSL_CIPHER_get_auth_nid(cipher) !=
	    (ecdsa ? NID_auth_ecdsa : NID_auth_rsa))
		return false;
	return group || SSL_CIPHER_get_kx_nid(cipher) != NID_kx_ecdhe;
}

/* Returns true if the client offers a TLS 1.2 suite that is switched on here
 * and goes with that kind of certificate. */
static bool
offers_suite(const SSL_CLIENT_HELLO *hello, bool ecdsa, bool group)
{
	const STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(hello->ssl);
	const SSL_CIPHER *cipher;
	CBS list;
	size_t i;

	CBS_init(&list, hello->cipher_suites, hello->cipher_suites_len);
	for (i = 0; i < sk_SSL_CIPHER_num(ours); i++) {
		cipher = sk_SSL_CIPHER_value(ours, i);
		if (is_suite_usable(cipher, ecdsa, group) &&
		    list_has(list, SSL_CIPHER_get_protocol_id(cipher)))
			return true;
	}
	return false;
}

/* Returns the group that is the curve of an EC key, or NULL. */
static const struct group *
curve_of(const EVP_PKEY *key)
{
	int nid;
	size_t i;

	if (EVP_PKEY_id(key) != EVP_PKEY_EC)
		return NULL;
	nid = EC_GROUP_get_curve_name(
	    EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
	for (i = 0; i < ALL_GROUPS; i++)
		if (all_groups[i].nid == nid && nid != NID_undef)
			return &all_groups[i];
	return NULL;
}

/* Returns true if an EC key on the curve `nid' can make signatures of this
 * scheme. In TLS 1.3 the scheme names the curve; in TLS 1.2 only the hash. */
static bool
can_sign_ec(int nid, uint16_t scheme, bool tls13)
{
	switch (scheme) {
	case SSL_SIGN_ECDSA_SECP256R1_SHA256:
		return !tls13 || nid == NID_X9_62_prime256v1;
	case SSL_SIGN_ECDSA_SECP384R1_SHA384:
		return !tls13 || nid == NID_secp384r1;
	case SSL_SIGN_ECDSA_SECP521R1_SHA512:
		return !tls13 || nid == NID_secp521r1;
	default:
		return false;
	}
}

/* Returns true if a key of this kind can make signatures of this scheme (RFC
 * 8446 4.2.3). */
static bool
can_sign(const EVP_PKEY *key, uint16_t scheme, bool tls13)
{
	const struct group *curve = curve_of(key);

	switch (EVP_PKEY_id(key)) {
	case EVP_PKEY_EC:
		return can_sign_ec(curve == NULL ? NID_undef : curve->nid,
		    scheme, tls13);
	case EVP_PKEY_ED25519:
		return scheme == SSL_SIGN_ED25519;
	default:
		if (scheme == SSL_SIGN_RSA_PSS_RSAE_SHA256 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA384 ||
		    scheme == SSL_SIGN_RSA_PSS_RSAE_SHA512)
			return true;
		return !tls13 &&
		    (scheme == SSL_SIGN_RSA_PKCS1_SHA256 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA384 ||
			scheme == SSL_SIGN_RSA_PKCS1_SHA512);
	}
}

/* Returns true if the client supports the curve of an EC key. In TLS 1.3 the
 * signature scheme says that. */
static bool
supports_curve(const EVP_PKEY *key, const SSL_CLIENT_HELLO *hello)
{
	const struct group *curve = curve_of(key);
	CBS list;

	return curve == NULL || !find_groups(hello, &list) ||
	    list_has(list, curve->id);
}

/* Returns true if the client can verify signatures of this pair's key. */
static bool
is_usable(const struct tls_keypair *p, const struct tls_groups *groups,
    const SSL_CLIENT_HELLO *hello)
{
	bool rsa = EVP_PKEY_id(p->key) == EVP_PKEY_RSA;
	bool tls13 = will_be_tls_1_3(hello);
	uint16_t scheme;
	CBS ext, list;

	if (!tls13 &&
	    (!offers_suite(hello, !rsa, shares_group(groups, hello)) ||
		!supports_curve(p->key, hello)))
		return false;
	if (!find_extension(hello, TLSEXT_TYPE_signature_algorithms, &ext) ||
	    !CBS_get_u16_length_prefixed(&ext, &list))
		return rsa; /* a very old client */
	while (CBS_get_u16(&list, &scheme))
		if (can_sign(p->key, scheme, tls13))
			return true;
	return false;
}

struct tls_keypair *
tls_hello_choose(struct tls_keypair *pairs, size_t count,
    const struct tls_groups *groups, const SSL_CLIENT_HELLO *hello)
{
	const char *name =
	    SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
	struct slice host =
	    name == NULL ? slice_make(NULL, 0) : slice_str(name);
	struct tls_keypair *best = pairs;
	int rank, best_rank = -1;
	size_t i;

	for (i = 0; i < count; i++) {
		rank = (is_usable(&pairs[i], groups, hello) ? RANK_USABLE : 0) +
		    (is_named(&pairs[i], host) ? RANK_NAMED : 0) +
		    (EVP_PKEY_id(pairs[i].key) != EVP_PKEY_RSA ? RANK_CHEAP
							       : 0);
		if (rank > best_rank) {
			best = &pairs[i];
			best_rank = rank;
		}
	}
	return best;
}

/* Returns true if the key_share extension has a share for the group. */
static bool
has_share(CBS shares, uint16_t id)
{
	uint16_t group;
	CBS key;

	while (CBS_get_u16(&shares, &group) &&
	    CBS_get_u16_length_prefixed(&shares, &key))
		if (group == id)
			return true;
	return false;
}

bool
tls_hello_shares(struct tls_groups *use, const struct tls_groups *groups,
    const SSL_CLIENT_HELLO *hello)
{
	bool first_has_share = false, seen = false;
	CBS ext, shares, list;
	size_t i;

	use->count = 0;
	if (!will_be_tls_1_3(hello) || !find_groups(hello, &list) ||
	    !find_extension(hello, TLSEXT_TYPE_key_share, &ext) ||
	    !CBS_get_u16_length_prefixed(&ext, &shares))
		return false;
	for (i = 0; i < groups->count; i++) {
		if (!list_has(list, groups->ids[i]))
			continue;
		if (has_share(shares, groups->ids[i])) {
			use->names[use->count] = groups->names[i];
			use->ids[use->count++] = groups->ids[i];
			first_has_share = first_has_share || !seen;
		}
		seen = true;
	}
	return use->count > 0 && !first_has_share;
}

bool
tls_hello_wants_ocsp(const SSL_CLIENT_HELLO *hello)
{
	CBS ext;

	return find_extension(hello, TLSEXT_TYPE_status_request, &ext);
}

uint16_t
tls_hello_record_max(const SSL_CLIENT_HELLO *hello)
{
	uint16_t max = TLS_RECORD_MAX, limit;
	uint8_t code;
	CBS ext;

	/* If both are sent, record_size_limit counts (RFC 8449 5). */
	if (find_extension(hello, EXT_RECORD_SIZE_LIMIT, &ext) &&
	    CBS_get_u16(&ext, &limit) && limit >= 64) {
		/* In TLS 1.3 the limit includes the content type. */
		if (will_be_tls_1_3(hello))
			limit--;
		return limit < max ? limit : max;
	}
	if (find_extension(hello, EXT_MAX_FRAGMENT_LENGTH, &ext) &&
	    CBS_get_u8(&ext, &code) && code >= 1 && code <= 4)
		max = (uint16_t)(256 << code);
	return max;
}

struct slice
tls_hello_ticket(const SSL_CLIENT_HELLO *hello)
{
	CBS ext, list, ticket;

	if (!will_be_tls_1_3(hello)) {
		if (!find_extension(hello, TLSEXT_TYPE_session_ticket, &ext))
			return slice_make(NULL, 0);
		return tls_der_slice(&ext);
	}
	/* The library looks at the first identity only. */
	if (!find_extension(hello, TLSEXT_TYPE_pre_shared_key, &ext) ||
	    !CBS_get_u16_length_prefixed(&ext, &list) ||
	    !CBS_get_u16_length_prefixed(&list, &ticket))
		return slice_make(NULL, 0);
	return tls_der_slice(&ticket);
}

bool
tls_hello_may_begin(struct slice first)
{
	return first.data[0] == SSL3_RT_HANDSHAKE &&
	    (first.len < 2 || first.data[1] == SSL3_VERSION_MAJOR);
}

const char *
tls_hello_other_protocol(struct slice first)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} known[] = {
#define PROXY_TEXT \
	"a PROXY header came: the balancer sends one, so set [listener] " \
	"accept_proxy"
		{ "PROXY ", 6, PROXY_TEXT },
		{ "\r\n\r\n\0\r\nQUIT\n", 12, PROXY_TEXT },
#undef PROXY_TEXT
		{ "SSH-", 4, "SSH came" },
		{ "\x16\xfe", 2, "DTLS came: MQTT needs TLS" },
		{ "\x15\x03", 2, "a TLS alert came first" },
		{ "GET ", 4, HTTP_TEXT },
		{ "HEAD ", 5, HTTP_TEXT },
		{ "POST ", 5, HTTP_TEXT },
		{ "PUT ", 4, HTTP_TEXT },
		{ "OPTIONS ", 8, HTTP_TEXT },
		{ "PRI * HTTP/2", 12, HTTP_TEXT },
		{ "CONNECT ", 8, "an HTTP CONNECT request came without TLS" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (first.len >= known[i].len &&
		    memcmp(first.data, known[i].bytes, known[i].len) == 0)
			return known[i].text;
	if (first.data[0] == 0x10 && first.len > 8 &&
	    (memmem(first.data, 12 < first.len ? 12 : first.len, "MQTT", 4) ||
		memmem(first.data, 12 < first.len ? 12 : first.len, "MQIs", 4)))
		return "MQTT came without TLS";
	if (first.len > 2 && first.data[0] >= 0x80 && first.data[2] == 1)
		return "a ClientHello of SSL 2 came";
	return NULL;
}

const char *
tls_hello_show(char out[TLS_HELLO_SHOWN_MAX], struct slice first)
{
	size_t i, text, used;

	if (first.len > SHOWN)
		first.len = SHOWN;
	for (text = 0; text < first.len; text++)
		if (first.data[text] < ' ' || first.data[text] > '~')
			break;
	used = (size_t)snprintf(out, TLS_HELLO_SHOWN_MAX, "the first bytes: ");
	if (text > 2 &&
	    (text == first.len || first.data[text] == '\r' ||
		first.data[text] == '\n'))
		snprintf(out + used, TLS_HELLO_SHOWN_MAX - used, "'%.*s'",
		    (int)text, (const char *)first.data);
	else
		for (i = 0; i < first.len; i++)
			used += (size_t)snprintf(out + used,
			    TLS_HELLO_SHOWN_MAX - used, "%s%02x",
			    i == 0 ? "" : " ", first.data[i]);
	return out;
}
