/* SPDX-License-Identifier: ISC */
#include "fleet/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/dial.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/timer.h"
#include "session/options.h"
#include "tls/client.h"

/* The pause between two tries grows from the first to the second. */
#define PAUSE_MS 50
#define PAUSE_MAX_MS 1000
/* A try has this long, from the dial to the login. */
#define TRY_MS 3000
/* A Redis server that owes a reply for longer than this hangs. */
#define REPLY_MS 3000
/* How often that is looked at. */
#define CHECK_MS 500
/* Commands that wait to be sent take this much at most. */
#define OUT_MAX ((size_t)64 << 20)
/* How often the same complaint is logged while the Redis server cannot be
 * reached. */
#define COMPLAIN_MS 60000

enum state {
	WAITING, /* until the pause is over */
	DIALLING,
	LOGGING_IN, /* also: the TLS handshake */
	UP
};

/* A command whose reply is missing. */
struct pending_command {
	struct list node;
	fleet_link_reply *done;
	void *arg;
	uint64_t at; /* clock_mono_ms() */
};

struct address {
	char *text; /* owned */
	char *host; /* owned; "" for a unix socket */
	struct backend_pool *pool; /* counted */
};

struct fleet_link {
	struct loop *loop; /* borrowed */
	const struct fleet_link_owner *owner; /* static */
	void *arg; /* borrowed */
	char *server_name; /* owned */
	char *username; /* owned */
	char *password; /* owned; may be NULL */
	struct tls_client *tls; /* counted; NULL: none */
	struct address addresses[FLEET_LINK_ADDRESSES_MAX];
	size_t address_count;
	size_t turn; /* the address in use */
	enum state state;
	struct timer wait; /* the pause before the next try */
	struct timer limit; /* the end of a try */
	struct timer check; /* for replies that do not come */
	uint64_t pause; /* ms, the next one */
	uint64_t random_state;
	struct backend_dial *dial; /* DIALLING */
	struct stream *stream; /* owned; from LOGGING_IN on */
	struct tls_client_session *session; /* owned; with TLS */
	struct fleet_reader *reader; /* owned; from LOGGING_IN on */
	struct buf out; /* bytes that the socket has not taken */
	struct loop_deferred flush_later;
	struct list pending; /* oldest first */
	bool closed; /* the connection was closed while it was read */
	char why[FLEET_LINK_WHY_MAX];
	struct fleet_link_complaint
	    complaint; /* what was logged, or need not be */
	struct fleet_link_complaint
	    *shared_complaint; /* borrowed; of all links */
};

static void
schedule(struct fleet_link *l)
{
	uint64_t ms =
	    l->pause + hash_next(&l->random_state) % (l->pause / 4 + 1);

	l->state = WAITING;
	l->pause = l->pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : l->pause * 2;
	timer_start(&l->wait, ms);
}

/* Tells all commands that no reply will come. */
static void
fail_commands(struct fleet_link *l)
{
	struct list *node;
	struct list *next;
	struct pending_command *a;

	list_each(node, next, &l->pending) {
		a = list_entry(node, struct pending_command, node);
		list_remove(&a->node);
		if (a->done != NULL)
			a->done(a->arg, NULL);
		free(a);
	}
}

static void
close_connection(struct fleet_link *l)
{
	timer_stop(&l->wait);
	timer_stop(&l->limit);
	timer_stop(&l->check);
	loop_deferred_cancel(&l->flush_later);
	backend_dial_cancel(l->dial);
	l->dial = NULL;
	stream_close(l->stream);
	l->stream = NULL;
	tls_client_end(l->session);
	l->session = NULL;
	fleet_reader_free(l->reader);
	l->reader = NULL;
	buf_fini(&l->out);
	l->closed = true;
}

/* True if a complaint has not been noted for a while; it is now. */
static bool
is_new(struct fleet_link_complaint *c, const char why[FLEET_LINK_WHY_MAX],
    uint64_t now)
{
	if (strcmp(why, c->why) == 0 && now <= c->at + COMPLAIN_MS)
		return false;
	memcpy(c->why, why, sizeof(c->why));
	c->at = now;
	return true;
}

/* The connection is of no more use. */
static void
fail(struct fleet_link *l, const char *why)
{
	bool was_up = l->state == UP;
	uint64_t now = clock_mono_ms();

	if (l->state == WAITING)
		return;
	snprintf(l->why, sizeof(l->why), "%s: %s", l->addresses[l->turn].text,
	    why);
	if (is_new(&l->complaint, l->why, now) &&
	    is_new(l->shared_complaint, l->why, now))
		log_event(LOG_LEVEL_WARN, "fleet_down", "%s", l->why);
	l->state = WAITING;
	close_connection(l);
	l->turn = (l->turn + 1) % l->address_count;
	schedule(l);
	fail_commands(l);
	if (was_up)
		l->owner->down(l->arg);
}

void
fleet_link_reject(struct fleet_link *l, const char *why)
{
	fail(l, why);
}

static void
timed_out(void *arg)
{
	fail(arg, "no answer in time");
}

static void
look_for_replies(void *arg)
{
	struct fleet_link *l = arg;

	if (fleet_link_lag(l) > REPLY_MS)
		fail(l, "the Redis server does not answer");
	else
		timer_start(&l->check, CHECK_MS);
}

/*
 * Bytes.
 */

/* Moves what TLS has to send into the queue, and the queue to the socket. */
static void
flush(struct fleet_link *l)
{
	uint8_t *scratch = loop_scratch(l->loop, LOOP_SCRATCH_CIPHER_OUT);
	ssize_t n = 0;
	size_t len;

	if (l->session != NULL &&
	    tls_client_output(l->session, &l->out) != OK) {
		fail(l, "out of memory");
		return;
	}
	while (buf_len(&l->out) > 0) {
		len = buf_len(&l->out);
		if (len > LOOP_SCRATCH_CIPHER_LEN)
			len = LOOP_SCRATCH_CIPHER_LEN;
		memcpy(scratch, buf_data(&l->out), len);
		n = stream_write(l->stream, scratch, len);
		if (n < 0) {
			fail(l, "the connection was lost");
			return;
		}
		buf_consume(&l->out, (size_t)n);
		if ((size_t)n < len)
			return; /* WRITABLE follows */
	}
}

/* Queues plain bytes, or encrypts them first. */
static enum err
put_out(struct fleet_link *l, struct slice plain)
{
	return l->session == NULL ? buf_append(&l->out, plain.data, plain.len)
				  : tls_client_write(l->session, plain);
}

static bool
send_command(struct fleet_link *l, const struct slice *argv, size_t argc,
    fleet_link_reply *done, void *arg)
{
	struct pending_command *a = NULL;
	struct buf command;
	enum err err;

	if (done != NULL) {
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			return false;
		a->done = done;
		a->arg = arg;
		a->at = clock_mono_ms();
		list_init(&a->node);
	}
	buf_init(&command, OUT_MAX);
	err = fleet_wire_command(&command, argv, argc);
	if (err == OK)
		err = put_out(l, buf_slice(&command));
	buf_fini(&command);
	if (err != OK) {
		free(a);
		return false;
	}
	if (a != NULL)
		list_append(&l->pending, &a->node);
	return true;
}

/* Sends what is queued, in the next turn: a lost connection must not be
 * reported from inside fleet_link_send(). */
bool
fleet_link_send(struct fleet_link *l, const struct slice *argv, size_t argc,
    fleet_link_reply *done, void *arg)
{
	bool idle = buf_len(&l->out) == 0;
	uint8_t *scratch = loop_scratch(l->loop, LOOP_SCRATCH_CIPHER_OUT);
	size_t len;
	ssize_t n;

	if (l->state != UP || !send_command(l, argv, argc, done, arg))
		return false;
	if (l->session != NULL && tls_client_output(l->session, &l->out) != OK)
		return true; /* its reply will not come, which is noticed */
	len = buf_len(&l->out);
	if (!idle || len == 0)
		return true;
	if (len > LOOP_SCRATCH_CIPHER_LEN)
		len = LOOP_SCRATCH_CIPHER_LEN;
	memcpy(scratch, buf_data(&l->out), len);
	n = stream_write(l->stream, scratch, len);
	if (n > 0)
		buf_consume(&l->out, (size_t)n);
	if (n < 0 || ((size_t)n == len && buf_len(&l->out) > 0))
		loop_defer(l->loop, &l->flush_later);
	return true;
}

/*
 * Replies.
 */

static void
take_reply(struct fleet_link *l, struct fleet_reply *reply)
{
	struct pending_command *a;

	if (list_empty(&l->pending)) {
		if (l->owner->message != NULL)
			l->owner->message(l->arg, reply);
		return;
	}
	a = list_entry(l->pending.next, struct pending_command, node);
	list_remove(&a->node);
	a->done(a->arg, reply);
	free(a);
}

/* Takes plain bytes. False: the connection is gone. */
static bool
take_plain(struct fleet_link *l, struct slice in)
{
	struct fleet_reply *reply;
	const char *why = NULL;
	enum parse parse;

	if (fleet_reader_feed(l->reader, in) != OK) {
		fail(l, "a reply is too large");
		return false;
	}
	for (;;) {
		parse = fleet_reader_next(l->reader, &reply, &why);
		if (parse == PARSE_MORE)
			return true;
		if (parse == PARSE_BAD) {
			fail(l, why);
			return false;
		}
		take_reply(l, reply);
		fleet_reply_free(reply);
		if (l->closed)
			return false;
	}
}

static void begin(struct fleet_link *l);

/* Takes bytes of a TLS connection. False: the connection is gone. */
static bool
take_cipher(struct fleet_link *l, struct slice in)
{
	uint8_t *plain = loop_scratch(l->loop, LOOP_SCRATCH_PLAIN);
	bool was_open = tls_client_is_open(l->session);
	ssize_t n;

	if (tls_client_input(l->session, in) != OK) {
		fail(l, "out of memory");
		return false;
	}
	for (;;) {
		n = tls_client_read(l->session, plain, LOOP_SCRATCH_LEN);
		if (!was_open && tls_client_is_open(l->session)) {
			was_open = true;
			begin(l);
			if (l->closed)
				return false;
		}
		if (n == STREAM_AGAIN)
			break;
		if (n == STREAM_EOF || n == STREAM_ERROR) {
			fail(l,
			    n == STREAM_EOF ? "closed by the Redis server"
					    : tls_client_why(l->session));
			return false;
		}
		if (!take_plain(l, slice_make(plain, (size_t)n)))
			return false;
	}
	flush(l);
	return !l->closed;
}

static void
read_all(struct fleet_link *l)
{
	uint8_t *in = loop_scratch(l->loop, LOOP_SCRATCH_CIPHER_IN);
	ssize_t n;
	bool more;

	l->closed = false;
	do {
		n = stream_read(l->stream, in, LOOP_SCRATCH_CIPHER_LEN);
		if (n == STREAM_AGAIN)
			return;
		if (n == STREAM_EOF || n == STREAM_ERROR) {
			fail(l,
			    n == STREAM_EOF ? "closed by the Redis server"
					    : "the connection was lost");
			return;
		}
		more = (size_t)n == LOOP_SCRATCH_CIPHER_LEN;
		if (l->session != NULL
			? !take_cipher(l, slice_make(in, (size_t)n))
			: !take_plain(l, slice_make(in, (size_t)n)))
			return;
	} while (more);
}

static void
on_stream(struct stream *s, enum stream_event event, void *arg)
{
	struct fleet_link *l = arg;

	(void)s;
	if (event == STREAM_READABLE)
		read_all(l);
	else if (event == STREAM_WRITABLE)
		flush(l);
}

static void
flush_deferred(struct loop_deferred *d)
{
	struct fleet_link *l = list_entry(d, struct fleet_link, flush_later);

	if (l->stream != NULL)
		flush(l);
}

/*
 * The beginning of a connection.
 */

static void
is_up(struct fleet_link *l)
{
	l->state = UP;
	l->pause = PAUSE_MS;
	l->why[0] = '\0';
	l->complaint.why[0] = '\0';
	l->shared_complaint->why[0] = '\0';
	timer_stop(&l->limit);
	timer_start(&l->check, CHECK_MS);
	l->owner->up(l->arg);
}

static void
logged_in(void *arg, const struct fleet_reply *reply)
{
	struct fleet_link *l = arg;
	char why[FLEET_LINK_WHY_MAX];

	if (reply == NULL)
		return;
	if (reply->type != FLEET_WIRE_ERROR) {
		is_up(l);
		return;
	}
	snprintf(why, sizeof(why), "login refused: %.*s",
	    (int)(reply->text.len < 160 ? reply->text.len : 160),
	    (const char *)reply->text.data);
	fail(l, why);
}

/* The connection can carry commands: logs in. Without a password a PING shows
 * that there is a Redis server. */
static void
begin(struct fleet_link *l)
{
	struct slice argv[3] = { slice_str("AUTH") };
	size_t argc = 1;

	if (l->password == NULL || l->password[0] == '\0') {
		argv[0] = slice_str("PING");
	} else {
		if (l->username[0] != '\0')
			argv[argc++] = slice_str(l->username);
		argv[argc++] = slice_str(l->password);
	}
	if (!send_command(l, argv, argc, logged_in, l)) {
		fail(l, "out of memory");
		return;
	}
	flush(l);
}

static const char *
name_of_server(const struct fleet_link *l)
{
	return l->server_name[0] != '\0' ? l->server_name
					 : l->addresses[l->turn].host;
}

static void
connected(void *arg, enum reason reason, struct stream *broker,
    const char *text)
{
	struct fleet_link *l = arg;

	l->dial = NULL;
	if (reason != REASON_NONE) {
		fail(l, text);
		return;
	}
	l->state = LOGGING_IN;
	l->closed = false;
	l->stream = broker;
	stream_set_owner(broker, on_stream, l);
	l->reader = fleet_reader_new();
	if (l->tls != NULL)
		l->session = tls_client_start(l->tls, name_of_server(l));
	if (l->reader == NULL || (l->tls != NULL && l->session == NULL)) {
		fail(l,
		    l->reader != NULL ? "TLS needs a server_name, or memory"
				      : "out of memory");
		return;
	}
	stream_want_read(broker, true);
	if (l->session == NULL)
		begin(l);
	else
		flush(l);
}

static void
dial(void *arg)
{
	struct fleet_link *l = arg;
	struct backend_dial_request request = { 0 };

	if (l->state != WAITING)
		return;
	l->state = DIALLING;
	timer_start(&l->limit, TRY_MS);
	if (backend_dial_start(&l->dial, l->addresses[l->turn].pool, &request,
		connected, l) != OK) {
		l->dial = NULL;
		fail(l, "out of memory");
	}
}

/*
 * Making and freeing.
 */

static enum err
add_address(struct fleet_link *l, const struct fleet_link_options *o, size_t i)
{
	const struct config_endpoint *e = &o->address->items[i];
	struct address *a = &l->addresses[i];
	struct backend_options pool = {
		.name = "fleet",
		.addresses = &o->address->texts[i],
		.address_count = 1,
		.timeout_ms = TRY_MS,
		.socket = options_socket(),
	};

	a->text = strdup(o->address->texts[i]);
	a->host = strdup(e->host == NULL ? "" : e->host);
	if (a->text == NULL || a->host == NULL)
		return ERR_NO_MEMORY;
	return backend_pool_new(&a->pool, o->loop, o->resolver, &pool);
}

struct fleet_link *
fleet_link_new(const struct fleet_link_options *o,
    const struct fleet_link_access *access)
{
	struct fleet_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->loop = o->loop;
	l->owner = o->owner;
	l->shared_complaint = o->complaint;
	l->arg = o->arg;
	l->pause = PAUSE_MS;
	l->random_state = hash_key_random().k0;
	list_init(&l->pending);
	buf_init(&l->out, OUT_MAX);
	loop_deferred_init(&l->flush_later, flush_deferred);
	timer_init(&l->wait, l->loop, dial, l);
	timer_init(&l->limit, l->loop, timed_out, l);
	timer_init(&l->check, l->loop, look_for_replies, l);
	l->server_name = strdup(o->server_name);
	l->username = strdup(o->username);
	if (l->server_name == NULL || l->username == NULL) {
		fleet_link_free(l);
		return NULL;
	}
	while (l->address_count < o->address->count &&
	    l->address_count < FLEET_LINK_ADDRESSES_MAX) {
		if (add_address(l, o, l->address_count++) != OK) {
			fleet_link_free(l);
			return NULL;
		}
	}
	fleet_link_set_access(l, access);
	timer_start(&l->wait, 0);
	return l;
}

void
fleet_link_stop(struct fleet_link *l)
{
	l->state = WAITING;
	close_connection(l);
	fail_commands(l);
}

void
fleet_link_free(struct fleet_link *l)
{
	struct list *node;
	struct list *next;
	size_t i;

	if (l == NULL)
		return;
	close_connection(l);
	list_each(node, next, &l->pending) {
		list_remove(node);
		free(list_entry(node, struct pending_command, node));
	}
	for (i = 0; i < l->address_count; i++) {
		free(l->addresses[i].text);
		free(l->addresses[i].host);
		backend_pool_put(l->addresses[i].pool);
	}
	tls_client_put(l->tls);
	free(l->password);
	free(l->server_name);
	free(l->username);
	free(l);
}

void
fleet_link_set_access(struct fleet_link *l,
    const struct fleet_link_access *access)
{
	struct tls_client *old = l->tls;
	char *password = strdup(access->password);

	l->tls = tls_client_get(access->tls);
	tls_client_put(old);
	if (password == NULL)
		return;
	free(l->password);
	l->password = password;
}

bool
fleet_link_is_up(const struct fleet_link *l)
{
	return l->state == UP;
}

const char *
fleet_link_why(const struct fleet_link *l)
{
	return l->why;
}

const char *
fleet_link_address(const struct fleet_link *l)
{
	return l->addresses[l->turn].text;
}

uint64_t
fleet_link_lag(const struct fleet_link *l)
{
	const struct pending_command *a;

	if (list_empty(&l->pending))
		return 0;
	a = list_entry(l->pending.next, struct pending_command, node);
	return clock_mono_ms() - a->at;
}
