/* SPDX-License-Identifier: ISC */
/*
 * The parser of HTTP requests: good and bad requests, each read from an
 * allocation of its exact size. And costly requests of several clients.
 */
#include "admin/http.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/timer.h"
#include "net_kit.h"
#include "tap.h"

#define SLOW 6 /* requests that take long */

struct row {
	const char *head;
	unsigned status; /* 0: the request is good */
	const char *path;
};

static const struct row rows[] = {
	{ "GET / HTTP/1.1\r\n\r\n", 0, "/" },
	{ "GET /a%20b HTTP/1.0\r\nHost: x\r\n\r\n", 0, "/a b" },
	{ "HEAD /status?x=1 HTTP/1.1\r\nA: \tb\r\n\r\n", 0, "/status" },
	{ "POST /kick? HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0, "/kick" },
	{ "\r\n\r\n", 400, NULL },
	{ "GET\r\n\r\n", 400, NULL },
	{ "GET /\r\n\r\n", 400, NULL },
	{ "GET / FTP/1.1\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1 \r\n\r\n", 505, NULL },
	{ "GET / HTTP/3.0\r\n\r\n", 505, NULL },
	{ "PUT / HTTP/1.1\r\n\r\n", 405, NULL },
	{ "get / HTTP/1.1\r\n\r\n", 405, NULL },
	{ "GET * HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /% HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /%4 HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /%zz HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /%00 HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /?a HTTP/1.1\r\n\r\n", 0, "/" },
	{ "GET /b?a=1&%61=2 HTTP/1.1\r\n\r\n", 0, "/b" },
	{ "GET /? HTTP/1.1\r\n\r\n", 0, "/" },
	{ "GET /?& HTTP/1.1\r\n\r\n", 0, "/" },
	{ "GET /?%zz HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /?a=%00 HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\nx\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n: x\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n x: y\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\nx: y\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\rx: y\r\n\r\n", 400, NULL },
	{ "GET /\x01 HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET /\x7f HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", 413, NULL },
	{ "GET / HTTP/1.1\r\ncontent-length:00\r\n\r\n", 0, "/" },
	{ "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\nTRANSFER-ENCODING: x\r\n\r\n", 413, NULL },
	{ "GET / HTTP/1.1\r\n", 400, NULL },
	{ "", 400, NULL },
};

/* A copy of exactly `len' bytes, so that a sanitizer sees one over. */
static char *
copy(const char *text, size_t len)
{
	char *head = malloc(len > 0 ? len : 1);

	if (head == NULL)
		abort();
	memcpy(head, text, len);
	return head;
}

static void
test_rows(void)
{
	struct http_request r;
	const char *why;
	unsigned status;
	enum parse got;
	char *head;
	size_t len;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].head);
		head = copy(rows[i].head, len);
		status = 0;
		why = NULL;
		got = http_request_parse(&r, head, len, &status, &why);
		is_int(status, rows[i].status, "row %zu: status", i);
		ok((got == PARSE_OK) == (rows[i].status == 0), "row %zu", i);
		if (got == PARSE_OK)
			is_str(r.path, rows[i].path, "row %zu: path", i);
		else
			ok(why != NULL && http_status_text(status) != NULL,
			    "row %zu: says why", i);
		free(head);
	}
}

static void
test_params(void)
{
	static const char text[] =
	    "POST /deny?as=cn&who=a+b%2Bc%26d%c3%a4&&reason= HTTP/1.1\r\n"
	    "Accept: text/plain, application/openmetrics-text;version=1.0.0\r\n"
	    "\r\n";
	size_t len = sizeof(text) - 1;
	char *head = copy(text, len);
	struct http_request r;
	const char *why;
	unsigned status;

	is_int(http_request_parse(&r, head, len, &status, &why), PARSE_OK,
	    "parameters");
	is_int(r.method, HTTP_POST, "method");
	is_str(http_request_param(&r, "as"), "cn", "as");
	is_str(http_request_param(&r, "who"), "a b+c&d\xc3\xa4", "who");
	is_str(http_request_param(&r, "reason"), "", "an empty one");
	is_str(http_request_param(&r, "until"), NULL, "one not given");
	ok(r.openmetrics, "Accept asks for OpenMetrics");
	free(head);
}

static void
test_flags(void)
{
	static const char text[] = "GET /sessions?user&sid=1&sid=2 HTTP/1.1\r\n"
				   "Host: proxy.example:9090\r\n\r\n";
	char *head = copy(text, sizeof(text) - 1);
	struct http_request r;
	const char *why;
	unsigned status;

	is_int(http_request_parse(&r, head, sizeof(text) - 1, &status, &why),
	    PARSE_OK, "a key without a value, and one twice");
	is_int(r.param_count, 3, "all are there");
	ok(r.params[0].value == NULL, "the first has no value");
	is_str(r.repeated, "sid", "sid is given twice");
	is_str(http_request_param(&r, "sid"), "1", "its first value");
	ok(slice_equal(r.host, slice_str("proxy.example:9090")), "Host");
	free(head);
}

static void
test_too_many(void)
{
	char text[512] = "GET /?";
	struct http_request r;
	const char *why;
	unsigned status = 0;
	char *head;
	size_t len;
	int i;

	for (i = 0; i <= HTTP_PARAMS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "p%d=1&", i);
	strcat(text, " HTTP/1.1\r\n\r\n");
	len = strlen(text);
	head = copy(text, len);
	is_int(http_request_parse(&r, head, len, &status, &why), PARSE_BAD,
	    "too many parameters");
	is_int(status, 414, "414");
	free(head);
}

/* A server whose requests take long. */
struct rig {
	struct loop *loop;
	struct timer timer;
	int calls;
	int calls_before; /* when the timer fired */
};

static void
answer_slowly(struct http_call *call, const struct http_request *r, void *arg)
{
	struct http_reply reply = { .status = 200, .type = "text/plain" };
	uint64_t end = clock_mono_ms() + 100;
	struct rig *rig = arg;

	(void)r;
	while (clock_mono_ms() < end)
		continue;
	rig->calls++;
	http_reply_send(call, &reply);
	if (rig->calls == SLOW)
		loop_stop(rig->loop);
}

static void
fired(void *arg)
{
	struct rig *rig = arg;

	rig->calls_before = rig->calls;
}

static void
test_slow(void)
{
	struct rig rig = { .loop = loop_new(), .calls_before = SLOW };
	struct http_server_options o = { SLOW, SLOW, 1000, 60000, answer_slowly,
		&rig, false };
	struct http_server *s = http_server_new(rig.loop, &o);
	struct sockaddr_storage at;
	int listener = net_kit_listen(&at, SLOW);
	int clients[SLOW];
	int i;

	if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1 ||
	    http_server_listen(s, listener) != OK)
		abort();
	for (i = 0; i < SLOW; i++) {
		clients[i] = net_kit_connect(&at);
		if (write(clients[i], "GET / HTTP/1.0\r\n\r\n", 18) != 18)
			abort();
	}
	timer_init(&rig.timer, rig.loop, fired, &rig);
	timer_start(&rig.timer, 50);
	loop_run(rig.loop);
	is_int(rig.calls, SLOW, "all requests are answered");
	ok(rig.calls_before <= 2, "and a timer fires between them");
	for (i = 0; i < SLOW; i++)
		close(clients[i]);
	timer_stop(&rig.timer);
	http_server_free(s);
	loop_free(rig.loop);
}

int
main(void)
{
	test_rows();
	test_params();
	test_flags();
	test_too_many();
	test_slow();
	return done_testing();
}
