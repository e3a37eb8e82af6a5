#include "accept/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/ratelimit.h"

/* Locks that the table of addresses is spread over. */
#define SHARDS 64

/* Entries without a connection that a shard keeps at most. */
#define IDLE_MAX 256

/* Buckets a shard begins with; they double when entries outnumber them. */
#define BUCKETS 16

/* How soon to look again when too many handshakes are unfinished. */
#define UNFINISHED_MS 10

#define PREFIX4 24
#define PREFIX6 64

/* What an entry stands for: family, whole address or network, its bytes. */
struct key {
	uint8_t family; /* 4 or 6 */
	bool is_prefix;
	uint8_t bytes[16];
};

struct throttle_entry {
	struct list idle; /* in the shard's idle list while unconnected */
	struct throttle_entry *next; /* in its bucket */
	uint64_t hash;
	struct key key;
	uint32_t connections;
	struct ratelimit rate; /* of new connections; networks only */
};

struct shard {
	pthread_mutex_t lock; /* guards the rest */
	struct throttle_entry **buckets; /* owned, and all that hangs there */
	size_t bucket_count; /* a power of two */
	size_t count;
	struct list idle; /* oldest first */
	size_t idle_count;
};

/* The limits, each read by itself: a reload need not be seen at one blow. */
struct limits {
	_Atomic uint32_t connections;
	_Atomic uint32_t per_address;
	_Atomic uint32_t per_prefix;
	_Atomic uint32_t handshakes;
	_Atomic uint32_t prefix_rate;
	_Atomic uint32_t prefix_burst;
};

struct throttle {
	struct limits limits;
	_Atomic uint32_t connections;
	_Atomic uint32_t handshakes;
	struct ratelimit full;
	struct ratelimit resumed;
	struct hash_key hash_key;
	struct shard shards[SHARDS];
};

static uint32_t
load(_Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
store(_Atomic uint32_t *n, uint32_t value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static void
drop(_Atomic uint32_t *n)
{
	atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
}

/* Counts one more unless there are `limit' already; 0 = no limit. */
static bool
count_in(_Atomic uint32_t *n, uint32_t limit)
{
	uint32_t before = atomic_fetch_add_explicit(n, 1, memory_order_relaxed);

	if (limit == 0 || before < limit)
		return true;
	drop(n);
	return false;
}

static struct shard *
shard_of(struct throttle *t, uint64_t hash)
{
	return &t->shards[hash % SHARDS];
}

static struct throttle_entry **
bucket_of(struct shard *s, uint64_t hash)
{
	return &s->buckets[hash / SHARDS & (s->bucket_count - 1)];
}

/* Doubles the buckets; without memory the chains just get longer. */
static void
grow(struct shard *s)
{
	size_t old_count = s->bucket_count;
	struct throttle_entry **old = s->buckets;
	struct throttle_entry **wider = calloc(old_count * 2, sizeof(*wider));
	struct throttle_entry *e;
	size_t i;

	if (wider == NULL)
		return;
	s->buckets = wider;
	s->bucket_count = old_count * 2;
	for (i = 0; i < old_count; i++) {
		while ((e = old[i]) != NULL) {
			old[i] = e->next;
			e->next = *bucket_of(s, e->hash);
			*bucket_of(s, e->hash) = e;
		}
	}
	free(old);
}

static void
unlink_entry(struct shard *s, struct throttle_entry *e)
{
	struct throttle_entry **p = bucket_of(s, e->hash);

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	if (!list_empty(&e->idle)) {
		list_remove(&e->idle);
		s->idle_count--;
	}
	s->count--;
	free(e);
}

/* Lets the oldest idle entries go: those whose bucket is full again, and any
 * above the bound. Two a call keep up with one that comes. */
static void
expire(struct shard *s, uint64_t now_ms)
{
	struct throttle_entry *e;
	int i;

	for (i = 0; i < 2 && !list_empty(&s->idle); i++) {
		e = list_entry(s->idle.next, struct throttle_entry, idle);
		if (s->idle_count <= IDLE_MAX &&
		    !ratelimit_is_full(&e->rate, now_ms))
			return;
		unlink_entry(s, e);
	}
}

static struct throttle_entry *
find(struct shard *s, uint64_t hash, const struct key *key)
{
	struct throttle_entry *e = *bucket_of(s, hash);

	while (e != NULL &&
	    (e->hash != hash || memcmp(&e->key, key, sizeof(*key)) != 0))
		e = e->next;
	return e;
}

static struct throttle_entry *
add(struct shard *s, uint64_t hash, const struct key *key)
{
	struct throttle_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	if (s->count >= s->bucket_count)
		grow(s);
	list_init(&e->idle);
	ratelimit_init(&e->rate, 0, 0);
	e->hash = hash;
	e->key = *key;
	e->next = *bucket_of(s, hash);
	*bucket_of(s, hash) = e;
	s->count++;
	return e;
}

/* An entry without connections is kept only for what its bucket knows. */
static void
settle(struct shard *s, struct throttle_entry *e, uint64_t now_ms)
{
	if (e->connections > 0)
		return;
	if (ratelimit_is_full(&e->rate, now_ms)) {
		unlink_entry(s, e);
		return;
	}
	if (list_empty(&e->idle)) {
		list_append(&s->idle, &e->idle);
		s->idle_count++;
	}
	expire(s, now_ms);
}

/* The limits an entry has to keep to; 0 = none. */
struct cap {
	uint32_t connections;
	uint32_t rate;
	uint32_t burst;
};

/* Counts a connection into the entry of `key', which `*out' then holds. */
static enum reason
enter(struct throttle *t, struct throttle_entry **out, const struct key *key,
    const struct cap *cap, uint64_t now_ms)
{
	uint64_t hash = hash_keyed(&t->hash_key, slice_make(key, sizeof(*key)));
	struct shard *s = shard_of(t, hash);
	enum reason reason = REASON_NONE;
	struct throttle_entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(s, hash, key);
	if (e == NULL)
		e = add(s, hash, key);
	if (e == NULL) {
		pthread_mutex_unlock(&s->lock);
		return REASON_ACCEPT_RESOURCE;
	}
	ratelimit_set(&e->rate, cap->rate, cap->burst);
	if (cap->connections != 0 && e->connections >= cap->connections)
		reason = REASON_ACCEPT_ADDRESS_LIMIT;
	else if (ratelimit_try(&e->rate, now_ms) > 0)
		reason = REASON_ACCEPT_RATE;
	if (reason == REASON_NONE) {
		*out = e;
		e->connections++;
		if (!list_empty(&e->idle)) {
			list_remove(&e->idle);
			s->idle_count--;
		}
	}
	settle(s, e, now_ms); /* e may be gone */
	pthread_mutex_unlock(&s->lock);
	return reason;
}

static void
leave(struct throttle *t, struct throttle_entry *e, uint64_t now_ms)
{
	struct shard *s;

	if (e == NULL)
		return;
	s = shard_of(t, e->hash);
	pthread_mutex_lock(&s->lock);
	e->connections--;
	settle(s, e, now_ms);
	pthread_mutex_unlock(&s->lock);
}

/* Fills the key; false for a peer that is not counted. */
static bool
make_key(struct key *key, const struct sockaddr_storage *peer, bool prefix)
{
	memset(key, 0, sizeof(*key));
	key->family = address_prefix(key->bytes, peer, prefix ? PREFIX4 : 32,
	    prefix ? PREFIX6 : 128);
	key->is_prefix = prefix;
	return key->family != 0;
}

static enum reason
enter_address(struct throttle_ticket *ticket,
    const struct sockaddr_storage *peer, uint64_t now_ms)
{
	struct throttle *t = ticket->throttle;
	struct cap cap = { load(&t->limits.per_address), 0, 0 };
	struct key key;

	if (cap.connections == 0 || !make_key(&key, peer, false))
		return REASON_NONE;
	return enter(t, &ticket->address, &key, &cap, now_ms);
}

static enum reason
enter_prefix(struct throttle_ticket *ticket,
    const struct sockaddr_storage *peer, uint64_t now_ms)
{
	struct throttle *t = ticket->throttle;
	struct cap cap = { load(&t->limits.per_prefix),
		load(&t->limits.prefix_rate), load(&t->limits.prefix_burst) };
	struct key key;

	if ((cap.connections == 0 && cap.rate == 0) ||
	    !make_key(&key, peer, true))
		return REASON_NONE;
	return enter(t, &ticket->prefix, &key, &cap, now_ms);
}

enum reason
throttle_admit_peer(struct throttle_ticket *ticket,
    const struct sockaddr_storage *peer, uint64_t now_ms)
{
	enum reason reason = enter_address(ticket, peer, now_ms);

	if (reason == REASON_NONE)
		reason = enter_prefix(ticket, peer, now_ms);
	return reason;
}

uint64_t
throttle_wait(struct throttle *t, uint64_t now_ms)
{
	uint32_t limit = load(&t->limits.handshakes);
	uint64_t wait = ratelimit_wait(&t->full, now_ms);
	uint64_t other = ratelimit_wait(&t->resumed, now_ms);

	if (other > wait)
		wait = other;
	if (wait == 0 && limit != 0 && load(&t->handshakes) >= limit)
		wait = UNFINISHED_MS;
	return wait;
}

enum reason
throttle_admit(struct throttle *t, struct throttle_ticket *ticket,
    uint64_t now_ms)
{
	memset(ticket, 0, sizeof(*ticket));
	if (!count_in(&t->connections, load(&t->limits.connections)))
		return REASON_ACCEPT_LIMIT;
	(void)count_in(&t->handshakes, 0);
	ratelimit_take(&t->full, now_ms);
	ticket->throttle = t;
	ticket->handshaking = true;
	return REASON_NONE;
}

void
throttle_handshake_done(struct throttle_ticket *ticket,
    enum throttle_handshake how, uint64_t now_ms)
{
	struct throttle *t = ticket->throttle;

	if (t == NULL || !ticket->handshaking)
		return;
	ticket->handshaking = false;
	drop(&t->handshakes);
	if (how == THROTTLE_RESUMED) {
		ratelimit_give(&t->full);
		ratelimit_take(&t->resumed, now_ms);
	}
}

void
throttle_release(struct throttle_ticket *ticket, uint64_t now_ms)
{
	struct throttle *t = ticket->throttle;

	if (t == NULL)
		return;
	throttle_handshake_done(ticket, THROTTLE_FAILED, now_ms);
	leave(t, ticket->address, now_ms);
	leave(t, ticket->prefix, now_ms);
	drop(&t->connections);
	memset(ticket, 0, sizeof(*ticket));
}

void
throttle_set(struct throttle *t, const struct throttle_options *o)
{
	uint32_t handshakes = o->handshakes;

	if (handshakes == 0)
		handshakes = o->handshake_rate > UINT32_MAX / 2
		    ? UINT32_MAX
		    : o->handshake_rate * 2;
	store(&t->limits.connections, o->connections);
	store(&t->limits.per_address, o->connections_per_address);
	store(&t->limits.per_prefix, o->connections_per_prefix);
	store(&t->limits.handshakes, handshakes);
	store(&t->limits.prefix_rate, o->prefix_rate);
	store(&t->limits.prefix_burst, o->prefix_burst);
	ratelimit_set(&t->full, o->handshake_rate, o->handshake_burst);
	ratelimit_set(&t->resumed, o->resumed_rate, o->resumed_burst);
}

enum err
throttle_new(struct throttle **out, const struct throttle_options *o)
{
	struct throttle *t = calloc(1, sizeof(*t));
	bool good = true;
	int i;

	if (t == NULL)
		return ERR_NO_MEMORY;
	ratelimit_init(&t->full, 0, 0);
	ratelimit_init(&t->resumed, 0, 0);
	t->hash_key = hash_key_random();
	for (i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&t->shards[i].lock, NULL);
		list_init(&t->shards[i].idle);
		t->shards[i].bucket_count = BUCKETS;
		t->shards[i].buckets =
		    calloc(BUCKETS, sizeof(*t->shards[i].buckets));
		good = good && t->shards[i].buckets != NULL;
	}
	if (!good) {
		throttle_free(t);
		return ERR_NO_MEMORY;
	}
	throttle_set(t, o);
	*out = t;
	return OK;
}

static void
free_shard(struct shard *s)
{
	struct throttle_entry *e;
	size_t i;

	for (i = 0; s->buckets != NULL && i < s->bucket_count; i++) {
		while ((e = s->buckets[i]) != NULL) {
			s->buckets[i] = e->next;
			free(e);
		}
	}
	free(s->buckets);
	pthread_mutex_destroy(&s->lock);
}

void
throttle_free(struct throttle *t)
{
	int i;

	if (t == NULL)
		return;
	for (i = 0; i < SHARDS; i++)
		free_shard(&t->shards[i]);
	free(t);
}

struct throttle_counts
throttle_counts(struct throttle *t)
{
	struct throttle_counts counts = {
		.connections = load(&t->connections),
		.handshakes = load(&t->handshakes),
	};
	int i;

	for (i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&t->shards[i].lock);
		counts.entries += t->shards[i].count;
		pthread_mutex_unlock(&t->shards[i].lock);
	}
	return counts;
}
