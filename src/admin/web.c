#include "admin/web.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "admin/metrics.h"
#include "admin/page.h"
#include "admin/reply.h"
#include "admin/status.h"
#include "admin/worker_report.h"
#include "base/buf.h"
#include "base/encode.h"

#define NONCE_MARK "@NONCE@"
#define NONCE_BYTES 16

static void
say(struct http_call *call, unsigned status, const char *words)
{
	struct http_reply r = { .status = status };

	r.type = "text/plain; charset=utf-8";
	r.headers = "Content-Security-Policy: default-src 'none'\r\n";
	if (status == 405)
		r.headers = "Allow: GET, HEAD\r\n";
	r.body = slice_str(words);
	server_reply(call, &r);
}

/* Appends the page with `nonce' in its places. */
static enum err
fill_page(struct buf *out, const char *nonce)
{
	const unsigned char *at = page_html;
	const unsigned char *end = page_html + page_html_len;
	const unsigned char *mark;
	size_t len = sizeof(NONCE_MARK) - 1;
	enum err err;

	while (
	    (mark = memmem(at, (size_t)(end - at), NONCE_MARK, len)) != NULL) {
		err = buf_append(out, at, (size_t)(mark - at));
		if (err == OK)
			err = buf_append(out, nonce, strlen(nonce));
		if (err != OK)
			return err;
		at = mark + len;
	}
	return buf_append(out, at, (size_t)(end - at));
}

/* Only the page's own style and script run, and only /status is fetched. */
static void
page_run(struct admin *a, struct http_call *call, const struct http_request *rq)
{
	struct http_reply r = { .status = 200 };
	char nonce[2 * NONCE_BYTES + 1];
	unsigned char random[NONCE_BYTES];
	char headers[512];
	struct buf out;

	(void)a;
	(void)rq;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		say(call, 503, "no random numbers\n");
		return;
	}
	encode_hex(nonce, slice_make(random, sizeof(random)));
	snprintf(headers, sizeof(headers),
	    "Content-Security-Policy: default-src 'none'; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'; connect-src 'self'; "
	    "img-src data:; style-src 'nonce-%s'; script-src 'nonce-%s'\r\n",
	    nonce, nonce);
	buf_init(&out, 0);
	if (fill_page(&out, nonce) == OK) {
		r.type = "text/html; charset=utf-8";
		r.headers = headers;
		r.body = buf_slice(&out);
		server_reply(call, &r);
	} else {
		say(call, 503, "out of memory\n");
	}
	buf_fini(&out);
}

/* Alive: the main thread is here, and the workers answered. */
static void
healthy(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_report *s)
{
	(void)a;
	(void)r;
	(void)s;
	say(call, 200, "ok\n");
}

static void
healthz_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	worker_report_collect_brokers(a, call, r, healthy);
}

static void
ready(struct admin *a, struct http_call *call, const struct http_request *r,
    const struct worker_report *s)
{
	(void)r;
	if (s->ready)
		say(call, 200, "ready\n");
	else if (a->master->state != MASTER_SERVING)
		say(call, 503, "draining\n");
	else
		say(call, 503, "no broker is up\n");
}

static void
readyz_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	worker_report_collect_brokers(a, call, r, ready);
}

static const struct {
	const char *path;
	void (*run)(struct admin *a, struct http_call *call,
	    const struct http_request *request);
} paths[] = {
	{ "/", page_run },
	{ "/metrics", metrics_run },
	{ "/healthz", healthz_run },
	{ "/readyz", readyz_run },
	{ "/status", status_run },
};

void
web_handle(struct http_call *call, const struct http_request *r, void *arg)
{
	size_t i;

	if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
		say(call, 405, "read-only: GET and HEAD\n");
		return;
	}
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(paths[i].path, r->path) == 0) {
			paths[i].run(arg, call, r);
			return;
		}
	say(call, 404, "not here; see / /metrics /healthz /readyz /status\n");
}
