/* SPDX-License-Identifier: ISC */
#include "fleet/leases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/encode.h"
#include "base/log.h"
#include "fleet/scripts.h"
#include "io/timer.h"

#define NUMBER_LEN 8
#define HEX_LEN 64
/* How often the lease is renewed, and for how long it lasts. */
#define TICK_MS 1000
#define LEASE_MS "15000"
/* What no session waits for is collected, because a wakeup for each would cost
 * more than the rest. */
#define SOON_MS 100
/* A request is answered within this time. */
#define CLAIM_TIMEOUT_MS 1000
/* Requests, and certificates, that are sent in one command. */
#define BATCH 100
#define CHUNK 500
#define CLAIM_ARGS 6
/* "COUNT OLDEST NEWEST ADDRESS" */
#define STATE_MAX 256

struct fleet_leases {
	struct fleet_link *link; /* owned; NULL once it has stopped */
	struct loop *loop; /* borrowed */
	struct cert_sessions *sessions; /* borrowed */
	const char *prefix; /* borrowed */
	const char *me; /* borrowed */
	char number_text[NUMBER_LEN + 1];
	struct loop_message soon; /* there is something due */
	struct loop_message now; /* a session waits for it */
	struct timer later; /* what is due soon */
	struct timer tick;
	bool ready; /* the Redis server has our lease */
	bool alone_logged; /* it was logged */
	struct fleet_leases_status status;
};

/* Requests in one command. */
struct batch {
	struct fleet_leases *leases; /* borrowed */
	struct timer timeout;
	/* In the order in which they were sent; empty: they were given back. */
	struct list requests;
};

/* The parts of a command whose texts lie in one buffer. */
struct command {
	struct buf texts;
	size_t ends[BATCH * CLAIM_ARGS + CHUNK * 2];
	size_t count;
	bool failed; /* for lack of memory: parts are missing */
};

static struct slice
key(const struct fleet_leases *l, char out[128], const char *what,
    const char *id)
{
	int n = snprintf(out, 128, "%s:%s%s", l->prefix, what, id);

	return slice_make(out, (size_t)n);
}

static void
ignore(void *arg, const struct fleet_reply *reply)
{
	(void)arg;
	(void)reply;
}

/*
 * Commands of many parts.
 */

static void
command_add(struct command *c, const char *text)
{
	if (buf_append(&c->texts, text, strlen(text)) != OK)
		c->failed = true;
	else
		c->ends[c->count++] = buf_len(&c->texts);
}

/* Appends the parts to argv; returns the new argc. */
static size_t
command_finish(const struct command *c, struct slice *argv, size_t argc)
{
	const uint8_t *texts = buf_data(&c->texts);
	size_t from = 0;
	size_t i;

	for (i = 0; i < c->count; i++) {
		argv[argc++] = slice_make(texts + from, c->ends[i] - from);
		from = c->ends[i];
	}
	return argc;
}

static void
command_clear(struct command *c)
{
	buf_fini(&c->texts);
	buf_init(&c->texts, 0);
	c->count = 0;
	c->failed = false;
}

/* Room for the longest command; the main thread's. */
static struct slice *
command_room(void)
{
	static struct slice argv[16 + BATCH * CLAIM_ARGS + CHUNK * 2];

	return argv;
}

static void
write_state(char out[STATE_MAX], const struct cert_sessions_state *s)
{
	char host[ADDRESS_TEXT_MAX];
	struct sockaddr_storage peer;

	session_address_load(&s->peer, &peer);
	address_text(host, &peer);
	snprintf(out, STATE_MAX, "%" PRIu32 " %" PRIu64 " %" PRIu64 " %s",
	    s->count, s->oldest, s->newest, host[0] == '\0' ? "-" : host);
}

/*
 * Requests.
 */

/* Answers a request without the other replicas. */
static void
give_back_alone(struct fleet_leases *l, struct cert_sessions_request *request)
{
	l->status.alone++;
	if (!l->alone_logged && request->limit.max > 0) {
		l->alone_logged = true;
		log_event(LOG_LEVEL_WARN, "fleet_alone",
		    "the other replicas' sessions are not known: see [fleet] "
		    "when_down");
	}
	request->answer = CERT_SESSIONS_UNANSWERED;
	cert_sessions_give_back(request);
}

static void
give_all_back(struct fleet_leases *l, struct list *requests)
{
	struct list *node;
	struct list *next;

	list_each(node, next, requests) {
		list_remove(node);
		give_back_alone(l,
		    list_entry(node, struct cert_sessions_request, node));
	}
}

static void
requests_timed_out(void *arg)
{
	struct batch *b = arg;

	give_all_back(b->leases, &b->requests);
}

/* Compares the address of another replica's session with that of the request.
 */
static void
look_for_clone(struct cert_sessions_request *request, struct slice host)
{
	struct sockaddr_storage peer;
	char text[ADDRESS_TEXT_MAX];

	if (host.len == 0 || host.len >= sizeof(text) || request->clone_known)
		return;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	if (address_parse_host(&peer, text) != OK)
		return;
	session_address_store(&request->other, &peer);
	request->clone = cert_sessions_differ(&request->other, &request->peer);
}

/* Takes the answer: 0 no, 1 yes, more: so many of our own older sessions, plus
 * one, have to go. */
static void
take_answer(struct fleet_leases *l, struct cert_sessions_request *request,
    int64_t answer, struct slice host)
{
	l->status.asked++;
	l->alone_logged = false;
	request->answer =
	    answer <= 0 ? CERT_SESSIONS_FULL : CERT_SESSIONS_ADMITTED;
	look_for_clone(request, host);
	if (answer > 1 && answer - 1 < (int64_t)request->count)
		cert_sessions_end_oldest(l->sessions, request->sha256,
		    (uint32_t)(answer - 1));
	cert_sessions_give_back(request);
}

static void
requests_answered(void *arg, const struct fleet_reply *reply)
{
	struct batch *b = arg;
	struct fleet_leases *l = b->leases;
	struct list *node;
	struct list *next;
	size_t i = 0;
	bool good = reply != NULL && reply->type == FLEET_WIRE_ARRAY;

	if (reply != NULL && !good)
		log_event(LOG_LEVEL_WARN, "fleet_talk",
		    "a request for new sessions failed: %.*s",
		    (int)(reply->text.len < 160 ? reply->text.len : 160),
		    reply->text.len == 0 ? "" : (const char *)reply->text.data);
	list_each(node, next, &b->requests) {
		if (!good ||
		    fleet_reply_item(reply, i)->type != FLEET_WIRE_INTEGER)
			break;
		list_remove(node);
		take_answer(l,
		    list_entry(node, struct cert_sessions_request, node),
		    fleet_reply_item(reply, i)->number,
		    fleet_reply_text(fleet_reply_item(reply, i + 1)));
		i += 2;
	}
	give_all_back(l, &b->requests);
	timer_stop(&b->timeout);
	free(b);
}

/* Writes one request as the script wants it. */
static void
write_request(struct fleet_leases *l, struct command *c,
    const struct cert_sessions_request *request)
{
	struct cert_sessions_state state;
	char hex[HEX_LEN + 1], text[STATE_MAX];

	cert_sessions_state(l->sessions, request->sha256, &state);
	if (state.count == 0)
		state.oldest =
		    request->added_unix_ms; /* it has ended already */
	state.count = request->count;
	state.newest = request->added_unix_ms;
	state.peer = request->peer;
	encode_hex(hex, slice_make(request->sha256, sizeof(request->sha256)));
	command_add(c, hex);
	snprintf(text, sizeof(text), "%" PRIu32, request->count);
	command_add(c, text);
	snprintf(text, sizeof(text), "%" PRIu32, request->limit.max);
	command_add(c, text);
	command_add(c,
	    request->limit.excess == CERT_SESSIONS_REFUSE ? "refuse" : "kick");
	snprintf(text, sizeof(text), "%" PRIu64, state.oldest);
	command_add(c, text);
	write_state(text, &state);
	command_add(c, text);
}

/* Sends the first requests of a list. False: not connected. */
static bool
send_batch(struct fleet_leases *l, struct list *requests)
{
	static struct command c; /* the main thread's, and large */
	struct slice *argv = command_room();
	char replicas[128], own[128], in[128], to[128];
	struct batch *b = calloc(1, sizeof(*b));
	size_t argc = 0;
	size_t n = 0;

	if (b == NULL)
		return false;
	b->leases = l;
	list_init(&b->requests);
	command_clear(&c);
	while (n++ < BATCH && !list_empty(requests)) {
		struct list *node = requests->next;

		list_remove(node);
		list_append(&b->requests, node);
		write_request(l, &c,
		    list_entry(node, struct cert_sessions_request, node));
	}
	argv[argc++] = slice_str("EVAL");
	argv[argc++] = slice_str(FLEET_SCRIPT_ADMIT);
	argv[argc++] = slice_str("2");
	argv[argc++] = key(l, replicas, "replicas", "");
	argv[argc++] = key(l, own, "in:", l->number_text);
	argv[argc++] = key(l, in, "in:", "");
	argv[argc++] = key(l, to, "to:", "");
	argv[argc++] = slice_str(l->number_text);
	argv[argc++] = slice_str(LEASE_MS);
	argc = command_finish(&c, argv, argc);
	if (c.failed ||
	    !fleet_link_send(l->link, argv, argc, requests_answered, b)) {
		give_all_back(l, &b->requests);
		free(b);
		return false;
	}
	timer_init(&b->timeout, l->loop, requests_timed_out, b);
	timer_start(&b->timeout, CLAIM_TIMEOUT_MS);
	return true;
}

/*
 * What the Redis server has of us.
 */

/* A command that sets or removes certificates of our lease. */
static void
send_fields(struct fleet_leases *l, const char *verb, struct command *c)
{
	struct slice *argv = command_room();
	char own[128];

	if (c->failed) {
		/* The next connection sends everything again. */
		fleet_link_reject(l->link, "out of memory");
	} else if (c->count > 0) {
		argv[0] = slice_str(verb);
		argv[1] = key(l, own, "in:", l->number_text);
		(void)fleet_link_send(l->link, argv, command_finish(c, argv, 2),
		    ignore, NULL);
	}
	command_clear(c);
}

/* Certificates whose sessions have ended, or some of them. */
static void
send_changes(struct fleet_leases *l, const struct cert_sessions_due *due)
{
	static struct command set, gone; /* the main thread's, and large */
	struct cert_sessions_state state;
	char hex[HEX_LEN + 1], text[STATE_MAX];
	size_t i;

	command_clear(&set);
	command_clear(&gone);
	for (i = 0; i < due->count; i++) {
		cert_sessions_state(l->sessions, due->changed[i], &state);
		encode_hex(hex, slice_make(due->changed[i], 32));
		if (state.count == 0) {
			command_add(&gone, hex);
		} else {
			command_add(&set, hex);
			write_state(text, &state);
			command_add(&set, text);
		}
		if (gone.count >= CHUNK)
			send_fields(l, "HDEL", &gone);
		if (set.count >= 2 * CHUNK)
			send_fields(l, "HSET", &set);
	}
	send_fields(l, "HDEL", &gone);
	send_fields(l, "HSET", &set);
}

/* Sends everything again. */
struct sending {
	struct fleet_leases *leases;
	struct command command;
};

static void
send_one(void *arg, const uint8_t sha256[32],
    const struct cert_sessions_state *state)
{
	struct sending *s = arg;
	char hex[HEX_LEN + 1], text[STATE_MAX];

	if (state->count == 0)
		return;
	encode_hex(hex, slice_make(sha256, 32));
	command_add(&s->command, hex);
	write_state(text, state);
	command_add(&s->command, text);
	if (s->command.count >= 2 * CHUNK)
		send_fields(s->leases, "HSET", &s->command);
}

static void
expire(struct fleet_leases *l, const char *ms, fleet_link_reply *done)
{
	char own[128];
	struct slice argv[3] = { slice_str("PEXPIRE"),
		key(l, own, "in:", l->number_text), slice_str(ms) };

	(void)fleet_link_send(l->link, argv, 3, done, l);
}

/* Makes this replica known, with an empty lease. */
static void
begin_lease(struct fleet_leases *l, fleet_link_reply *done)
{
	char replicas[128], own[128];
	struct slice argv[6] = { slice_str("EVAL"),
		slice_str(FLEET_SCRIPT_LEASE), slice_str("2"),
		key(l, replicas, "replicas", ""),
		key(l, own, "in:", l->number_text), slice_str(l->me) };

	(void)fleet_link_send(l->link, argv, 6, done, l);
}

static void
send_all(struct fleet_leases *l)
{
	static struct sending s; /* the main thread's, and large */

	s.leases = l;
	command_clear(&s.command);
	begin_lease(l, ignore);
	cert_sessions_each(l->sessions, send_one, &s);
	send_fields(l, "HSET", &s.command);
	expire(l, LEASE_MS, ignore);
}

static void
send_due(struct fleet_leases *l, bool now)
{
	struct cert_sessions_due due;

	if (l->link == NULL)
		return;
	timer_stop(&l->later);
	cert_sessions_take(l->sessions, &due, now);
	/* Requests come first: a session that has ended was requested before.
	 */
	while (l->ready && !list_empty(&due.requests))
		if (!send_batch(l, &due.requests))
			break;
	give_all_back(l, &due.requests);
	if (l->ready && due.all)
		send_all(l);
	else if (l->ready)
		send_changes(l, &due);
	free(due.changed);
}

static void
due_now(struct loop_message *message)
{
	send_due(list_entry(message, struct fleet_leases, now), true);
}

static void
due_later(void *arg)
{
	send_due(arg, false);
}

static void
due_soon(struct loop_message *message)
{
	struct fleet_leases *l = list_entry(message, struct fleet_leases, soon);

	if (l->link != NULL)
		timer_start(&l->later, SOON_MS);
}

/*
 * The lease as a whole.
 */

/* Without certificates there is no hash. */
static void
renewed(void *arg, const struct fleet_reply *reply)
{
	struct fleet_leases *l = arg;

	if (reply == NULL)
		return;
	if (reply->type != FLEET_WIRE_INTEGER)
		fleet_link_reject(l->link, "the lease cannot be renewed");
	else if (reply->number == 0)
		send_all(l);
}

static void
tick(void *arg)
{
	struct fleet_leases *l = arg;

	timer_start(&l->tick, TICK_MS);
	if (l->ready)
		expire(l, LEASE_MS, renewed);
}

/* A Redis server that cannot be written to is left for the next address. */
static void
probed(void *arg, const struct fleet_reply *reply)
{
	struct fleet_leases *l = arg;
	char why[FLEET_LINK_WHY_MAX];

	if (reply == NULL)
		return;
	if (reply->type == FLEET_WIRE_INTEGER) {
		l->ready = true;
		send_all(l);
		return;
	}
	snprintf(why, sizeof(why), "no leases: %.*s",
	    (int)(reply->text.len < 160 ? reply->text.len : 160),
	    reply->text.len == 0 ? "" : (const char *)reply->text.data);
	fleet_link_reject(l->link, why);
}

static void
link_up(void *arg)
{
	begin_lease(arg, probed);
}

static void
link_down(void *arg)
{
	struct fleet_leases *l = arg;

	l->ready = false;
}

static const struct fleet_link_owner owner = { link_up, link_down, NULL };

/* "out CERTIFICATE": the oldest session of it has to end. */
void
fleet_leases_message(struct fleet_leases *l, struct slice text)
{
	uint8_t sha256[32];
	int high, low;
	size_t i;

	if (text.len != 4 + HEX_LEN || memcmp(text.data, "out ", 4) != 0)
		return;
	for (i = 0; i < sizeof(sha256); i++) {
		high = encode_hex_value(text.data[4 + 2 * i]);
		low = encode_hex_value(text.data[5 + 2 * i]);
		if (high == -1 || low == -1)
			return;
		sha256[i] = (uint8_t)(high << 4 | low);
	}
	l->status.kicked++;
	cert_sessions_end_oldest(l->sessions, sha256, 1);
}

/*
 * Making and freeing.
 */

struct fleet_leases *
fleet_leases_new(const struct fleet_leases_options *o,
    const struct fleet_link_access *access)
{
	struct fleet_leases *l = calloc(1, sizeof(*l));
	struct fleet_link_options link = *o->link;
	struct cert_sessions_notify notify = { link.loop, NULL, NULL };

	if (l == NULL)
		return NULL;
	notify.soon = &l->soon;
	notify.now = &l->now;
	l->loop = link.loop;
	l->sessions = o->sessions;
	l->prefix = o->prefix;
	l->me = o->me;
	snprintf(l->number_text, sizeof(l->number_text), "%08" PRIx32,
	    o->number);
	l->soon.run = due_soon;
	l->now.run = due_now;
	timer_init(&l->later, l->loop, due_later, l);
	timer_init(&l->tick, l->loop, tick, l);
	link.owner = &owner;
	link.arg = l;
	l->link = fleet_link_new(&link, access);
	if (l->link == NULL) {
		free(l);
		return NULL;
	}
	timer_start(&l->tick, TICK_MS);
	cert_sessions_share(l->sessions, &notify);
	return l;
}

void
fleet_leases_stop(struct fleet_leases *l)
{
	struct cert_sessions_due due;

	if (l == NULL)
		return;
	timer_stop(&l->tick);
	timer_stop(&l->later);
	cert_sessions_share(l->sessions, NULL);
	cert_sessions_take(l->sessions, &due, false);
	give_all_back(l, &due.requests);
	free(due.changed);
	if (l->ready)
		expire(l, "0", ignore);
	fleet_link_stop(l->link); /* gives the batches back */
	fleet_link_free(l->link);
	l->link = NULL;
}

void
fleet_leases_free(struct fleet_leases *l)
{
	free(l);
}

void
fleet_leases_set_access(struct fleet_leases *l,
    const struct fleet_link_access *access)
{
	fleet_link_set_access(l->link, access);
}

void
fleet_leases_get_status(const struct fleet_leases *l,
    struct fleet_leases_status *out)
{
	*out = l->status;
	out->ready = l->ready;
}
