/* SPDX-License-Identifier: ISC */
#include "admin/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/http.h"
#include "io/linger.h"
#include "io/stream_fd.h"
#include "io/timer.h"

#define LISTENERS_MAX 16
#define HEAD_LIMIT (1024 * 1024)
#define LINGER_MS 1000
#define HEADERS_MAX 1024

/* A request that comes when the loop's turn has lasted this long waits for the
 * next turn, so that costly ones do not keep timers from running. */
#define TURN_MS 50

/*
 * The request.
 */

static enum parse
fail(unsigned *status, unsigned code, const char **why, const char *text)
{
	*status = code;
	*why = text;
	return PARSE_BAD;
}

/* Decodes %XX in place, and + as a blank in a query. %00 is refused, because it
 * would hide what follows it. */
static bool
decode(char *text, bool query)
{
	char *out = text;
	int high;
	int low;

	for (; *text != '\0'; text++) {
		if (*text == '+' && query) {
			*out++ = ' ';
			continue;
		}
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = encode_hex_value((uint8_t)text[1]);
		low = high == -1 ? -1 : encode_hex_value((uint8_t)text[2]);
		if (low == -1 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static enum http_method
method_of(struct slice word)
{
	if (http_is(word, "GET"))
		return HTTP_GET;
	if (http_is(word, "HEAD"))
		return HTTP_HEAD;
	if (http_is(word, "POST"))
		return HTTP_POST;
	return HTTP_OTHER;
}

static bool
has_param(const struct http_request *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].key, key) == 0)
			return true;
	return false;
}

/* Splits "a=b&c&d=e" into parameters. */
static enum parse
split_query(struct http_request *r, char *query, unsigned *status,
    const char **why)
{
	struct http_param *p;
	char *value;
	char *pair;

	while ((pair = strsep(&query, "&")) != NULL) {
		if (*pair == '\0')
			continue;
		if (r->param_count == HTTP_PARAMS_MAX)
			return fail(status, 414, why, "too many parameters");
		value = strchr(pair, '=');
		if (value != NULL)
			*value++ = '\0';
		if (!decode(pair, true) ||
		    (value != NULL && !decode(value, true)))
			return fail(status, 400, why, "bad %-encoding");
		if (has_param(r, pair))
			r->repeated = pair;
		p = &r->params[r->param_count++];
		p->key = pair;
		p->value = value;
	}
	return PARSE_OK;
}

/* Splits the target, which is a string, into path and parameters. */
static enum parse
parse_target(struct http_request *r, char *target, unsigned *status,
    const char **why)
{
	char *query;

	if (target[0] != '/')
		return fail(status, 400, why, "the target is not a path");
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	if (!decode(target, false))
		return fail(status, 400, why, "bad %-encoding");
	r->path = target;
	return query == NULL ? PARSE_OK : split_query(r, query, status, why);
}

static enum parse
take_request_line(struct http_request *r, const struct http_head *h,
    unsigned *status, const char **why)
{
	if (!http_is(h->version, "HTTP/1.1") &&
	    !http_is(h->version, "HTTP/1.0"))
		return fail(status, 505, why, "only HTTP/1.0 and HTTP/1.1");
	r->method = method_of(h->method);
	if (r->method == HTTP_OTHER)
		return fail(status, 405, why, "this method is not supported");
	return PARSE_OK;
}

static enum parse
take_field(struct http_request *r, const struct http_head *h, unsigned *status,
    const char **why)
{
	static const char type[] = "application/openmetrics-text";

	if (http_is_nocase(h->name, "Accept") && h->value.len > 0 &&
	    memmem(h->value.data, h->value.len, type, sizeof(type) - 1) != NULL)
		r->openmetrics = true;
	if (!http_is_nocase(h->name, "Host"))
		return PARSE_OK;
	if (r->host.data != NULL)
		return fail(status, 400, why, "Host is given twice");
	r->host = h->value;
	return PARSE_OK;
}

enum parse
http_request_parse(struct http_request *r, char *head, size_t len,
    unsigned *status, const char **why)
{
	struct slice rest = slice_make(head, len);
	enum parse parsed = PARSE_OK;
	char *target = head;
	struct http_head h;

	memset(r, 0, sizeof(*r));
	http_head_init(&h, len);
	while (parsed == PARSE_OK) {
		switch (http_head_next(&h, &rest)) {
		case HTTP_REQUEST_LINE:
			target = head + (h.target.data - (uint8_t *)head);
			parsed = take_request_line(r, &h, status, why);
			break;
		case HTTP_FIELD:
			parsed = take_field(r, &h, status, why);
			break;
		case HTTP_END:
			if (h.has_body)
				return fail(status, 413, why,
				    "requests have no body here");
			target[h.target.len] = '\0';
			return parse_target(r, target, status, why);
		case HTTP_MALFORMED:
			return fail(status, 400, why, h.why);
		case HTTP_MORE:
		case HTTP_TOO_LARGE:
			return fail(status, 400, why, "the head is incomplete");
		}
	}
	return parsed;
}

const char *
http_request_param(const struct http_request *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].key, key) == 0)
			return r->params[i].value;
	return NULL;
}

bool
http_request_limit(const struct http_request *r, size_t *limit)
{
	const char *text = http_request_param(r, "limit");
	size_t n = 0;

	if (text == NULL)
		return true;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9' && n <= HTTP_LIMIT_MAX; text++)
		n = n * 10 + (size_t)(*text - '0');
	if (*text != '\0' || n > HTTP_LIMIT_MAX)
		return false;
	*limit = n;
	return true;
}

const char *
http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Error";
}

/*
 * The server.
 */

struct http_server {
	struct loop *loop; /* borrowed */
	struct http_server_options options;
	struct listener *listeners[LISTENERS_MAX]; /* owned */
	size_t listener_count;
	struct listener_counts counts; /* required by listener_new(), unused */
	struct list calls;
	size_t call_count;
	size_t costly_count; /* of them, claimed and not answered yet */
	struct linger_set lingering;
};

enum call_state {
	CALL_READING, /* until the head is complete */
	CALL_WAITING, /* for the handler's answer; nothing is read */
	CALL_COSTLY, /* the same, and it counts as expensive */
	CALL_WRITING
};

struct http_call {
	struct list node; /* in server->calls */
	struct loop_garbage garbage;
	struct http_server *server; /* borrowed */
	struct stream *stream; /* owned; NULL: a call of our own */
	http_answered *answered; /* then takes the answer */
	void *answered_arg; /* borrowed */
	struct timer deadline;
	struct buf in; /* the head */
	struct buf out; /* the answer */
	struct buf rest; /* what follows it */
	struct http_request request; /* points into `in' */
	uid_t peer_uid;
	enum call_state state;
};

/* In every answer: browsers must not store it, show it in a frame, guess its
 * type or let another origin embed it. */
static const char always[] = "Cache-Control: no-store\r\n"
			     "Connection: close\r\n"
			     "Cross-Origin-Resource-Policy: same-origin\r\n"
			     "Referrer-Policy: no-referrer\r\n"
			     "X-Content-Type-Options: nosniff\r\n"
			     "X-Frame-Options: DENY\r\n";

/* Moves to another state. The only place that changes it. */
static void
enter(struct http_call *c, enum call_state state)
{
	if (c->state == CALL_COSTLY)
		c->server->costly_count--;
	if (state == CALL_COSTLY)
		c->server->costly_count++;
	c->state = state;
}

/* Frees everything but the stream, which the caller has closed or handed on. */
static void
forget(struct http_call *c)
{
	enter(c, CALL_WRITING);
	timer_stop(&c->deadline);
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->rest);
	list_remove(&c->node);
	c->server->call_count--;
	loop_free_later(c->server->loop, &c->garbage, c, free);
}

static void
drop(struct http_call *c)
{
	stream_close(c->stream);
	if (c->answered != NULL)
		c->answered(c->answered_arg, NULL);
	forget(c);
}

static void
on_deadline(void *arg)
{
	drop(arg);
}

/* Sends as much as the socket takes. The call is gone once all was sent. */
static void
send_more(struct http_call *c)
{
	struct buf *b;
	ssize_t n;

	while (buf_len(&c->out) + buf_len(&c->rest) > 0) {
		b = buf_len(&c->out) > 0 ? &c->out : &c->rest;
		n = stream_write(c->stream, buf_data(b), buf_len(b));
		if (n < 0) {
			drop(c);
			return;
		}
		if (n == 0)
			return;
		buf_consume(b, (size_t)n);
	}
	linger_start(&c->server->lingering, c->server->loop, c->stream,
	    LINGER_MS);
	forget(c);
}

bool
http_call_claim(struct http_call *c)
{
	if (c->server->costly_count >= c->server->options.costly)
		return false;
	enter(c, CALL_COSTLY);
	return true;
}

int
http_call_release(struct http_call *c)
{
	int fd = stream_fd_release(c->stream);

	forget(c);
	return fd;
}

/* Answers a call of our own, with a body in one piece. */
static void
answer_own(struct http_call *c, const struct http_reply *r)
{
	struct http_reply whole = *r;
	struct buf body;

	buf_init(&body, 0);
	if (r->rest == NULL) {
		c->answered(c->answered_arg, r);
	} else if (buf_append(&body, r->body.data, r->body.len) == OK &&
	    buf_append(&body, buf_data(r->rest), buf_len(r->rest)) == OK) {
		whole.body = buf_slice(&body);
		c->answered(c->answered_arg, &whole);
	} else {
		c->answered(c->answered_arg, NULL);
	}
	buf_fini(&body);
	if (r->rest != NULL)
		buf_fini(r->rest);
	forget(c);
}

void
http_reply_send(struct http_call *c, const struct http_reply *r)
{
	bool head = c->request.method == HTTP_HEAD;
	size_t length = r->body.len;
	char text[HEADERS_MAX];
	int len;

	if (c->answered != NULL) {
		answer_own(c, r);
		return;
	}
	if (r->rest != NULL) {
		length += buf_len(r->rest);
		c->rest = *r->rest;
		buf_init(r->rest, 0);
		if (head)
			buf_fini(&c->rest);
	}
	enter(c, CALL_WRITING);
	timer_start_deadline(&c->deadline, c->server->options.deadline_ms);
	len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "%s%s\r\n",
	    r->status, http_status_text(r->status), r->type, length, always,
	    r->headers == NULL ? "" : r->headers);
	if (len < 0 || (size_t)len >= sizeof(text) ||
	    buf_append(&c->out, text, (size_t)len) != OK ||
	    (!head && r->body.len > 0 &&
		buf_append(&c->out, r->body.data, r->body.len) != OK)) {
		drop(c);
		return;
	}
	send_more(c);
}

static void
refuse(struct http_call *c, unsigned status, const char *why)
{
	struct http_reply r = { .status = status };
	char text[256];

	r.type = "text/plain; charset=utf-8";
	if (status == 405)
		r.headers = "Allow: GET, HEAD\r\n";
	snprintf(text, sizeof(text), "%s\n", why);
	r.body = slice_str(text);
	http_reply_send(c, &r);
}

/* The length of the head with its empty line; 0 while it is incomplete. */
static size_t
head_len(const struct buf *in)
{
	static const char end[] = "\r\n\r\n";
	const uint8_t *found =
	    memmem(buf_data(in), buf_len(in), end, sizeof(end) - 1);

	return found == NULL ? 0 : (size_t)(found - buf_data(in)) + 4;
}

static void
begin(struct http_call *c, size_t len)
{
	const char *why = "";
	unsigned status = 400;

	stream_want_read(c->stream, false);
	timer_stop(&c->deadline);
	enter(c, CALL_WAITING);
	if (http_request_parse(&c->request, (char *)buf_data(&c->in), len,
		&status, &why) != PARSE_OK) {
		refuse(c, status, why);
		return;
	}
	c->request.peer_uid = c->peer_uid;
	c->server->options.handle(c, &c->request, c->server->options.arg);
}

static void
read_more(struct http_call *c)
{
	size_t max = c->server->options.head_max;
	uint8_t *scratch = loop_scratch(c->server->loop, LOOP_SCRATCH_PLAIN);
	uint64_t turn = loop_now(c->server->loop);
	size_t len;
	ssize_t n;

	if (clock_mono_ms() - turn >= TURN_MS)
		return; /* the stream reports READABLE again */
	n = stream_read(c->stream, scratch, LOOP_SCRATCH_LEN);
	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	if (buf_append(&c->in, scratch, (size_t)n) != OK) {
		drop(c);
		return;
	}
	len = head_len(&c->in);
	if (len > max || (len == 0 && buf_len(&c->in) >= max)) {
		stream_want_read(c->stream, false);
		refuse(c, 431, "the request is too large");
	} else if (len > 0) {
		begin(c, len);
	}
}

static void
on_stream(struct stream *s, enum stream_event event, void *arg)
{
	struct http_call *c = arg;

	(void)s;
	if (event == STREAM_WRITABLE && c->state == CALL_WRITING)
		send_more(c);
	else if (event == STREAM_READABLE && c->state == CALL_READING)
		read_more(c);
	else if (event == STREAM_BROKEN)
		drop(c);
}

/* Returns how many connections the user of `c' has; 1 if the user is not known.
 */
static size_t
count_of_user(const struct http_call *c)
{
	const struct http_server *s = c->server;
	const struct list *node;
	size_t count = 0;

	if (c->peer_uid == HTTP_NO_UID)
		return 1;
	for (node = s->calls.next; node != &s->calls; node = node->next)
		count +=
		    list_entry(node, const struct http_call, node)->peer_uid ==
		    c->peer_uid;
	return count;
}

/* Drops a connection that we are waiting for: of the user who has most, the
 * oldest one. */
static void
make_room(struct http_server *s)
{
	struct http_call *victim = NULL;
	struct http_call *c;
	struct list *node;
	size_t count, most = 0;

	for (node = s->calls.next; node != &s->calls; node = node->next) {
		c = list_entry(node, struct http_call, node);
		if (c->state == CALL_WAITING || c->state == CALL_COSTLY)
			continue; /* it waits for us */
		count = count_of_user(c);
		if (count > most) {
			victim = c;
			most = count;
		}
	}
	if (victim != NULL)
		drop(victim);
}

/* The user at the other end of a unix socket, or HTTP_NO_UID. */
static uid_t
peer_uid(int fd)
{
	struct ucred peer = { .uid = HTTP_NO_UID };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return HTTP_NO_UID;
	return peer.uid;
}

static void
on_accept(struct listener *l, int fd, const struct sockaddr_storage *peer,
    void *arg)
{
	struct http_server *s = arg;
	struct http_call *c = NULL;

	(void)l;
	(void)peer;
	if (s->call_count >= s->options.connections)
		make_room(s);
	if (s->call_count < s->options.connections)
		c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->stream = stream_fd_new(s->loop, fd);
	if (c == NULL || c->stream == NULL) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->peer_uid = peer_uid(fd);
	list_init(&c->node);
	list_append(&s->calls, &c->node);
	s->call_count++;
	buf_init(&c->in, HEAD_LIMIT + LOOP_SCRATCH_LEN);
	buf_init(&c->out, 0);
	buf_init(&c->rest, 0);
	timer_init(&c->deadline, s->loop, on_deadline, c);
	timer_start_deadline(&c->deadline, s->options.deadline_ms);
	stream_set_owner(c->stream, on_stream, c);
	stream_want_read(c->stream, true);
	/* A request that has arrived already is read now, before other
	 * newcomers of this turn can take its place. */
	read_more(c); /* c may be gone */
}

struct http_call *
http_call_new(struct http_server *s, const struct http_request *request,
    http_answered *answered, void *arg)
{
	struct http_call *c = NULL;

	if (s->call_count < s->options.connections)
		c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->server = s;
	c->peer_uid = HTTP_NO_UID;
	c->request = *request;
	c->answered = answered;
	c->answered_arg = arg;
	list_init(&c->node);
	list_append(&s->calls, &c->node);
	s->call_count++;
	buf_init(&c->in, 0);
	buf_init(&c->out, 0);
	buf_init(&c->rest, 0);
	timer_init(&c->deadline, s->loop, on_deadline, c);
	enter(c, CALL_WAITING);
	return c;
}

const struct http_request *
http_call_request(const struct http_call *c)
{
	return &c->request;
}

struct http_server *
http_server_new(struct loop *loop, const struct http_server_options *options)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->options = *options;
	list_init(&s->calls);
	linger_set_init(&s->lingering, options->connections, LINGER_BYTES);
	return s;
}

enum err
http_server_listen(struct http_server *s, int fd)
{
	/* A successor may get the socket. */
	struct listener_options o = { .counts = &s->counts,
		.shared = true,
		.held = s->options.held };
	enum err err;

	if (s->listener_count == LISTENERS_MAX)
		return ERR_LIMIT;
	err = listener_new(&s->listeners[s->listener_count], s->loop, fd, &o,
	    on_accept, s);
	if (err == OK)
		s->listener_count++;
	return err;
}

int
http_server_descriptor(const struct http_server *s, size_t i)
{
	return i < s->listener_count ? listener_descriptor(s->listeners[i])
				     : -1;
}

void
http_server_begin(struct http_server *s)
{
	size_t i;

	for (i = 0; s != NULL && i < s->listener_count; i++)
		listener_begin(s->listeners[i]);
	if (s != NULL)
		s->options.held = false;
}

void
http_server_leave(struct http_server *s)
{
	if (s == NULL)
		return;
	while (s->listener_count > 0)
		listener_close(s->listeners[--s->listener_count]);
}

void
http_server_free(struct http_server *s)
{
	struct list *node;
	struct list *next;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->listener_count; i++)
		listener_close(s->listeners[i]);
	list_each(node, next, &s->calls)
		drop(list_entry(node, struct http_call, node));
	linger_end_all(&s->lingering);
	free(s);
}
