/* SPDX-License-Identifier: ISC */
/*
 * The registry is one table under one lock, which is held for a few steps only,
 * some four times for a connection. To find the network that holds most,
 * networks are listed by the logarithm of their number: the first of the
 * highest list has at least half as many as the largest.
 */
#include "accept/pending.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/hash.h"
#include "base/table.h"

#define PREFIX4 24
#define PREFIX6 64

/* Lists of networks: those with 1, 2 to 3, 4 to 7, ... handshakes. */
#define RANKS 32

/* The header of a TLS record: type, version, length (RFC 8446, 5.1). */
#define RECORD_HEADER 5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX ((size_t)RECORD_HEADER + 16384 + 256)

/* The most networks that are compared for the next token. */
#define COMPARED 1024

/* The most networks that are compared when a client is ended for another. */
#define VICTIMS_COMPARED 64

/* A client waits for a token no longer than this before it asks again, so that
 * new limits are noticed. */
#define WAIT_MAX_MS 1000

/* How long a client waits before it asks for memory again. */
#define WAIT_ROOM_MS 20

struct pending_network {
	struct table_node node;
	struct list rank; /* in the registry's */
	struct list busy_rank; /* in the registry's; by busy_count */
	struct pending_key key;
	uint32_t count; /* of the three lists */
	uint32_t busy_count;
	struct list idle; /* TLS has not begun; oldest first */
	struct list busy; /* it has */
	struct list verified; /* it is over; the CONNECT has not come */
};

struct pending_registry {
	pthread_mutex_t lock; /* guards all of this */
	struct table networks; /* owned, and its entries */
	struct list ranks[RANKS]; /* by the number of handshakes */
	struct list busy_ranks[RANKS]; /* of those for which TLS has begun */
	uint32_t count;
	uint32_t busy_count;
	struct pending_limits limits;
	struct hash_key hash_key;
};

/*
 * Networks, under the lock.
 */

static unsigned
rank_of(uint32_t count)
{
	unsigned rank = 0;

	while (count > 1) {
		count /= 2;
		rank++;
	}
	return rank;
}

static bool
has_key(const struct table_node *node, const void *key)
{
	const struct pending_network *n =
	    table_entry(node, const struct pending_network, node);

	return memcmp(&n->key, key, sizeof(n->key)) == 0;
}

static uint64_t
hash_of(const struct pending_registry *r, const struct pending_key *key)
{
	return hash_keyed(&r->hash_key, slice_make(key, sizeof(*key)));
}

/* Returns the entry of that network, and creates it if necessary. NULL when
 * memory runs out. */
static struct pending_network *
find_or_add(struct pending_registry *r, const struct pending_key *key)
{
	uint64_t hash = hash_of(r, key);
	struct table_node *node = table_find(&r->networks, hash, has_key, key);
	struct pending_network *n;

	if (node != NULL)
		return table_entry(node, struct pending_network, node);
	n = calloc(1, sizeof(*n));
	if (n == NULL || table_add(&r->networks, &n->node, hash) != OK) {
		free(n);
		return NULL;
	}
	n->key = *key;
	list_init(&n->rank);
	list_init(&n->busy_rank);
	list_init(&n->idle);
	list_init(&n->busy);
	list_init(&n->verified);
	return n;
}

/* Moves `n' to the list that fits its number of handshakes, which has changed.
 * An empty network is freed. */
static void
settle(struct pending_registry *r, struct pending_network *n)
{
	list_remove(&n->rank);
	list_remove(&n->busy_rank);
	if (n->busy_count > 0)
		list_append(&r->busy_ranks[rank_of(n->busy_count)],
		    &n->busy_rank);
	if (n->count > 0) {
		list_append(&r->ranks[rank_of(n->count)], &n->rank);
		return;
	}
	table_remove(&r->networks, &n->node);
	free(n);
}

/* Takes `h' out of its network, or out of the victims. */
static void
count_out(struct pending_registry *r, struct pending_handshake *h)
{
	struct pending_network *n = h->network;

	list_remove(&h->node);
	if (n == NULL)
		return;
	h->network = NULL;
	if (h->in_tls) {
		n->busy_count--;
		r->busy_count--;
	}
	n->count--;
	r->count--;
	settle(r, n); /* n may be gone */
}

/* The first entry of the highest list, or NULL. */
static struct list *
highest(struct list *ranks)
{
	int rank = RANKS - 1;

	while (rank >= 0 && list_empty(&ranks[rank]))
		rank--;
	return rank < 0 ? NULL : ranks[rank].next;
}

/* Makes the oldest of `all', a list of a network, a victim. */
static void
make_victim(struct pending_registry *r, struct list *all)
{
	struct pending_handshake *h =
	    list_entry(all->next, struct pending_handshake, node);

	count_out(r, h);
	h->evicted = true;
	list_append(&h->queue->victims, &h->node);
	if (!h->queue->posted) {
		h->queue->posted = true;
		loop_post(h->queue->loop, &h->queue->message);
	}
}

/* Makes the oldest unfinished handshake of `n' a victim. False if there is
 * none. */
static bool
end_oldest(struct pending_registry *r, struct pending_network *n)
{
	struct list *all = &n->idle;

	if (list_empty(all))
		all = &n->busy;
	if (list_empty(all))
		all = &n->verified;
	if (list_empty(all))
		return false;
	make_victim(r, all);
	return true;
}

/*
 * The same in the network that holds most. Where there is room for few, many
 * networks hold as many: then the first of them is chosen that has others than
 * clients with a certificate.
 */
static bool
choose_victim(struct pending_registry *r)
{
	struct list *first = highest(r->ranks);
	struct list *node = first;
	struct pending_network *n;
	int i;

	for (i = 0; node != NULL && i < VICTIMS_COMPARED; i++) {
		n = list_entry(node, struct pending_network, rank);
		if (!list_empty(&n->idle) || !list_empty(&n->busy))
			return end_oldest(r, n);
		node = node->next;
		if (node == &r->ranks[rank_of(n->count)])
			break;
	}
	return first != NULL &&
	    end_oldest(r, list_entry(first, struct pending_network, rank));
}

/* Counts `h' for the network of `peer'. If that network, or all of them
 * together, then have too many, another handshake is ended. `h' is added to a
 * list only afterwards, so that it is not the victim itself. */
static void
count_in(struct pending_registry *r, struct pending_handshake *h,
    const struct sockaddr_storage *peer)
{
	struct pending_network *n;
	uint32_t share = r->limits.per_prefix;

	memset(&h->key, 0, sizeof(h->key));
	h->key.family = address_prefix(h->key.bytes, peer, PREFIX4, PREFIX6);
	n = find_or_add(r, &h->key);
	if (n == NULL)
		return;
	n->count++;
	r->count++;
	settle(r, n);
	if (share != 0 && n->count > share && n->key.family != 0)
		(void)end_oldest(r, n);
	else if (r->limits.handshakes != 0 && r->count > r->limits.handshakes)
		(void)choose_victim(r);
	h->network = n;
	list_append(&n->idle, &h->node);
}

static void
evict_victims(struct loop_message *m)
{
	struct pending_queue *q = list_entry(m, struct pending_queue, message);
	struct pending_handshake *h;

	pthread_mutex_lock(&q->registry->lock);
	q->posted = false;
	while (!list_empty(&q->victims)) {
		h = list_entry(q->victims.next, struct pending_handshake, node);
		list_remove(&h->node);
		pthread_mutex_unlock(&q->registry->lock);
		q->evict(h); /* h may be gone */
		pthread_mutex_lock(&q->registry->lock);
	}
	pthread_mutex_unlock(&q->registry->lock);
}

/*
 * Handshake tokens. Of each network only one client is in the queue of those
 * that wait; the others of that network wait behind it. So however many of them
 * there are, a client of another network is found at once.
 */

static bool
is_in_front(const struct table_node *node, const void *key)
{
	const struct pending_handshake *h =
	    table_entry(node, const struct pending_handshake, front);

	return memcmp(&h->key, key, sizeof(h->key)) == 0;
}

/* Puts `h' into the queue itself. If there is no memory for the table, later
 * clients of its network do not find `h', and are put there as well. */
static void
wait_in_front(struct pending_queue *q, struct pending_handshake *h)
{
	list_append(&q->waiting, &h->waiting);
	h->is_front = table_add(&q->fronts, &h->front,
			  hash_of(q->registry, &h->key)) == OK;
}

static void
start_waiting(struct pending_queue *q, struct pending_handshake *h)
{
	struct table_node *node = table_find(&q->fronts,
	    hash_of(q->registry, &h->key), is_in_front, &h->key);

	if (node == NULL)
		wait_in_front(q, h);
	else
		list_append(
		    &table_entry(node, struct pending_handshake, front)->behind,
		    &h->waiting);
}

/* The first of those behind `h' takes its place, but after all networks that
 * wait now. */
static void
stop_waiting(struct pending_queue *q, struct pending_handshake *h)
{
	struct pending_handshake *next;

	list_remove(&h->waiting);
	if (h->is_front)
		table_remove(&q->fronts, &h->front);
	h->is_front = false;
	if (list_empty(&h->behind))
		return;
	next = list_entry(h->behind.next, struct pending_handshake, waiting);
	list_remove(&next->waiting);
	/* The others are behind `next' now: its head replaces that of `h'. */
	list_append(&h->behind, &next->behind);
	list_remove(&h->behind);
	wait_in_front(q, next);
}

/* Returns how many unfinished handshakes the network of `h' has. A client that
 * is about to be ended comes last: the token would be lost with it. */
static uint32_t
load_of(const struct pending_handshake *h)
{
	if (h->evicted)
		return UINT32_MAX;
	return h->network == NULL ? 0 : h->network->count;
}

/* Returns the client that gets the next token: of the network with the fewest
 * unfinished handshakes, the one that has waited longest. Of several such
 * networks, the one is chosen that was served least recently. */
static struct pending_handshake *
next_waiting(struct pending_queue *q)
{
	struct pending_handshake *best = NULL;
	struct pending_handshake *h;
	struct list *node;
	int i = 0;

	pthread_mutex_lock(&q->registry->lock);
	for (node = q->waiting.next; node != &q->waiting && i < COMPARED;
	     node = node->next, i++) {
		h = list_entry(node, struct pending_handshake, waiting);
		if (best == NULL || load_of(h) < load_of(best))
			best = h;
	}
	pthread_mutex_unlock(&q->registry->lock);
	return best;
}

/* TLS begins. */
static void
start_tls(struct pending_handshake *h)
{
	struct pending_registry *r = h->queue->registry;
	struct pending_network *n;

	pthread_mutex_lock(&r->lock);
	n = h->network;
	if (n != NULL) {
		list_remove(&h->node);
		list_append(&n->busy, &h->node);
		h->in_tls = true;
		n->busy_count++;
		r->busy_count++;
		settle(r, n);
	}
	pthread_mutex_unlock(&r->lock);
	h->ready(h); /* h may be gone */
}

/*
 * True if there is memory for the handshake of `h'. If not, and a network has
 * more of it than that of `h' would have, the oldest handshake there is ended
 * for it. Otherwise `h' has to wait until another handshake is finished.
 */
static bool
find_memory(struct pending_handshake *h)
{
	struct pending_registry *r = h->queue->registry;
	struct pending_network *most = NULL;
	struct list *node;
	bool found;

	pthread_mutex_lock(&r->lock);
	found = r->limits.in_tls == 0 || r->busy_count < r->limits.in_tls;
	node = found ? NULL : highest(r->busy_ranks);
	if (node != NULL)
		most = list_entry(node, struct pending_network, busy_rank);
	if (most != NULL && h->network != NULL &&
	    most->busy_count > h->network->busy_count + 1) {
		make_victim(r, &most->busy);
		found = true;
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

/* Gives tokens to the clients that wait, as long as there are any. */
static void
serve_waiting(void *arg)
{
	struct pending_queue *q = arg;
	struct pending_handshake *h;
	uint64_t wait;

	while (!list_empty(&q->waiting)) {
		wait = throttle_token_take(q->throttle, loop_now(q->loop));
		if (wait > 0) {
			timer_start(&q->timer,
			    wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
			return;
		}
		h = next_waiting(q);
		if (!find_memory(h)) {
			throttle_token_give(q->throttle, THROTTLE_UNUSED,
			    loop_now(q->loop));
			timer_start(&q->timer, WAIT_ROOM_MS);
			return;
		}
		stop_waiting(q, h);
		h->has_token = true;
		start_tls(h); /* h may be gone */
	}
}

static void
wait_for_token(struct pending_handshake *h)
{
	bool alone = list_empty(&h->queue->waiting);

	start_waiting(h->queue, h);
	if (alone)
		serve_waiting(h->queue); /* h may be gone */
}

/*
 * The ClientHello.
 */

static void
set_low_water(int fd, size_t bytes)
{
	int n = (int)bytes;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
}

/* Returns how long the first record is, judging by its first `len' bytes; 0 if
 * it is not a handshake record, or cannot be read. */
static size_t
record_len(const uint8_t *data, size_t len)
{
	size_t record = RECORD_HEADER;

	if (data[0] != RECORD_HANDSHAKE)
		return 0;
	if (len >= RECORD_HEADER)
		record += (size_t)data[3] << 8 | data[4];
	return record <= RECORD_MAX ? record : 0;
}

/*
 * Peeks at what has arrived. While the record is incomplete the kernel is told
 * to wake us only when it has the whole (SO_RCVLOWAT): unread bytes would keep
 * waking the loop. If it wakes us before, the connection has ended or broken,
 * or its buffer is full, which a client can cause with many small segments. So
 * a part of a record needs a token as well. TLS begins without a token only if
 * nothing was sent or if this is not TLS: it then fails at once and costs
 * nothing.
 */
static void
look(struct pending_handshake *h)
{
	uint8_t *data = loop_scratch(h->queue->loop, LOOP_SCRATCH_PLAIN);
	ssize_t n = recv(h->watch.fd, data, RECORD_MAX, MSG_PEEK);
	size_t record;

	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		watch_read(&h->watch, true);
		return;
	}
	record = n <= 0 ? 0 : record_len(data, (size_t)n);
	if (record > (size_t)(n > 0 ? n : 0) && record > h->want) {
		h->want = record;
		set_low_water(h->watch.fd, record);
		watch_read(&h->watch, true);
		return;
	}
	if (h->want > 0)
		set_low_water(h->watch.fd, 1);
	(void)watch_release(&h->watch);
	if (record > 0)
		wait_for_token(h); /* h may be gone */
	else
		start_tls(h); /* h may be gone */
}

static void
readable(enum watch_event event, void *arg)
{
	(void)event;
	look(arg); /* may be gone */
}

void
pending_wait(struct pending_handshake *h, int fd,
    void (*ready)(struct pending_handshake *))
{
	h->ready = ready;
	watch_init(&h->watch, h->queue->loop, fd, readable, h);
	look(h); /* h may be gone */
}

/*
 * Begin and end.
 */

void
pending_begin(struct pending_handshake *h, struct pending_queue *q,
    const struct sockaddr_storage *peer)
{
	struct pending_registry *r = q->registry;

	h->queue = q;
	h->watch.fd = -1;
	list_init(&h->node);
	list_init(&h->waiting);
	list_init(&h->behind);
	pthread_mutex_lock(&r->lock);
	count_in(r, h, peer);
	pthread_mutex_unlock(&r->lock);
}

void
pending_move(struct pending_handshake *h, const struct sockaddr_storage *peer)
{
	struct pending_registry *r = h->queue->registry;

	pthread_mutex_lock(&r->lock);
	if (h->network != NULL) { /* not a victim */
		count_out(r, h);
		count_in(r, h, peer);
	}
	pthread_mutex_unlock(&r->lock);
}

bool
pending_make_room(struct pending_queue *q)
{
	bool made;

	pthread_mutex_lock(&q->registry->lock);
	made = choose_victim(q->registry);
	pthread_mutex_unlock(&q->registry->lock);
	return made;
}

/* Gives an unused token back. */
static void
settle_token(struct pending_handshake *h, enum pending_outcome how)
{
	struct pending_queue *q = h->queue;

	if (h->has_token && how != PENDING_OUTCOME_FULL &&
	    how != PENDING_OUTCOME_FAILED)
		throttle_token_give(q->throttle,
		    how == PENDING_OUTCOME_RESUMED ? THROTTLE_RESUMED
						   : THROTTLE_UNUSED,
		    loop_now(q->loop));
	h->has_token = false;
}

void
pending_unverified(struct pending_handshake *h, enum pending_outcome how)
{
	if (h->queue != NULL)
		settle_token(h, how);
}

void
pending_verified(struct pending_handshake *h, enum pending_outcome how)
{
	struct pending_registry *r;
	struct pending_network *n;

	if (h->queue == NULL)
		return;
	settle_token(h, how);
	r = h->queue->registry;
	pthread_mutex_lock(&r->lock);
	n = h->network;
	if (n != NULL && h->in_tls) { /* not a victim */
		list_remove(&h->node);
		list_append(&n->verified, &h->node);
		h->in_tls = false;
		n->busy_count--;
		r->busy_count--;
		settle(r, n);
	}
	pthread_mutex_unlock(&r->lock);
}

bool
pending_end(struct pending_handshake *h, enum pending_outcome how)
{
	struct pending_queue *q = h->queue;
	bool evicted;

	if (q == NULL)
		return true;
	settle_token(h, how);
	h->queue = NULL;
	(void)watch_release(&h->watch);
	stop_waiting(q, h);
	pthread_mutex_lock(&q->registry->lock);
	count_out(q->registry, h);
	evicted = h->evicted;
	pthread_mutex_unlock(&q->registry->lock);
	return !evicted;
}

void
pending_queue_init(struct pending_queue *q, struct throttle *t,
    struct loop *loop, void (*evict)(struct pending_handshake *))
{
	memset(q, 0, sizeof(*q));
	q->throttle = t;
	q->registry = throttle_handshakes(t);
	q->loop = loop;
	q->evict = evict;
	q->message.run = evict_victims;
	list_init(&q->victims);
	list_init(&q->waiting);
	timer_init(&q->timer, loop, serve_waiting, q);
}

void
pending_queue_fini(struct pending_queue *q)
{
	if (q->loop == NULL)
		return;
	timer_stop(&q->timer);
	table_fini(&q->fronts);
}

struct pending_registry *
pending_registry_new(void)
{
	struct pending_registry *r = calloc(1, sizeof(*r));
	int i;

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->hash_key = hash_key_random();
	for (i = 0; i < RANKS; i++) {
		list_init(&r->ranks[i]);
		list_init(&r->busy_ranks[i]);
	}
	return r;
}

void
pending_registry_free(struct pending_registry *r)
{
	struct table_node *node;

	if (r == NULL)
		return;
	while ((node = table_take(&r->networks)) != NULL)
		free(table_entry(node, struct pending_network, node));
	table_fini(&r->networks);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
pending_registry_set_limits(struct pending_registry *r,
    const struct pending_limits *limits)
{
	pthread_mutex_lock(&r->lock);
	r->limits = *limits;
	pthread_mutex_unlock(&r->lock);
}

uint32_t
pending_registry_count(struct pending_registry *r)
{
	uint32_t count;

	pthread_mutex_lock(&r->lock);
	count = r->count;
	pthread_mutex_unlock(&r->lock);
	return count;
}
