/* SPDX-License-Identifier: ISC */
#include "fleet/fleet.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/log.h"
#include "fleet/file.h"
#include "fleet/scripts.h"

/* How often the stream is read even if nothing woke us, how long a replica
 * counts as alive without a heartbeat, and how long a quiet subscription is
 * believed. */
#define TICK_MS 1000
#define ALIVE_MS "15000"
#define QUIET_MS 4000
/* Changes that are read in one go. */
#define READ_COUNT 500
#define SCAN_COUNT "1000"
/* Changes that are collected before they are put in force. */
#define COLLECT_MAX 200000
/* How long a command waits for the Redis server. */
#define SEND_MS 2000

enum phase {
	OFFLINE, /* not connected */
	JOINING,
	LOADING,
	CATCHING_UP,
	ONLINE
};

/* A command that waits for its change. */
struct waiter {
	struct list node; /* in fleet->waiters */
	struct fleet *fleet; /* borrowed; NULL: it has stopped */
	struct timer timer; /* its deadline */
	fleet_change_done *done;
	void *arg;
	size_t last; /* its last place in the queue; see fleet_list.sent */
	struct fleet_changed result;
	bool swept;
	bool answered; /* by the Redis server, or not in time */
};

struct fleet {
	struct loop *loop; /* borrowed */
	struct backend_resolver *resolver; /* borrowed */
	struct config *config; /* counted */
	struct fleet_link *data; /* owned: commands */
	struct fleet_link *sub; /* owned: what wakes us */
	struct fleet_rpc *rpc; /* owned: questions */
	struct fleet_leases *leases; /* owned: sessions of certificates */
	struct cert_sessions *sessions; /* borrowed */
	enum phase phase;
	uint64_t changed_at; /* clock_mono_ms(): ONLINE began or ended */
	char name[FLEET_RPC_NAME_MAX + 1];
	char me[FLEET_RPC_NAME_MAX + 20]; /* name, and the number in hex */
	uint32_t number; /* of this process */
	char own_epoch[33]; /* what a Redis server without an epoch gets */
	int64_t set_len; /* the most entries that its set had since we joined */
	char load_id[48]; /* LOADING: where the stream was when it began */
	char cursor[24]; /* of the scan */
	bool reading; /* a read of the stream is under way */
	bool again; /* and another one has to follow */
	uint64_t heard_at; /* the last message, clock_mono_ms() */
	struct timer tick;
	struct fleet_list list;
	struct list waiters;
	fleet_rpc_asked *asked; /* what answers questions */
	void *asked_arg;
	uint64_t lost;
	struct fleet_link_complaint complaint; /* of all links */
	bool file_taken; /* a version of the fleet's file was taken */
	/* Each name is owned. */
	struct fleet_replica replicas[FLEET_RPC_REPLICAS_MAX];
	size_t replica_count;
};

/* The name of a key or channel. */
static struct slice
key(const struct fleet *f, char out[128], const char *what)
{
	int n = snprintf(out, 128, "%s:%s", f->config->fleet.prefix, what);

	return slice_make(out, (size_t)n);
}

static void push(struct fleet *f);
static void read_stream(struct fleet *f);
static void join(struct fleet *f);

static void
set_phase(struct fleet *f, enum phase phase)
{
	bool was = f->phase == ONLINE;

	f->phase = phase;
	if (was == (phase == ONLINE))
		return;
	f->changed_at = clock_mono_ms();
	f->list.online = phase == ONLINE;
	if (phase == ONLINE)
		log_event(LOG_LEVEL_INFO, "fleet_online",
		    "%s: %zu entries denied, %zu changes to send",
		    fleet_link_address(f->data), f->list.denials.active,
		    f->list.queue_len);
}

/*
 * Sending changes.
 */

static void
waiter_end(struct waiter *w)
{
	if (!w->swept || !w->answered)
		return;
	list_remove(&w->node);
	timer_stop(&w->timer);
	w->done(w->arg, &w->result);
	free(w);
}

/* Answers the commands whose changes have left the queue. With `all' the link
 * is down: the other commands are answered that their changes have to wait. */
static void
notify_waiters(struct fleet *f, bool all)
{
	struct list *node;
	struct list *next;
	struct waiter *w;

	list_each(node, next, &f->waiters) {
		w = list_entry(node, struct waiter, node);
		if (w->answered || (!all && w->last > f->list.sent))
			continue;
		w->answered = true;
		w->result.sent = w->last <= f->list.sent;
		waiter_end(w);
	}
}

static void
put_done(void *arg, const struct fleet_reply *reply)
{
	struct fleet *f = arg;
	char why[FLEET_LINK_WHY_MAX];

	if (reply == NULL || reply->type == FLEET_WIRE_ERROR) {
		fleet_list_lost(&f->list);
		if (reply == NULL)
			return;
		snprintf(why, sizeof(why), "a change was refused: %.*s",
		    (int)(reply->text.len < 160 ? reply->text.len : 160),
		    (const char *)reply->text.data);
		fleet_link_reject(f->data, why);
		return;
	}
	fleet_list_sent(&f->list);
	notify_waiters(f, false);
	push(f);
	read_stream(f); /* the stamps that they got */
}

/* Sends the first changes of the queue. */
static void
push(struct fleet *f)
{
	static struct fleet_part parts[FLEET_PARTS_MAX]; /* the main thread's */
	static struct slice argv[6 + 4 * FLEET_PARTS_MAX];
	char set[128], stream[128], wake[128];
	const uint8_t *at;
	struct buf texts;
	size_t argc = 0;
	size_t i, n;

	if (f->phase != ONLINE || f->list.in_flight > 0 ||
	    f->list.queue_len == 0)
		return;
	buf_init(&texts, 0);
	n = fleet_list_write(&f->list, parts, &texts);
	at = buf_data(&texts);
	argv[argc++] = slice_str("EVAL");
	argv[argc++] = slice_str(FLEET_SCRIPT_PUT);
	argv[argc++] = slice_str("2");
	argv[argc++] = key(f, set, "denied");
	argv[argc++] = key(f, stream, "changes");
	argv[argc++] = key(f, wake, "wake");
	for (i = 0; i < n; i++) {
		argv[argc++] = slice_str(parts[i].how);
		argv[argc++] = slice_make(at + parts[i].field,
		    parts[i].stamp - parts[i].field);
		argv[argc++] = slice_make(at + parts[i].stamp,
		    parts[i].value - parts[i].stamp);
		argv[argc++] = slice_make(at + parts[i].value,
		    parts[i].end - parts[i].value);
	}
	if (n > 0 && fleet_link_send(f->data, argv, argc, put_done, f))
		f->list.in_flight = n;
	buf_fini(&texts);
}

/*
 * Reading: the stream.
 */

static void
refuse(struct fleet *f, const char *what, const struct fleet_reply *reply)
{
	char why[FLEET_LINK_WHY_MAX];
	struct slice text = reply->type == FLEET_WIRE_ERROR
	    ? reply->text
	    : slice_str("not what was asked for");

	snprintf(why, sizeof(why), "%s: %.*s", what,
	    (int)(text.len < 160 ? text.len : 160), (const char *)text.data);
	fleet_link_reject(f->data, why);
}

/* One change: [id, [k, FIELD, v, VALUE]]. False: it is something else. */
static bool
take_change(struct fleet *f, const struct fleet_reply *r)
{
	struct slice id = fleet_reply_text(fleet_reply_item(r, 0));
	const struct fleet_reply *body = fleet_reply_item(r, 1);
	struct slice field = slice_make("", 0), value = slice_make("", 0);
	struct slice name;
	size_t i;

	if (!fleet_id_is_good(id))
		return false;
	for (i = 0; i + 1 < body->count; i += 2) {
		name = fleet_reply_text(fleet_reply_item(body, i));
		if (slice_equal(name, slice_str("k")))
			field = fleet_reply_text(fleet_reply_item(body, i + 1));
		else if (slice_equal(name, slice_str("v")))
			value = fleet_reply_text(fleet_reply_item(body, i + 1));
	}
	fleet_list_take(&f->list, field, value);
	snprintf(f->list.position.id, sizeof(f->list.position.id), "%.*s",
	    (int)id.len, (const char *)id.data);
	return true;
}

/* The end of the stream was reached. */
static void
caught_up(struct fleet *f)
{
	set_phase(f, ONLINE);
	push(f);
}

static void
stream_read(void *arg, const struct fleet_reply *reply)
{
	struct fleet *f = arg;
	const struct fleet_reply *changes;
	size_t i;

	f->reading = false;
	if (reply == NULL)
		return;
	if (reply->type != FLEET_WIRE_NIL && reply->type != FLEET_WIRE_ARRAY) {
		refuse(f, "cannot read the changes", reply);
		return;
	}
	changes = fleet_reply_item(fleet_reply_item(reply, 0), 1);
	for (i = 0; i < changes->count; i++) {
		if (!take_change(f, fleet_reply_item(changes, i))) {
			refuse(f, "cannot read a change", changes);
			return;
		}
	}
	if (changes->count > 0)
		fleet_list_touch(&f->list);
	if (changes->count < READ_COUNT ||
	    f->list.changes.count > COLLECT_MAX || f->phase == ONLINE) {
		if (f->list.changes.count > 0)
			(void)fleet_list_enforce(&f->list, NULL, NULL);
	}
	if (changes->count >= READ_COUNT || f->again)
		read_stream(f);
	else if (f->phase == CATCHING_UP)
		caught_up(f);
}

/* Reads what is new in the stream, unless that is being done: then once
 * more. */
static void
read_stream(struct fleet *f)
{
	char stream[128], count[16];
	struct slice argv[6] = { slice_str("XREAD"), slice_str("COUNT"),
		slice_make(count,
		    (size_t)snprintf(count, sizeof(count), "%d", READ_COUNT)),
		slice_str("STREAMS"), key(f, stream, "changes"),
		slice_str(f->list.position.id) };

	if (f->phase != ONLINE && f->phase != CATCHING_UP)
		return;
	f->again = f->reading;
	if (f->reading)
		return;
	f->reading = fleet_link_send(f->data, argv, 6, stream_read, f);
}

/*
 * Reading: the whole set.
 */

static void scan(struct fleet *f);

static void
scanned(void *arg, const struct fleet_reply *reply)
{
	struct fleet *f = arg;
	const struct fleet_reply *items;
	struct slice cursor;
	size_t i;

	if (reply == NULL)
		return;
	cursor = fleet_reply_text(fleet_reply_item(reply, 0));
	items = fleet_reply_item(reply, 1);
	if (items->type != FLEET_WIRE_ARRAY || cursor.len == 0 ||
	    cursor.len >= sizeof(f->cursor)) {
		refuse(f, "cannot read the deny list", reply);
		return;
	}
	for (i = 0; i + 1 < items->count; i += 2)
		fleet_list_take(&f->list,
		    fleet_reply_text(fleet_reply_item(items, i)),
		    fleet_reply_text(fleet_reply_item(items, i + 1)));
	snprintf(f->cursor, sizeof(f->cursor), "%.*s", (int)cursor.len,
	    (const char *)cursor.data);
	if (strcmp(f->cursor, "0") != 0) {
		scan(f);
		return;
	}
	memcpy(f->list.position.id, f->load_id, sizeof(f->list.position.id));
	fleet_list_restore(&f->list);
	set_phase(f, CATCHING_UP);
	read_stream(f);
}

static void
scan(struct fleet *f)
{
	char set[128];
	struct slice argv[5] = { slice_str("HSCAN"), key(f, set, "denied"),
		slice_str(f->cursor), slice_str("COUNT"),
		slice_str(SCAN_COUNT) };

	(void)fleet_link_send(f->data, argv, 5, scanned, f);
}

/*
 * Joining.
 */

/* Copies a short text of the Redis server; false if it is too long or odd. */
static bool
copy_word(char *out, size_t size, struct slice in)
{
	size_t i;

	if (in.len == 0 || in.len >= size)
		return false;
	for (i = 0; i < in.len; i++)
		if (!isgraph(in.data[i]))
			return false;
	memcpy(out, in.data, in.len);
	out[in.len] = '\0';
	return true;
}

static void
joined(void *arg, const struct fleet_reply *reply)
{
	struct fleet *f = arg;
	char epoch[sizeof(f->list.position.epoch)];
	bool known;

	if (reply == NULL)
		return;
	if (reply->type != FLEET_WIRE_ARRAY ||
	    !copy_word(epoch, sizeof(epoch),
		fleet_reply_text(fleet_reply_item(reply, 0))) ||
	    !copy_word(f->load_id, sizeof(f->load_id),
		fleet_reply_text(fleet_reply_item(reply, 2))) ||
	    !fleet_id_is_good(slice_str(f->load_id))) {
		refuse(f, "cannot join", reply);
		return;
	}
	f->set_len = fleet_reply_item(reply, 3)->number;
	known = fleet_reply_item(reply, 1)->number == 1 &&
	    strcmp(epoch, f->list.position.epoch) == 0 &&
	    f->set_len >= fleet_list_confirmed(&f->list);
	memcpy(f->list.position.epoch, epoch, sizeof(epoch));
	f->list.round++;
	f->reading = false;
	if (known) {
		set_phase(f, CATCHING_UP);
		read_stream(f);
		return;
	}
	set_phase(f, LOADING);
	snprintf(f->cursor, sizeof(f->cursor), "0");
	scan(f);
}

static void
join(struct fleet *f)
{
	char epoch[128], stream[128], set[128];
	struct slice argv[8] = { slice_str("EVAL"),
		slice_str(FLEET_SCRIPT_JOIN), slice_str("3"),
		key(f, epoch, "epoch"), key(f, stream, "changes"),
		key(f, set, "denied"), slice_str(f->own_epoch),
		slice_str(f->list.position.id) };

	set_phase(f, JOINING);
	(void)fleet_link_send(f->data, argv, 8, joined, f);
}

/*
 * Signs of life.
 */

static void
forget_replicas(struct fleet *f)
{
	while (f->replica_count > 0)
		free(f->replicas[--f->replica_count].name);
}

static int
compare_names(const void *a, const void *b)
{
	const struct fleet_replica *x = a;
	const struct fleet_replica *y = b;

	return strcmp(x->name, y->name);
}

/* The names of those that are alive: "NAME NUMBER" becomes NAME, and how old
 * their heartbeat is follows each. */
static void
note_replicas(struct fleet *f, const struct fleet_reply *list)
{
	char text[sizeof(f->me)];
	struct fleet_replica *r;
	struct slice s;
	int64_t silent;
	size_t i;

	forget_replicas(f);
	for (i = 0;
	     i < list->count && f->replica_count < FLEET_RPC_REPLICAS_MAX;
	     i += 2) {
		s = fleet_reply_text(fleet_reply_item(list, i));
		if (s.len >= sizeof(text))
			continue;
		memcpy(text, s.data, s.len);
		text[s.len] = '\0';
		text[strcspn(text, " ")] = '\0';
		silent = fleet_reply_item(list, i + 1)->number;
		r = &f->replicas[f->replica_count];
		r->silent_ms = silent < 0 ? 0 : (uint64_t)silent;
		r->name = strdup(text);
		f->replica_count += r->name != NULL;
	}
	qsort(f->replicas, f->replica_count, sizeof(f->replicas[0]),
	    compare_names);
}

/* Two signs show that the Redis server has lost data without a restart. It has
 * another epoch: all of its data were deleted. Or its set has fewer entries
 * than before, although replicas only add to it: an administrator has deleted
 * it, or the server has evicted it, and new entries may have come since. */
static void
heartbeat_answered(void *arg, const struct fleet_reply *reply)
{
	struct fleet *f = arg;
	struct slice epoch;
	int64_t set_len;

	if (reply == NULL)
		return;
	if (reply->type != FLEET_WIRE_ARRAY) {
		refuse(f, "no heartbeat", reply);
		return;
	}
	note_replicas(f, fleet_reply_item(reply, 2));
	epoch = fleet_reply_text(fleet_reply_item(reply, 0));
	set_len = fleet_reply_item(reply, 1)->number;
	if (set_len > f->set_len)
		f->set_len = set_len;
	if (f->phase == ONLINE && f->list.in_flight == 0 &&
	    (!slice_equal(epoch, slice_str(f->list.position.epoch)) ||
		set_len < f->set_len)) {
		log_event(LOG_LEVEL_WARN, "fleet_emptied",
		    "the Redis server has lost data; it is sent what it lacks");
		f->list.position.epoch[0] = '\0';
		join(f);
	}
}

static void
send_heartbeat(struct fleet *f)
{
	char epoch[128], set[128], replicas[128];
	struct slice argv[8] = { slice_str("EVAL"),
		slice_str(FLEET_SCRIPT_HEARTBEAT), slice_str("3"),
		key(f, epoch, "epoch"), key(f, set, "denied"),
		key(f, replicas, "replicas"), slice_str(f->me),
		slice_str(ALIVE_MS) };

	(void)fleet_link_send(f->data, argv, 8, heartbeat_answered, f);
}

static void
tick(void *arg)
{
	struct fleet *f = arg;
	struct slice ping = slice_str("PING");

	timer_start(&f->tick, TICK_MS);
	if (f->list.changes.count > 0 && f->phase == ONLINE)
		(void)fleet_list_enforce(&f->list, NULL, NULL);
	if (fleet_link_is_up(f->data))
		send_heartbeat(f);
	read_stream(f);
	push(f);
	if (!fleet_link_is_up(f->sub))
		return;
	if (clock_mono_ms() > f->heard_at + QUIET_MS)
		fleet_link_reject(f->sub, "the Redis server does not answer");
	else
		(void)fleet_link_send(f->sub, &ping, 1, NULL, NULL);
}

/*
 * The links.
 */

static void
data_up(void *arg)
{
	struct fleet *f = arg;

	f->again = false;
	send_heartbeat(f);
	join(f);
}

static void
data_down(void *arg)
{
	struct fleet *f = arg;

	f->lost++;
	set_phase(f, OFFLINE);
	forget_replicas(f);
	if (f->list.changes.count > 0)
		(void)fleet_list_enforce(&f->list, NULL, NULL);
	notify_waiters(f, true);
}

static void
sub_up(void *arg)
{
	struct fleet *f = arg;
	char wake[128], names[2][128];
	struct slice argv[4] = { slice_str("SUBSCRIBE"), key(f, wake, "wake") };

	fleet_rpc_channels(f->rpc, argv + 2, names);
	f->heard_at = clock_mono_ms();
	(void)fleet_link_send(f->sub, argv, 4, NULL, NULL);
}

static void
sub_down(void *arg)
{
	(void)arg;
}

/* A message, the answer to PING, or an error. */
static void
sub_message(void *arg, const struct fleet_reply *r)
{
	struct fleet *f = arg;
	struct slice kind = fleet_reply_text(fleet_reply_item(r, 0));
	struct slice channel = fleet_reply_text(fleet_reply_item(r, 1));
	struct slice text = fleet_reply_text(fleet_reply_item(r, 2));
	char why[FLEET_LINK_WHY_MAX], wake[128];

	f->heard_at = clock_mono_ms();
	if (r->type == FLEET_WIRE_ERROR) {
		snprintf(why, sizeof(why), "cannot subscribe: %.*s",
		    (int)(r->text.len < 160 ? r->text.len : 160),
		    (const char *)r->text.data);
		fleet_link_reject(f->sub, why);
		return;
	}
	if (slice_equal(channel, key(f, wake, "wake"))) {
		read_stream(f);
	} else if (slice_equal(kind, slice_str("message"))) {
		fleet_rpc_message(f->rpc, channel, text);
		fleet_leases_message(f->leases, text);
	}
}

static const struct fleet_link_owner data_owner = { data_up, data_down, NULL };
static const struct fleet_link_owner sub_owner = { sub_up, sub_down,
	sub_message };

/*
 * Changes by commands.
 */

static void
change_swept(void *arg, uint64_t ended)
{
	struct waiter *w = arg;

	w->swept = true;
	w->result.ended = ended;
	if (w->fleet != NULL)
		waiter_end(w);
	else
		free(w); /* it was told when the fleet stopped */
}

static void
waiter_timed_out(void *arg)
{
	struct waiter *w = arg;

	w->answered = true;
	waiter_end(w);
}

void
fleet_change(struct fleet *f, const struct identity_deny_table *change,
    fleet_change_done *done, void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w));
	struct fleet_changed failed = { .err = ERR_NO_MEMORY };
	enum err err = w == NULL ? ERR_NO_MEMORY : OK;
	size_t i;

	for (i = 0; i < change->count && err == OK; i++)
		err = fleet_list_decide(&f->list, change, i);
	if (err != OK) {
		free(w);
		failed.err = err;
		done(arg, &failed);
		return;
	}
	w->fleet = f;
	w->done = done;
	w->arg = arg;
	w->last = f->list.sent + f->list.queue_len;
	list_init(&w->node);
	list_append(&f->waiters, &w->node);
	timer_init(&w->timer, f->loop, waiter_timed_out, w);
	timer_start(&w->timer, f->phase == ONLINE ? SEND_MS : 0);
	push(f);
	err = fleet_list_enforce(&f->list, change_swept, w);
	if (err == OK)
		return;
	w->result.err = err;
	w->swept = true;
	timer_start(&w->timer, 0);
}

/*
 * The file that belongs to the fleet.
 */

static void
log_file(const struct fleet_file_changes *c)
{
	if (c->denied > 0 || c->taken_back > 0)
		log_event(LOG_LEVEL_INFO, "fleet_file",
		    "%zu entries denied and %zu taken back, for all replicas",
		    c->denied, c->taken_back);
	if (c->late > 0)
		log_event(LOG_LEVEL_WARN, "fleet_file",
		    "%zu rows deny no client: the fleet has taken them back "
		    "since",
		    c->late);
	if (c->kept > 0)
		log_event(LOG_LEVEL_WARN, "fleet_file",
		    "%zu rows are gone, but their clients were denied by other "
		    "means as well, and stay denied",
		    c->kept);
}

enum err
fleet_take_file(struct fleet *f, const struct identity_deny_table *rows,
    const struct stat *file_stat, struct report *why, fleet_swept *done,
    void *arg)
{
	struct fleet_file_changes changes;
	struct fleet_file_version v;
	enum err applied;
	enum err err;

	fleet_file_version(&v, rows, file_stat, !f->file_taken);
	err = fleet_file_take(&f->list, &v, &changes, why);
	if (err == OK)
		f->file_taken = true;
	log_file(&changes);
	if (f->data == NULL) {
		applied = fleet_list_apply(&f->list);
		return err == OK ? applied : err;
	}
	push(f);
	applied = fleet_list_enforce(&f->list, err == OK ? done : NULL, arg);
	return err == OK ? applied : err;
}

/*
 * The beginning and the end.
 */

/* The characters of a name are those that need no quoting anywhere. */
static void
make_name(struct fleet *f)
{
	const char *given = f->config->fleet.name;
	char host[256];
	struct hash_key number = hash_key_random();
	uint64_t epoch[2];
	size_t i;

	if (given[0] == '\0' && gethostname(host, sizeof(host) - 1) == 0) {
		host[sizeof(host) - 1] = '\0';
		given = host;
	}
	snprintf(f->name, sizeof(f->name), "%.64s",
	    given[0] == '\0' ? "replica" : given);
	for (i = 0; f->name[i] != '\0'; i++)
		if (!isalnum((unsigned char)f->name[i]) &&
		    strchr("._-", f->name[i]) == NULL)
			f->name[i] = '_';
	f->number = (uint32_t)number.k0;
	snprintf(f->me, sizeof(f->me), "%s %08" PRIx32, f->name, f->number);
	epoch[0] = number.k0;
	epoch[1] = number.k1;
	encode_hex(f->own_epoch, slice_make(epoch, sizeof(epoch)));
}

enum err
fleet_new(struct fleet **out, const struct fleet_options *o, struct report *why)
{
	struct fleet *f = calloc(1, sizeof(*f));
	enum err err;

	*out = f;
	if (f == NULL)
		return ERR_NO_MEMORY;
	f->loop = o->loop;
	f->resolver = o->resolver;
	f->config = config_get(o->config);
	f->sessions = o->sessions;
	f->changed_at = clock_mono_ms();
	list_init(&f->waiters);
	timer_init(&f->tick, f->loop, tick, f);
	make_name(f);
	err =
	    fleet_list_init(&f->list, o->list, f->loop, f->config->fleet.copy);
	f->list.hooks = o->hooks;
	if (err == OK)
		err = fleet_list_load(&f->list, why);
	if (err == OK && !f->config->denylist.shared)
		fleet_file_forget(&f->list);
	if (err == OK)
		log_event(LOG_LEVEL_INFO, "fleet", "%s: %zu entries denied",
		    f->name, f->list.denials.active);
	return err;
}

enum err
fleet_start(struct fleet *f, const struct fleet_link_access *access)
{
	const struct config_fleet *c = &f->config->fleet;
	struct fleet_link_options o = {
		.loop = f->loop,
		.resolver = f->resolver,
		.address = &c->address,
		.server_name = c->server_name,
		.username = c->username,
		.complaint = &f->complaint,
		.owner = &data_owner,
		.arg = f,
	};
	struct fleet_rpc_options rpc = { &o, c->prefix, f->name, f->number };
	struct fleet_leases_options leases = { &o, f->sessions, c->prefix,
		f->me, f->number };

	f->rpc = fleet_rpc_new(&rpc, access);
	f->data = fleet_link_new(&o, access);
	o.owner = &sub_owner;
	f->sub = fleet_link_new(&o, access);
	f->leases = fleet_leases_new(&leases, access);
	if (f->data == NULL || f->sub == NULL || f->rpc == NULL ||
	    f->leases == NULL)
		return ERR_NO_MEMORY;
	fleet_rpc_listen(f->rpc, f->asked, f->asked_arg);
	timer_start(&f->tick, TICK_MS);
	return f->list.copy == NULL ? OK : fleet_copy_start(f->list.copy);
}

void
fleet_set_access(struct fleet *f, const struct fleet_link_access *access)
{
	fleet_link_set_access(f->data, access);
	fleet_link_set_access(f->sub, access);
	fleet_rpc_set_access(f->rpc, access);
	fleet_leases_set_access(f->leases, access);
}

/* Leaves the fleet, so that the others need not wait until our heartbeat is
 * missing. */
static void
leave(struct fleet *f)
{
	char replicas[128];
	struct slice argv[3] = { slice_str("ZREM"),
		key(f, replicas, "replicas"), slice_str(f->me) };

	if (f->data != NULL && fleet_link_is_up(f->data))
		(void)fleet_link_send(f->data, argv, 3, NULL, NULL);
}

void
fleet_stop(struct fleet *f)
{
	struct list *node;
	struct list *next;
	struct waiter *w;

	if (f == NULL)
		return;
	timer_stop(&f->tick);
	leave(f);
	list_each(node, next, &f->waiters) {
		w = list_entry(node, struct waiter, node);
		list_remove(&w->node);
		timer_stop(&w->timer);
		w->result.err = ERR_CLOSED;
		w->done(w->arg, &w->result);
		w->fleet = NULL;
		if (w->swept)
			free(w); /* otherwise the sweep's end frees it */
	}
	fleet_rpc_free(f->rpc);
	fleet_leases_stop(f->leases);
	fleet_link_free(f->data);
	fleet_link_free(f->sub);
	f->rpc = NULL;
	f->data = NULL;
	f->sub = NULL;
	fleet_list_stop(&f->list);
	forget_replicas(f);
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	fleet_list_fini(&f->list);
	fleet_leases_free(f->leases);
	config_put(f->config);
	free(f);
}

void
fleet_get_status(const struct fleet *f, struct fleet_status *out)
{
	memset(out, 0, sizeof(*out));
	out->online = f->phase == ONLINE;
	out->name = f->name;
	out->address = fleet_link_address(f->data);
	out->why = out->online ? "" : fleet_link_why(f->data);
	out->last_id = f->list.position.id;
	out->lag_ms = fleet_link_lag(f->data);
	out->changed_at = f->changed_at;
	out->entries = f->list.denials.active;
	out->waiting = f->list.queue_len;
	out->refused = f->list.refused;
	out->lost = f->lost;
	out->copy_failed = f->list.copy_failed;
	fleet_leases_get_status(f->leases, &out->sessions);
	out->replicas = f->replicas;
	out->replica_count = f->replica_count;
}

void
fleet_listen(struct fleet *f, fleet_rpc_asked *asked, void *arg)
{
	f->asked = asked;
	f->asked_arg = arg;
}

struct fleet_rpc *
fleet_get_rpc(const struct fleet *f)
{
	return f->rpc;
}
