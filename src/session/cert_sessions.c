/* SPDX-License-Identifier: ISC */
#include "session/cert_sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

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
	/* For the fleet, guarded by `lock': */
	pthread_mutex_t lock;
	struct cert_sessions_notify notify; /* loop NULL: there is no fleet */
	bool soon_posted; /* the message is on its way, or was ignored */
	bool now_posted;
	struct list requests;
	uint8_t (*changed)[32]; /* owned */
	size_t changed_count;
	size_t changed_cap;
	bool changed_all; /* some are missing in it */
};

/* Certificates that have changed and were not fetched, at most. */
#define CHANGED_MAX 100000

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

	if (c == NULL)
		return NULL;
	table_shards_init(&c->shards);
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->requests);
	return c;
}

void
cert_sessions_free(struct cert_sessions *c)
{
	if (c == NULL)
		return;
	table_shards_fini(&c->shards);
	pthread_mutex_destroy(&c->lock);
	free(c->changed);
	free(c);
}

/* Tells the fleet. With c->lock held, so that `soon' never comes after the
 * `now' that was posted later. */
static void
ring(struct cert_sessions *c, bool waits)
{
	if (c->now_posted)
		return;
	if (waits) {
		c->now_posted = true;
		loop_post(c->notify.loop, c->notify.now);
	} else if (!c->soon_posted) {
		c->soon_posted = true;
		loop_post(c->notify.loop, c->notify.soon);
	}
}

static bool
make_room_for_change(struct cert_sessions *c)
{
	size_t cap = c->changed_cap == 0 ? 64 : c->changed_cap * 2;
	void *more;

	if (c->changed_count < c->changed_cap)
		return true;
	if (cap > CHANGED_MAX)
		return false;
	more = realloc(c->changed, cap * sizeof(*c->changed));
	if (more == NULL)
		return false;
	c->changed = more;
	c->changed_cap = cap;
	return true;
}

/* Notes that a certificate has fewer sessions here, for the fleet. */
static void
note_change(struct cert_sessions *c, const uint8_t sha256[32])
{
	pthread_mutex_lock(&c->lock);
	if (c->notify.loop != NULL) {
		if (make_room_for_change(c))
			memcpy(c->changed[c->changed_count++], sha256, 32);
		else
			c->changed_all = true;
		ring(c, false);
	}
	pthread_mutex_unlock(&c->lock);
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

bool
cert_sessions_differ(const union session_address *a,
    const union session_address *b)
{
	struct sockaddr_storage x;
	struct sockaddr_storage y;

	session_address_load(a, &x);
	session_address_load(b, &y);
	address_set_port(&x, 0);
	address_set_port(&y, 0);
	return !address_equal(&x, &y);
}

/* Compares with the newest session: whichever of the thief and the owner
 * connects last meets the other's session. */
static void
detect_clone(const struct cert_sessions_entry *e,
    const struct cert_sessions_member *member,
    struct cert_sessions_result *result)
{
	const struct cert_sessions_member *last;

	if (list_empty(&e->members))
		return;
	last = list_entry(e->members.prev, struct cert_sessions_member, node);
	result->clone = cert_sessions_differ(&last->peer, &member->peer);
	result->other = last->peer;
}

/* Ends the oldest session. It is removed at once, so that none is chosen
 * twice. */
static void
end_oldest(struct cert_sessions_entry *e)
{
	struct cert_sessions_member *oldest =
	    list_entry(e->members.next, struct cert_sessions_member, node);

	list_remove(&oldest->node);
	oldest->entry = NULL;
	e->count--;
	atomic_store(&oldest->replaced, true);
	session_manager_dismiss_replaced(oldest->manager);
}

/* Makes room for one session, or sets result->full. More than one session may
 * have to end if a reload has lowered the limit. */
static void
make_room(struct cert_sessions_entry *e,
    const struct cert_sessions_limit *limit,
    struct cert_sessions_result *result)
{
	while (limit->max != 0 && e->count >= limit->max) {
		if (limit->excess == CERT_SESSIONS_REFUSE) {
			result->full = true;
			return;
		}
		end_oldest(e);
	}
}

static uint64_t
wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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
			member->added_unix_ms = wall_ms();
			result->count = ++e->count;
		}
	}
	table_shards_unlock(&c->shards, hash);
	return e == NULL ? ERR_NO_MEMORY : OK;
}

/* Frees an entry without sessions. */
static void
drop_if_empty(struct table *t, struct cert_sessions_entry *e)
{
	if (e->count > 0)
		return;
	table_remove(t, &e->node);
	free(e);
}

void
cert_sessions_remove(struct cert_sessions_member *member)
{
	struct cert_sessions *c = member->all;
	struct cert_sessions_entry *e;
	struct table *t;
	uint8_t sha256[32];
	bool removed = false;

	if (member->request != NULL)
		member->request->member = NULL;
	member->request = NULL;
	if (c == NULL)
		return;
	t = table_shards_lock(&c->shards, member->hash);
	e = member->entry;
	if (e != NULL) {
		memcpy(sha256, e->sha256, sizeof(sha256));
		removed = true;
		list_remove(&member->node);
		member->entry = NULL;
		e->count--;
		drop_if_empty(t, e);
	}
	table_shards_unlock(&c->shards, member->hash);
	member->all = NULL;
	if (removed)
		note_change(c, sha256);
}

/*
 * The fleet.
 */

void
cert_sessions_share(struct cert_sessions *c,
    const struct cert_sessions_notify *notify)
{
	pthread_mutex_lock(&c->lock);
	if (notify != NULL)
		c->notify = *notify;
	else
		c->notify.loop = NULL;
	pthread_mutex_unlock(&c->lock);
}

/* The answer is back with the worker. */
static void
returned(struct loop_message *message)
{
	struct cert_sessions_request *request =
	    list_entry(message, struct cert_sessions_request, message);
	struct cert_sessions_member *member = request->member;

	if (member != NULL) {
		member->request = NULL;
		request->answered(member, request);
	}
	free(request);
}

enum err
cert_sessions_ask(struct cert_sessions_member *member,
    const struct cert_sessions_request *request)
{
	struct cert_sessions *c = member->all;
	struct cert_sessions_request *copy = malloc(sizeof(*copy));
	enum err err = OK;

	if (copy == NULL)
		return ERR_NO_MEMORY;
	*copy = *request;
	copy->message.run = returned;
	copy->member = member;
	copy->peer = member->peer;
	copy->added_unix_ms = member->added_unix_ms;
	list_init(&copy->node);
	pthread_mutex_lock(&c->lock);
	if (c->notify.loop != NULL) {
		list_append(&c->requests, &copy->node);
		member->request = copy;
		ring(c, copy->waits);
	} else {
		err = ERR_CLOSED;
	}
	pthread_mutex_unlock(&c->lock);
	if (err != OK)
		free(copy);
	return err;
}

void
cert_sessions_take(struct cert_sessions *c, struct cert_sessions_due *due,
    bool now)
{
	struct list *node;
	struct list *next;

	list_init(&due->requests);
	pthread_mutex_lock(&c->lock);
	c->soon_posted = false;
	if (now)
		c->now_posted = false;
	list_each(node, next, &c->requests) {
		list_remove(node);
		list_append(&due->requests, node);
	}
	due->changed = c->changed;
	due->count = c->changed_count;
	due->all = c->changed_all;
	c->changed = NULL;
	c->changed_count = c->changed_cap = 0;
	c->changed_all = false;
	pthread_mutex_unlock(&c->lock);
}

void
cert_sessions_give_back(struct cert_sessions_request *request)
{
	loop_post(request->home, &request->message); /* request may be gone */
}

/* Says how many sessions an entry has. With its lock held. */
static void
read_state(const struct cert_sessions_entry *e, struct cert_sessions_state *out)
{
	const struct cert_sessions_member *last;

	memset(out, 0, sizeof(*out));
	if (e == NULL || e->count == 0)
		return;
	last = list_entry(e->members.prev, struct cert_sessions_member, node);
	out->count = e->count;
	out->oldest =
	    list_entry(e->members.next, struct cert_sessions_member, node)
		->added_unix_ms;
	out->newest = last->added_unix_ms;
	out->peer = last->peer;
}

void
cert_sessions_state(struct cert_sessions *c, const uint8_t sha256[32],
    struct cert_sessions_state *out)
{
	uint64_t hash = hash_of(sha256);
	struct table_node *found = table_find(
	    table_shards_lock(&c->shards, hash), hash, is_entry_of, sha256);

	read_state(found == NULL
		? NULL
		: table_entry(found, struct cert_sessions_entry, node),
	    out);
	table_shards_unlock(&c->shards, hash);
}

void
cert_sessions_each(struct cert_sessions *c,
    void (*each)(void *arg, const uint8_t sha256[32],
	const struct cert_sessions_state *state),
    void *arg)
{
	const struct cert_sessions_entry *e;
	struct cert_sessions_state state;
	struct table_node *node;
	struct table *t;
	uint64_t shard;
	size_t i;

	for (shard = 0; shard < TABLE_SHARDS; shard++) {
		t = table_shards_lock(&c->shards, shard << 58);
		for (i = 0; i < t->bucket_count; i++) {
			for (node = t->buckets[i]; node != NULL;
			     node = node->next) {
				e = table_entry(node,
				    struct cert_sessions_entry, node);
				read_state(e, &state);
				each(arg, e->sha256, &state);
			}
		}
		table_shards_unlock(&c->shards, shard << 58);
	}
}

void
cert_sessions_end_oldest(struct cert_sessions *c, const uint8_t sha256[32],
    uint32_t count)
{
	uint64_t hash = hash_of(sha256);
	struct table *t = table_shards_lock(&c->shards, hash);
	struct table_node *found = table_find(t, hash, is_entry_of, sha256);
	struct cert_sessions_entry *e;

	if (found != NULL) {
		e = table_entry(found, struct cert_sessions_entry, node);
		for (; count > 0 && e->count > 0; count--)
			end_oldest(e);
		drop_if_empty(t, e);
	}
	table_shards_unlock(&c->shards, hash);
	if (found != NULL)
		note_change(c, sha256);
}
