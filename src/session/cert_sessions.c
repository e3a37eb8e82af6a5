#include "session/cert_sessions.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/address.h"
#include "session/manager.h"

#define SHARDS 64
#define SHARD_BUCKETS 64 /* to begin with; they double as entries come */

/* One certificate that is in. */
struct cert_sessions_entry {
	struct cert_sessions_entry *next; /* in its bucket */
	struct cert_sessions_shard *shard; /* borrowed */
	uint8_t sha256[32];
	struct list lines; /* oldest first */
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

/* A certificate's hash is as even as a hash can be, and its owner cannot
 * choose it without asking the CA for as many certificates. */
static size_t
number_of(const uint8_t sha256[32])
{
	size_t n;

	memcpy(&n, sha256 + 1, sizeof(n));
	return n;
}

static struct cert_sessions_shard *
shard_of(struct cert_sessions *r, const uint8_t sha256[32])
{
	return &r->shards[sha256[0] % SHARDS];
}

static struct cert_sessions_entry **
bucket_of(const struct cert_sessions_shard *s, const uint8_t sha256[32])
{
	return &s->buckets[number_of(sha256) & (s->bucket_count - 1)];
}

struct cert_sessions *
cert_sessions_new(void)
{
	struct cert_sessions *r = calloc(1, sizeof(*r));
	struct cert_sessions_shard *s;
	size_t i;

	if (r == NULL)
		return NULL;
	for (i = 0; i < SHARDS; i++) {
		s = &r->shards[i];
		pthread_mutex_init(&s->lock, NULL);
		s->buckets =
		    calloc(SHARD_BUCKETS, sizeof(struct cert_sessions_entry *));
		s->bucket_count = SHARD_BUCKETS;
	}
	for (i = 0; i < SHARDS; i++)
		if (r->shards[i].buckets == NULL) {
			cert_sessions_free(r);
			return NULL;
		}
	return r;
}

void
cert_sessions_free(struct cert_sessions *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < SHARDS; i++) {
		free(r->shards[i].buckets);
		pthread_mutex_destroy(&r->shards[i].lock);
	}
	free(r);
}

/* Twice the buckets; without memory for them the chains just stay longer. */
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
	list_init(&e->lines);
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

/* Is it another host? Ports differ with every connection. */
static bool
is_elsewhere(const union session_address *a, const union session_address *b)
{
	struct sockaddr_storage x;
	struct sockaddr_storage y;

	session_address_load(a, &x);
	session_address_load(b, &y);
	address_set_port(&x, 0);
	address_set_port(&y, 0);
	return !address_equal(&x, &y);
}

/* The last to come is the one a thief, or the robbed one, would meet. */
static void
compare(const struct cert_sessions_entry *e,
    const struct cert_sessions_member *line,
    struct cert_sessions_result *answer)
{
	const struct cert_sessions_member *last;

	if (list_empty(&e->lines))
		return;
	last = list_entry(e->lines.prev, struct cert_sessions_member, node);
	answer->clone = is_elsewhere(&last->peer, &line->peer);
	answer->other = last->peer;
}

/* Makes room by `rules', or says that there is none: more than one has to go
 * where a reload has lowered the number. A line that has to go leaves the roll
 * at once, so that it is not chosen twice. */
static void
make_room(struct cert_sessions_entry *e,
    const struct cert_sessions_limit *rules,
    struct cert_sessions_result *answer)
{
	struct cert_sessions_member *oldest;

	while (rules->most != 0 && e->count >= rules->most) {
		if (rules->excess == CERT_SESSIONS_REFUSE) {
			answer->full = true;
			return;
		}
		oldest = list_entry(e->lines.next, struct cert_sessions_member,
		    node);
		list_remove(&oldest->node);
		oldest->entry = NULL;
		e->count--;
		atomic_store(&oldest->evicted, true);
		session_manager_evict(oldest->manager);
	}
}

enum err
cert_sessions_add(struct cert_sessions *r, struct cert_sessions_member *line,
    const uint8_t sha256[32], const struct cert_sessions_limit *rules,
    struct cert_sessions_result *answer)
{
	struct cert_sessions_shard *s = shard_of(r, sha256);
	struct cert_sessions_entry *e;
	enum err err = ERR_NO_MEMORY;

	memset(answer, 0, sizeof(*answer));
	pthread_mutex_lock(&s->lock);
	e = find_or_add(s, sha256);
	if (e != NULL) {
		err = OK;
		compare(e, line, answer);
		make_room(e, rules, answer);
		if (!answer->full) {
			line->entry = e;
			line->shard = s;
			list_init(&line->node);
			list_append(&e->lines, &line->node);
			e->count++;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

void
cert_sessions_remove(struct cert_sessions_member *line)
{
	struct cert_sessions_shard *s = line->shard;
	struct cert_sessions_entry *e;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	e = line->entry;
	if (e != NULL) {
		list_remove(&line->node);
		line->entry = NULL;
		if (--e->count == 0)
			remove_entry(e);
	}
	pthread_mutex_unlock(&s->lock);
	line->shard = NULL;
}
