/* SPDX-License-Identifier: ISC */
#include "session/cert_sessions.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/address.h"
#include "session/manager.h"

#define SHARDS 64
#define SHARD_BUCKETS 64 /* to begin with; they double as entries come */

/* One certificate that has sessions. */
struct cert_sessions_entry {
	struct cert_sessions_entry *next; /* in its bucket */
	struct cert_sessions_shard *shard; /* borrowed */
	uint8_t sha256[32];
	struct list members; /* oldest first */
	uint32_t count;
};

struct cert_sessions_shard {
	pthread_mutex_t lock;
	struct cert_sessions_entry **buckets; /* owned */
	size_t bucket_count; /* a power of two */
	size_t entry_count;
};

struct cert_sessions {
	struct cert_sessions_shard shards[SHARDS];
};

/* The certificate's SHA-256 serves as the hash: it is evenly distributed, and
 * an attacker would need a certificate from the CA for every try. */
static size_t
number_of(const uint8_t sha256[32])
{
	size_t n;

	memcpy(&n, sha256 + 1, sizeof(n));
	return n;
}

static struct cert_sessions_shard *
shard_of(struct cert_sessions *c, const uint8_t sha256[32])
{
	return &c->shards[sha256[0] % SHARDS];
}

static struct cert_sessions_entry **
bucket_of(const struct cert_sessions_shard *s, const uint8_t sha256[32])
{
	return &s->buckets[number_of(sha256) & (s->bucket_count - 1)];
}

struct cert_sessions *
cert_sessions_new(void)
{
	struct cert_sessions *c = calloc(1, sizeof(*c));
	struct cert_sessions_shard *s;
	size_t i;

	if (c == NULL)
		return NULL;
	for (i = 0; i < SHARDS; i++) {
		s = &c->shards[i];
		pthread_mutex_init(&s->lock, NULL);
		s->buckets =
		    calloc(SHARD_BUCKETS, sizeof(struct cert_sessions_entry *));
		s->bucket_count = SHARD_BUCKETS;
	}
	for (i = 0; i < SHARDS; i++)
		if (c->shards[i].buckets == NULL) {
			cert_sessions_free(c);
			return NULL;
		}
	return c;
}

void
cert_sessions_free(struct cert_sessions *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < SHARDS; i++) {
		free(c->shards[i].buckets);
		pthread_mutex_destroy(&c->shards[i].lock);
	}
	free(c);
}

/* Doubles the buckets. Without memory for them the chains stay longer. */
static void
grow(struct cert_sessions_shard *s)
{
	size_t old_count = s->bucket_count;
	struct cert_sessions_entry **old = s->buckets;
	struct cert_sessions_entry **to;
	struct cert_sessions_entry *e;
	size_t i;

	s->buckets =
	    calloc(old_count * 2, sizeof(struct cert_sessions_entry *));
	if (s->buckets == NULL) {
		s->buckets = old;
		return;
	}
	s->bucket_count = old_count * 2;
	for (i = 0; i < old_count; i++)
		while ((e = old[i]) != NULL) {
			old[i] = e->next;
			to = bucket_of(s, e->sha256);
			e->next = *to;
			*to = e;
		}
	free(old);
}

static struct cert_sessions_entry *
find(const struct cert_sessions_shard *s, const uint8_t sha256[32])
{
	struct cert_sessions_entry *e;

	for (e = *bucket_of(s, sha256); e != NULL; e = e->next)
		if (memcmp(e->sha256, sha256, sizeof(e->sha256)) == 0)
			return e;
	return NULL;
}

static struct cert_sessions_entry *
find_or_add(struct cert_sessions_shard *s, const uint8_t sha256[32])
{
	struct cert_sessions_entry *e = find(s, sha256);
	struct cert_sessions_entry **to;

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	if (s->entry_count >= s->bucket_count)
		grow(s);
	e->shard = s;
	memcpy(e->sha256, sha256, sizeof(e->sha256));
	list_init(&e->members);
	to = bucket_of(s, sha256);
	e->next = *to;
	*to = e;
	s->entry_count++;
	return e;
}

static void
remove_entry(struct cert_sessions_entry *e)
{
	struct cert_sessions_entry **at = bucket_of(e->shard, e->sha256);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->shard->entry_count--;
	free(e);
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
	struct cert_sessions_shard *s = shard_of(c, sha256);
	struct cert_sessions_entry *e;
	enum err err = ERR_NO_MEMORY;

	memset(result, 0, sizeof(*result));
	pthread_mutex_lock(&s->lock);
	e = find_or_add(s, sha256);
	if (e != NULL) {
		err = OK;
		detect_clone(e, member, result);
		make_room(e, limit, result);
		if (!result->full) {
			member->entry = e;
			member->shard = s;
			list_init(&member->node);
			list_append(&e->members, &member->node);
			e->count++;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

void
cert_sessions_remove(struct cert_sessions_member *member)
{
	struct cert_sessions_shard *s = member->shard;
	struct cert_sessions_entry *e;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	e = member->entry;
	if (e != NULL) {
		list_remove(&member->node);
		member->entry = NULL;
		if (--e->count == 0)
			remove_entry(e);
	}
	pthread_mutex_unlock(&s->lock);
	member->shard = NULL;
}
