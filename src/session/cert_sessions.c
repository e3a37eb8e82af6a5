/* SPDX-License-Identifier: ISC */
#include "session/cert_sessions.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/table.h"
#include "session/manager.h"

/* One certificate that has sessions. */
struct cert_sessions_entry {
	struct table_node node;
	uint8_t sha256[32];
	struct list members; /* oldest first */
	uint32_t count;
};

struct cert_sessions {
	struct table_shards shards;
};

/* The certificate's SHA-256 serves as the hash: it is evenly distributed, and
 * an attacker would need a certificate from the CA for every try. */
static uint64_t
hash_of(const uint8_t sha256[32])
{
	uint64_t hash;

	memcpy(&hash, sha256, sizeof(hash));
	return hash;
}

static bool
is_entry_of(const struct table_node *node, const void *sha256)
{
	const struct cert_sessions_entry *e =
	    table_entry(node, struct cert_sessions_entry, node);

	return memcmp(e->sha256, sha256, sizeof(e->sha256)) == 0;
}

struct cert_sessions *
cert_sessions_new(void)
{
	struct cert_sessions *c = calloc(1, sizeof(*c));

	if (c != NULL)
		table_shards_init(&c->shards);
	return c;
}

void
cert_sessions_free(struct cert_sessions *c)
{
	if (c == NULL)
		return;
	table_shards_fini(&c->shards);
	free(c);
}

/* Returns the certificate's entry, a new one if it has none; NULL: out of
 * memory. */
static struct cert_sessions_entry *
find_or_add(struct table *t, const uint8_t sha256[32])
{
	struct table_node *found =
	    table_find(t, hash_of(sha256), is_entry_of, sha256);
	struct cert_sessions_entry *e;

	if (found != NULL)
		return table_entry(found, struct cert_sessions_entry, node);
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	memcpy(e->sha256, sha256, sizeof(e->sha256));
	list_init(&e->members);
	if (table_add(t, &e->node, hash_of(sha256)) != OK) {
		free(e);
		return NULL;
	}
	return e;
}

/* True if the hosts differ. Ports differ with every connection. */
static bool
differs(const union session_address *a, const union session_address *b)
{
	struct sockaddr_storage x;
	struct sockaddr_storage y;

	session_address_load(a, &x);
	session_address_load(b, &y);
	address_set_port(&x, 0);
	address_set_port(&y, 0);
	return !address_equal(&x, &y);
}

/* Compares with the newest session: of a thief and the owner, the one that
 * connects last finds the other one there. */
static void
detect_clone(const struct cert_sessions_entry *e,
    const struct cert_sessions_member *member,
    struct cert_sessions_result *result)
{
	const struct cert_sessions_member *last;

	if (list_empty(&e->members))
		return;
	last = list_entry(e->members.prev, struct cert_sessions_member, node);
	result->clone = differs(&last->peer, &member->peer);
	result->other = last->peer;
}

/* Makes room for one session, or sets result->full. More than one session may
 * have to end if a reload has lowered the limit. They are removed at once, so
 * that none is chosen twice. */
static void
make_room(struct cert_sessions_entry *e,
    const struct cert_sessions_limit *limit,
    struct cert_sessions_result *result)
{
	struct cert_sessions_member *oldest;

	while (limit->most != 0 && e->count >= limit->most) {
		if (limit->excess == CERT_SESSIONS_REFUSE) {
			result->full = true;
			return;
		}
		oldest = list_entry(e->members.next,
		    struct cert_sessions_member, node);
		list_remove(&oldest->node);
		oldest->entry = NULL;
		e->count--;
		atomic_store(&oldest->evicted, true);
		session_manager_evict(oldest->manager);
	}
}

enum err
cert_sessions_add(struct cert_sessions *c, struct cert_sessions_member *member,
    const uint8_t sha256[32], const struct cert_sessions_limit *limit,
    struct cert_sessions_result *result)
{
	uint64_t hash = hash_of(sha256);
	struct cert_sessions_entry *e;

	memset(result, 0, sizeof(*result));
	e = find_or_add(table_shards_lock(&c->shards, hash), sha256);
	if (e != NULL) {
		detect_clone(e, member, result);
		make_room(e, limit, result);
		if (!result->full) {
			member->all = c;
			member->hash = hash;
			member->entry = e;
			list_init(&member->node);
			list_append(&e->members, &member->node);
			e->count++;
		}
	}
	table_shards_unlock(&c->shards, hash);
	return e == NULL ? ERR_NO_MEMORY : OK;
}

void
cert_sessions_remove(struct cert_sessions_member *member)
{
	struct cert_sessions *c = member->all;
	struct cert_sessions_entry *e;
	struct table *t;

	if (c == NULL)
		return;
	t = table_shards_lock(&c->shards, member->hash);
	e = member->entry;
	if (e != NULL) {
		list_remove(&member->node);
		member->entry = NULL;
		if (--e->count == 0) {
			table_remove(t, &e->node);
			free(e);
		}
	}
	table_shards_unlock(&c->shards, member->hash);
	member->all = NULL;
}
