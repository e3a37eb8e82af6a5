#include "admin/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/buf.h"
#include "io/linger.h"
#include "io/stream_fd.h"
#include "io/timer.h"

#define LISTENERS_MAX 16
#define HEAD_LIMIT (1024 * 1024)
#define LINGER_MS 1000
#define HEADERS_MAX 1024

struct http_server {
	struct loop *loop; /* borrowed */
	struct http_server_options options;
	struct listener *listeners[LISTENERS_MAX]; /* owned */
	size_t listener_count;
	struct listener_counts counts; /* nobody asks for them */
	struct list calls;
	size_t call_count;
	struct linger_set lingering;
};

enum call_state {
	CALL_READING, /* until the head is whole */
	CALL_WAITING, /* for the handler's answer; nothing is read */
	CALL_WRITING
};

struct http_call {
	struct list node; /* in server->calls */
	struct loop_grave grave;
	struct http_server *server; /* borrowed */
	struct stream *stream; /* owned */
	struct timer deadline;
	struct buf in; /* the head */
	struct buf out; /* the answer */
	struct http_request request; /* points into `in' */
	enum call_state state;
};

/* Every answer has these: nothing is kept, framed, guessed or embedded. */
static const char always[] = "Cache-Control: no-store\r\n"
			     "Connection: close\r\n"
			     "Cross-Origin-Resource-Policy: same-origin\r\n"
			     "Referrer-Policy: no-referrer\r\n"
			     "X-Content-Type-Options: nosniff\r\n"
			     "X-Frame-Options: DENY\r\n";

static void
bury(struct loop_grave *g)
{
	free(list_entry(g, struct http_call, grave));
}

/* Frees all but the stream, which the caller has dealt with. */
static void
forget(struct http_call *c)
{
	timer_stop(&c->deadline);
	buf_fini(&c->in);
	buf_fini(&c->out);
	list_remove(&c->node);
	c->server->call_count--;
	loop_bury(c->server->loop, &c->grave);
}

static void
drop(struct http_call *c)
{
	stream_close(c->stream);
	forget(c);
}

static void
too_late(void *arg)
{
	drop(arg);
}

/* Sends what the socket takes; the call is gone when all was sent. */
static void
send_on(struct http_call *c)
{
	ssize_t n;

	while (buf_len(&c->out) > 0) {
		n = stream_write(c->stream, buf_data(&c->out),
		    buf_len(&c->out));
		if (n < 0) {
			drop(c);
			return;
		}
		if (n == 0)
			return;
		buf_consume(&c->out, (size_t)n);
	}
	linger_start(&c->server->lingering, c->server->loop, c->stream,
	    LINGER_MS);
	forget(c);
}

void
server_reply(struct http_call *c, const struct http_reply *r)
{
	bool head = c->request.method == HTTP_HEAD;
	char text[HEADERS_MAX];
	int len;

	c->state = CALL_WRITING;
	timer_start(&c->deadline, c->server->options.deadline_ms);
	len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "%s%s\r\n",
	    r->status, http_status_text(r->status), r->type, r->body.len,
	    always, r->headers == NULL ? "" : r->headers);
	if (len < 0 || (size_t)len >= sizeof(text) ||
	    buf_append(&c->out, text, (size_t)len) != OK ||
	    (!head && r->body.len > 0 &&
		buf_append(&c->out, r->body.data, r->body.len) != OK)) {
		drop(c);
		return;
	}
	send_on(c);
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
	server_reply(c, &r);
}

/* Where the head ends; 0: not yet. */
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
	c->state = CALL_WAITING;
	if (http_request_parse(&c->request, (char *)buf_data(&c->in), len,
		&status, &why) != PARSE_OK) {
		refuse(c, status, why);
		return;
	}
	c->server->options.handle(c, &c->request, c->server->options.arg);
}

static void
read_on(struct http_call *c)
{
	size_t most = c->server->options.head_max;
	uint8_t *scratch = loop_scratch(c->server->loop, LOOP_SCRATCH_PLAIN);
	ssize_t n = stream_read(c->stream, scratch, LOOP_SCRATCH_LEN);
	size_t len;

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
	if (len > most || (len == 0 && buf_len(&c->in) >= most)) {
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
		send_on(c);
	else if (event == STREAM_READABLE && c->state == CALL_READING)
		read_on(c);
	else if (event == STREAM_BROKEN)
		drop(c);
}

/* Ends the one that has kept us waiting longest, so that those who only hold
 * connections cannot lock out a health check. */
static void
make_room(struct http_server *s)
{
	struct list *node;
	struct list *next;
	struct http_call *c;

	list_each(node, next, &s->calls) {
		c = list_entry(node, struct http_call, node);
		if (c->state == CALL_WAITING)
			continue; /* it waits for us */
		drop(c);
		return;
	}
}

static void
came(struct listener *l, int fd, const struct sockaddr_storage *peer, void *arg)
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
	c->grave.bury = bury;
	list_init(&c->grave.node);
	list_init(&c->node);
	list_append(&s->calls, &c->node);
	s->call_count++;
	buf_init(&c->in, HEAD_LIMIT + LOOP_SCRATCH_LEN);
	buf_init(&c->out, 0);
	timer_init(&c->deadline, s->loop, too_late, c);
	timer_start(&c->deadline, s->options.deadline_ms);
	stream_set_owner(c->stream, on_stream, c);
	stream_want_read(c->stream, true);
}

struct http_server *
server_new(struct loop *loop, const struct http_server_options *options)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->options = *options;
	list_init(&s->calls);
	linger_set_init(&s->lingering, LINGER_MAX, LINGER_BYTES);
	return s;
}

enum err
server_listen(struct http_server *s, int fd)
{
	struct listener_options o = { .counts = &s->counts };
	enum err err;

	if (s->listener_count == LISTENERS_MAX)
		return ERR_LIMIT;
	err = listener_new(&s->listeners[s->listener_count], s->loop, fd, &o,
	    came, s);
	if (err == OK)
		s->listener_count++;
	return err;
}

void
server_free(struct http_server *s)
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
