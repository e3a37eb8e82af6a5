/* What a frozen list is asked. */
#include "identity/denylist.h"

#include "base/encode.h"
#include "identity/denylist_body.h"
#include "identity/dn.h"
#include "identity/text.h"

/* Says that `e' is why. */
static bool
found_entry(const struct identity_denylist *l,
    const struct identity_deny_entry *e, struct identity_deny *found)
{
	found->kind = (enum identity_deny_kind)e->kind;
	found->who = identity_deny_key_text(found->kind,
	    identity_deny_table_key(&l->table, e), found->text);
	found->reason = identity_deny_table_reason(&l->table, e);
	found->until = e->until;
	return true;
}

/* Asks for one key. An expired entry is none. */
static bool
ask(const struct identity_denylist *l, enum identity_deny_kind kind,
    struct slice key, int64_t now, struct identity_deny *found)
{
	const struct identity_deny_entry *e =
	    identity_deny_table_find(&l->table, kind, key);

	return e != NULL && now < e->until && found_entry(l, e, found);
}

static bool
has(const struct identity_denylist *l, enum identity_deny_kind kind)
{
	return l->table.longest[kind] > 0;
}

/* Each prefix length in use, of the family the address has. */
static bool
ask_networks(const struct identity_denylist *l,
    const struct sockaddr_storage *peer, uint8_t family, int64_t now,
    struct identity_deny *found)
{
	const struct identity_deny_lengths *lengths =
	    family == 4 ? &l->v4 : &l->v6;
	uint8_t key[IDENTITY_DENY_NET_LEN];
	size_t i;

	for (i = 0; i < lengths->count; i++) {
		(void)identity_deny_key_address(key, peer, lengths->bits[i],
		    lengths->bits[i]);
		if (ask(l, IDENTITY_DENY_PEERHOST_NET,
			slice_make(key, sizeof(key)), now, found))
			return true;
	}
	return false;
}

bool
identity_denylist_match_peer(const struct identity_denylist *l,
    const struct sockaddr_storage *peer, int64_t now,
    struct identity_deny *found)
{
	uint8_t key[IDENTITY_DENY_NET_LEN];

	if (l == NULL || !identity_deny_key_address(key, peer, 32, 128))
		return false;
	return ask(l, IDENTITY_DENY_PEERHOST,
		   slice_make(key, IDENTITY_DENY_HOST_LEN), now, found) ||
	    ask_networks(l, peer, key[0], now, found);
}

/* Any of its common names: a list must not be dodged by having two. */
static bool
ask_cn(const struct identity_denylist *l, const struct cert *cert, int64_t now,
    struct identity_deny *found)
{
	const struct cert_attr *a;
	struct identity_deny_key key;
	size_t i;

	for (i = 0; i < cert->subject_count; i++) {
		a = &cert->subject[i];
		key.len = 0;
		if (slice_equal(a->oid, slice_str(CERT_OID_CN)) &&
		    identity_text_append(a->type, a->value, key.bytes,
			sizeof(key.bytes), &key.len) == IDENTITY_TEXT_OK &&
		    ask(l, IDENTITY_DENY_CN, slice_make(key.bytes, key.len),
			now, found))
			return true;
	}
	return false;
}

static bool
ask_san(const struct identity_denylist *l, const struct cert *cert, int64_t now,
    struct identity_deny *found)
{
	struct identity_deny_key key;
	size_t i;

	for (i = 0; i < cert->san_count; i++) {
		if (identity_deny_key_san(&key, &cert->sans[i]) &&
		    ask(l, IDENTITY_DENY_SAN, slice_make(key.bytes, key.len),
			now, found))
			return true;
	}
	return false;
}

/* The serial@issuer whose issuer is a certificate of the CA, by its hash. */
static bool
ask_issuer_hash(const struct identity_denylist *l,
    struct identity_deny_key *key, size_t len,
    const uint8_t sha256[CERT_SHA256_LEN], int64_t now,
    struct identity_deny *found)
{
	size_t end = len + (size_t)2 * CERT_SHA256_LEN;

	if (end >= sizeof(key->bytes))
		return false;
	encode_hex((char *)key->bytes + len,
	    slice_make(sha256, CERT_SHA256_LEN));
	return ask(l, IDENTITY_DENY_SERIAL, slice_make(key->bytes, end), now,
	    found);
}

/* The serial@issuer whose serial and @ are `len' bytes of `key'. */
static bool
ask_issuer(const struct identity_denylist *l, const struct cert *cert,
    struct identity_deny_key *key, size_t len, int64_t now,
    struct identity_deny *found)
{
	size_t i, end = len;

	if (identity_dn_append(cert->issuer, cert->issuer_count,
		IDENTITY_DN_EMQX, key->bytes, sizeof(key->bytes), &end,
		NULL) == IDENTITY_TEXT_OK &&
	    ask(l, IDENTITY_DENY_SERIAL, slice_make(key->bytes, end), now,
		found))
		return true;
	for (i = 0; i < cert->issuer_cert_count; i++)
		if (ask_issuer_hash(l, key, len, cert->issuer_certs[i], now,
			found))
			return true;
	return false;
}

static bool
ask_serial(const struct identity_denylist *l, const struct cert *cert,
    int64_t now, struct identity_deny *found)
{
	struct identity_deny_key key;

	if (!identity_deny_key_serial(&key, cert->serial))
		return false;
	if (ask(l, IDENTITY_DENY_SERIAL, slice_make(key.bytes, key.len), now,
		found))
		return true;
	if (!l->serial_with_issuer)
		return false;
	key.bytes[key.len] = '@';
	return ask_issuer(l, cert, &key, key.len + 1, now, found);
}

bool
identity_denylist_match_cert(const struct identity_denylist *l,
    const struct cert *cert, int64_t now, struct identity_deny *found)
{
	struct slice sha256, spki;

	if (l == NULL)
		return false;
	sha256 = slice_make(cert->sha256, CERT_SHA256_LEN);
	spki = slice_make(cert->spki, CERT_SHA256_LEN);
	return ask(l, IDENTITY_DENY_SHA256, sha256, now, found) ||
	    ask(l, IDENTITY_DENY_SPKI, spki, now, found) ||
	    (has(l, IDENTITY_DENY_SERIAL) && ask_serial(l, cert, now, found)) ||
	    (has(l, IDENTITY_DENY_CN) && ask_cn(l, cert, now, found)) ||
	    (has(l, IDENTITY_DENY_SAN) && ask_san(l, cert, now, found));
}

/* The first expression of `kind' that matches, or gives up. */
static const struct identity_deny_pattern *
find_pattern(const struct identity_denylist *l, enum identity_deny_kind kind,
    struct identity_deny_subject *subject, int64_t now,
    enum identity_deny_regex_verdict *verdict)
{
	const struct identity_deny_pattern *p = l->patterns;
	const struct identity_deny_pattern *end = p + l->pattern_count;

	for (; p < end; p++) {
		if (p->entry->kind != kind || now >= p->entry->until)
			continue;
		*verdict = identity_deny_regex_match(p->regex, subject);
		if (*verdict != IDENTITY_DENY_REGEX_NO)
			return p;
	}
	return NULL;
}

/* Tries the expressions of `kind'. One that gave up denies, and says so. */
static bool
ask_patterns(const struct identity_denylist *l, enum identity_deny_kind kind,
    struct slice name, int64_t now, struct identity_deny *found)
{
	const struct identity_deny_pattern *p;
	enum identity_deny_regex_verdict verdict;
	struct identity_deny_subject subject;

	if (!has(l, kind))
		return false;
	identity_deny_subject_init(&subject, name);
	p = find_pattern(l, kind, &subject, now, &verdict);
	identity_deny_subject_fini(&subject);
	if (p == NULL)
		return false;
	found_entry(l, p->entry, found);
	if (verdict == IDENTITY_DENY_REGEX_GAVE_UP)
		found->reason = slice_str(
		    "the expression gave no verdict on "
		    "this name: the name is too long or the expression too "
		    "slow");
	return true;
}

bool
identity_denylist_match_names(const struct identity_denylist *l,
    struct slice username, struct slice client_id, int64_t now,
    struct identity_deny *found)
{
	if (l == NULL)
		return false;
	if (username.len > 0 &&
	    (ask(l, IDENTITY_DENY_USERNAME, username, now, found) ||
		ask_patterns(l, IDENTITY_DENY_USERNAME_RE, username, now,
		    found)))
		return true;
	return client_id.len > 0 &&
	    (ask(l, IDENTITY_DENY_CLIENTID, client_id, now, found) ||
		ask_patterns(l, IDENTITY_DENY_CLIENTID_RE, client_id, now,
		    found));
}

size_t
identity_denylist_count(const struct identity_denylist *l)
{
	return l == NULL ? 0 : l->table.count;
}

size_t
identity_denylist_size(const struct identity_denylist *l)
{
	return l == NULL ? 0
			 : sizeof(*l) + identity_deny_table_size(&l->table) +
		l->pattern_count * sizeof(l->patterns[0]);
}

void
identity_denylist_show(const struct identity_denylist *l, size_t index,
    struct identity_deny *out)
{
	found_entry(l, &l->table.entries[index], out);
}
