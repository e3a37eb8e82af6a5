/* SPDX-License-Identifier: ISC */
/*
 * What http_listen serves, read-only: metrics, health, status and the status
 * page. None of it names a device.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "admin/commands.h"
#include "admin/page.h"
#include "admin/totals.h"
#include "base/address.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/http.h"

#define NONCE_MARK "@NONCE@"
#define NONCE_BYTES 16

static void
reply_plain(struct http_call *call, unsigned status, const char *text)
{
	struct http_reply r = { .status = status };

	r.type = "text/plain; charset=utf-8";
	r.headers = "Content-Security-Policy: default-src 'none'\r\n";
	if (status == 405)
		r.headers = "Allow: GET, HEAD\r\n";
	r.body = slice_str(text);
	http_reply_send(call, &r);
}

/* Appends the page with `nonce' in place of each mark. */
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

/* The Content-Security-Policy allows the page's own style and script, by their
 * nonce, and requests to this server. */
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
		reply_plain(call, 503, "no random numbers\n");
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
		http_reply_send(call, &r);
	} else {
		reply_plain(call, 503, "out of memory\n");
	}
	buf_fini(&out);
}

/* The main thread runs this, and all workers have answered. */
static void
render_healthz(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct totals *t)
{
	(void)a;
	(void)r;
	(void)t;
	reply_plain(call, 200, "ok\n");
}

static void
healthz_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	totals_collect(a, call, r, TOTALS_BROKERS, render_healthz);
}

static void
render_readyz(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct totals *t)
{
	(void)r;
	if (t->ready)
		reply_plain(call, 200, "ready\n");
	else if (a->master->state != MASTER_SERVING)
		reply_plain(call, 503, "draining\n");
	else
		reply_plain(call, 503, "no broker is up\n");
}

static void
readyz_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	totals_collect(a, call, r, TOTALS_BROKERS, render_readyz);
}

/* Host without its port: "name:80", "[::1]:80" or "name". */
static struct slice
host_name(struct slice host)
{
	size_t len = host.len;

	while (
	    len > 0 && host.data[len - 1] >= '0' && host.data[len - 1] <= '9')
		len--;
	if (len > 0 && host.data[len - 1] == ':')
		host.len = len - 1;
	if (host.len > 0 && host.data[host.len - 1] == '.')
		host.len--; /* "name." is the same name */
	return host;
}

/* True for an IP address, in brackets if it is IPv6. No DNS answer can make a
 * browser send one for the page of another site. */
static bool
is_address(struct slice host)
{
	struct sockaddr_storage parsed;
	char text[64];

	if (host.len >= 2 && host.data[0] == '[' &&
	    host.data[host.len - 1] == ']')
		host = slice_make(host.data + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	return address_parse_host(&parsed, text) == OK;
}

/* True if the request may be answered under http_hosts. */
static bool
is_our_host(const struct admin *a, const struct http_request *r)
{
	const struct config_list *hosts =
	    &a->master->snapshot->config->daemon.http_hosts;
	struct slice host = host_name(r->host);
	size_t i;

	if (hosts->count == 0 || r->host.data == NULL || is_address(host))
		return true;
	for (i = 0; i < hosts->count; i++)
		if (http_is_nocase(host, hosts->items[i]))
			return true;
	return false;
}

static void
reply_busy(struct http_call *call)
{
	struct http_reply r = { .status = 503 };

	r.type = "text/plain; charset=utf-8";
	r.headers = "Retry-After: 1\r\n";
	r.body = slice_str("too many expensive requests at once\n");
	http_reply_send(call, &r);
}

static const struct {
	const char *path;
	command_fn *run;
	bool costly; /* looks at every session */
} paths[] = {
	{ "/", page_run, false },
	{ "/history", history_run, true },
	{ "/metrics", metrics_run, true },
	{ "/healthz", healthz_run, false },
	{ "/readyz", readyz_run, false },
	{ "/status", status_run, true },
};

void
web_handle(struct http_call *call, const struct http_request *r, void *arg)
{
	size_t i;

	if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
		reply_plain(call, 405, "read-only: GET and HEAD\n");
		return;
	}
	if (!is_our_host(arg, r)) {
		reply_plain(call, 421,
		    "this name is not in [daemon] http_hosts\n");
		return;
	}
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(paths[i].path, r->path) == 0)
			break;
	if (i == sizeof(paths) / sizeof(paths[0]))
		reply_plain(call, 404,
		    "not found; see / /metrics /healthz /readyz /status\n");
	else if (paths[i].costly && !http_call_claim(call))
		reply_busy(call);
	else
		paths[i].run(arg, call, r);
}
