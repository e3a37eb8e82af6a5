/* SPDX-License-Identifier: ISC */
#include "backend/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/dial.h"
#include "backend/proxy_out.h"
#include "base/log.h"
#include "io/stream_fd.h"

/* The first probes of a pool's endpoints are spread over this time. */
#define FIRST_MS 100

/* Without probes in the options: how long after the last try that failed the
 * port of an endpoint is tried. It is long enough that clients that wait for
 * the endpoint come first, because they try it once a second. */
#define WATCH_MS 2000

#define CONNACK_LEN 4
#define CODE_NONE (-1)
#define CODE_UNAVAILABLE 3

enum state {
	WAITING, /* until the timer starts the next probe */
	CONNECTING,
	AWAIT_CONNACK /* a CONNACK is to come before the timer fires */
};

struct backend_health {
	struct loop_garbage garbage;
	struct backend_pool *pool; /* borrowed; NULL once cancelled */
	struct loop *loop; /* borrowed */
	struct backend_endpoint *endpoint; /* counted */
	struct backend_attempt attempt;
	struct stream *stream; /* owned; AWAIT_CONNACK only */
	struct timer timer;
	enum state state;
	size_t got; /* bytes of the CONNACK */
	uint8_t connack[CONNACK_LEN];
	int code; /* of the last CONNACK */
};

static const struct backend_options *
options(const struct backend_health *h)
{
	return backend_pool_options(h->pool);
}

/* `ms' plus or minus a tenth, so that workers and endpoints drift apart. */
static uint64_t
spread(struct backend_health *h, uint64_t ms)
{
	uint32_t random = backend_pool_random(h->pool) % 1024;

	return ms - ms / 10 + ms / 5 * random / 1024;
}

/* True if the options ask for probes while the endpoint is up, too. */
static bool
probes_always(const struct backend_health *h)
{
	return options(h)->probe != CONFIG_PROBE_NONE;
}

/* Milliseconds to the next probe: the interval, or sooner while it is down. */
static uint64_t
next_probe(struct backend_health *h)
{
	uint64_t interval = spread(h, options(h)->probe_interval_ms);
	uint64_t now = loop_now(h->loop);
	uint64_t until = h->endpoint->until;

	if (!probes_always(h)) {
		if (interval > WATCH_MS)
			interval = WATCH_MS;
		return until > now + interval ? until - now : interval;
	}
	if (h->endpoint->state == BACKEND_UP)
		return interval;
	if (until <= now)
		return 1;
	return until - now < interval ? until - now : interval;
}

/* The probe is over; `why' is NULL if the endpoint works. h may be gone. */
static void
conclude(struct backend_health *h, const char *why)
{
	struct backend_pool *p = h->pool;

	stream_close(h->stream);
	h->stream = NULL;
	h->state = WAITING;
	timer_stop(&h->timer);
	backend_pool_probed(p, h->endpoint, why);
	/* It may have been cancelled by what followed. */
	if (h->pool != NULL &&
	    (probes_always(h) || h->endpoint->state != BACKEND_UP))
		timer_start(&h->timer, next_probe(h));
}

static size_t
put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text);

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, text, len);
	return 2 + len;
}

/* Writes a CONNECT of MQTT 3.1.1 (section 3.1) with a clean session and a keep
 * alive of a minute, and returns its length. Each text is at most
 * BACKEND_PROBE_TEXT_MAX long. */
static size_t
write_connect(uint8_t *out, const struct backend_options *o)
{
	static const uint8_t name[] = { 0, 4, 'M', 'Q', 'T', 'T', 4 };
	uint8_t body[3 * (BACKEND_PROBE_TEXT_MAX + 2) + 16];
	const char *id = o->probe_client_id;
	size_t len = sizeof(name);
	size_t head = 1;

	memcpy(body, name, sizeof(name));
	body[len++] = (uint8_t)(0x02 | (o->probe_username != NULL ? 0x80 : 0) |
	    (o->probe_password != NULL ? 0x40 : 0));
	body[len++] = 0;
	body[len++] = 60;
	len += put_text(body + len, id != NULL ? id : "");
	if (o->probe_username != NULL)
		len += put_text(body + len, o->probe_username);
	if (o->probe_password != NULL)
		len += put_text(body + len, o->probe_password);
	out[0] = 0x10;
	if (len > 127)
		out[head++] = (uint8_t)(len % 128 | 0x80);
	out[head++] = (uint8_t)(len > 127 ? len / 128 : len);
	memcpy(out + head, body, len);
	return head + len;
}

/* Writes the PROXY header, without which a broker that expects one would drop
 * the probe. Returns its length. */
static size_t
write_header(uint8_t *out, const struct backend_health *h, int fd)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	struct backend_proxy_out p = {
		.source = &own,
		.destination = &h->endpoint->address,
		.tls = BACKEND_PROXY_PLAIN,
	};
	socklen_t own_len = sizeof(own);
	size_t len = 0;

	(void)getsockname(fd, (struct sockaddr *)&own, &own_len);
	return backend_proxy_out_write(out, &len, options(h)->probe_proxy,
		   &p) == OK
	    ? len
	    : 0;
}

/* Logs a refusal of the probe's own identity, once. */
static void
note_code(struct backend_health *h, int code)
{
	if (code != 0 && code != h->code)
		log_event(LOG_LEVEL_WARN, "backend_probe_refused",
		    "%s: CONNACK code %d for the probe of backend %s",
		    h->endpoint->text, code, options(h)->name);
	h->code = code;
}

static void
judge(struct backend_health *h)
{
	uint8_t disconnect[STREAM_HEADROOM + 2] = { 0 };
	int code = h->connack[3];

	if (h->connack[0] != 0x20 || h->connack[1] != 2) {
		conclude(h, "the answer to a probe is not a CONNACK");
		return;
	}
	note_code(h, code);
	if (code == CODE_UNAVAILABLE) {
		conclude(h, "the broker says it is unavailable");
		return;
	}
	disconnect[STREAM_HEADROOM] = 0xe0;
	if (code == 0)
		(void)stream_write(h->stream, disconnect + STREAM_HEADROOM, 2);
	conclude(h, NULL);
}

static void
answered(struct stream *s, enum stream_event event, void *arg)
{
	struct backend_health *h = arg;
	ssize_t n;

	if (event != STREAM_READABLE)
		return;
	n = stream_read(s, h->connack + h->got, CONNACK_LEN - h->got);
	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		conclude(h, "closed without a CONNACK");
		return;
	}
	h->got += (size_t)n;
	if (h->got == CONNACK_LEN)
		judge(h);
}

/* Sends the CONNECT; false if the socket did not take it whole, which on a new
 * socket means that the connection is broken. */
static bool
send_connect(struct backend_health *h, int fd)
{
	uint8_t *out = loop_scratch(h->loop, LOOP_SCRATCH_PLAIN);
	size_t len = write_header(out, h, fd);

	len += write_connect(out + len, options(h));
	h->got = 0;
	h->state = AWAIT_CONNACK;
	stream_set_owner(h->stream, answered, h);
	stream_want_read(h->stream, true);
	timer_start_deadline(&h->timer, options(h)->probe_timeout_ms);
	return stream_write(h->stream, out, len) == (ssize_t)len;
}

/* True if the endpoint's queue is full and has not been so for long. */
static bool
is_full_for_a_moment(struct backend_health *h, enum err err)
{
	uint64_t now = loop_now(h->loop);

	return err == ERR_BLOCKED && h->endpoint->state == BACKEND_UP &&
	    backend_endpoint_full(h->endpoint, now, now) <= BACKEND_FULL_MS;
}

static void
connected(void *arg, enum err err, int fd, const char *why)
{
	struct backend_health *h = arg;

	if (err == ERR_LIMIT || is_full_for_a_moment(h, err)) {
		/* This says nothing about the endpoint. */
		h->state = WAITING;
		timer_start(&h->timer, options(h)->probe_interval_ms);
		return;
	}
	if (err != OK) {
		conclude(h, why);
		return;
	}
	if (options(h)->probe != CONFIG_PROBE_MQTT) {
		close(fd);
		conclude(h, NULL);
		return;
	}
	h->stream = stream_fd_new(h->loop, fd);
	if (h->stream == NULL) {
		close(fd);
		conclude(h, "out of memory");
	} else if (!send_connect(h, fd)) {
		conclude(h, "closed without a CONNACK");
	}
}

static void
fired(void *arg)
{
	struct backend_health *h = arg;

	if (h->state == AWAIT_CONNACK) {
		conclude(h, "no CONNACK in time");
		return;
	}
	/* A client's connection may have found it up meanwhile. */
	if (!probes_always(h) && h->endpoint->state == BACKEND_UP)
		return;
	h->state = CONNECTING;
	backend_attempt_start(&h->attempt, &h->endpoint->address,
	    options(h)->probe_timeout_ms);
}

struct backend_health *
backend_health_start(struct backend_pool *p, struct backend_endpoint *e)
{
	struct backend_health *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->pool = p;
	h->loop = backend_pool_loop(p);
	h->endpoint = backend_endpoint_get(e);
	h->code = CODE_NONE;
	timer_init(&h->timer, h->loop, fired, h);
	backend_attempt_init(&h->attempt, p, connected, h);
	if (probes_always(h))
		timer_start(&h->timer, backend_pool_random(p) % FIRST_MS);
	return h;
}

void
backend_health_cancel(struct backend_health *h)
{
	if (h == NULL || h->pool == NULL)
		return;
	h->pool = NULL;
	timer_stop(&h->timer);
	backend_attempt_cancel(&h->attempt);
	stream_close(h->stream);
	h->stream = NULL;
	backend_endpoint_put(h->endpoint);
	loop_free_later(h->loop, &h->garbage, h, free);
}

const struct backend_endpoint *
backend_health_endpoint(const struct backend_health *h)
{
	return h->endpoint;
}

void
backend_health_probe_soon(struct backend_health *h)
{
	if (h != NULL && h->state == WAITING)
		timer_start(&h->timer, next_probe(h));
}
