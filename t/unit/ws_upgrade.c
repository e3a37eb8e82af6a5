/* SPDX-License-Identifier: ISC */
/*
 * The upgrade request: what is let in, what is refused and how.
 */
#include "ws/upgrade.h"

#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VER13 "Sec-WebSocket-Version: 13\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define MQTT "Sec-WebSocket-Protocol: mqtt\r\n"
#define HOST "Host: broker.example\r\n"
#define GET "GET /mqtt HTTP/1.1\r\n"
#define REST HOST UP VER13 KEY MQTT
#define GOOD GET REST "\r\n"

#define ACCEPT WS_UPGRADE_ACCEPTED
#define MALFORMED WS_UPGRADE_MALFORMED
#define UPGRADE WS_UPGRADE_REQUIRED
#define SUBPROTOCOL WS_UPGRADE_SUBPROTOCOL

static const struct row {
	const char *name;
	enum ws_upgrade_result result;
	const char *request;
} rows[] = {
	{ "the plain request", ACCEPT, GOOD },
	{ "a query is not the path", ACCEPT,
	    "GET /mqtt?token=x/y HTTP/1.1\r\n" REST "\r\n" },
	{ "an absolute target", ACCEPT,
	    "GET http://broker.example/mqtt HTTP/1.1\r\n" REST "\r\n" },
	{ "an absolute target with port and query", ACCEPT,
	    "GET HTTPS://b:8084/mqtt?a HTTP/1.1\r\n" REST "\r\n" },
	{ "names and tokens in any letter case", ACCEPT,
	    GET "HOST: b\r\nUPGRADE: WebSocket\r\nconnection: UPGRADE\r\n"
		"sec-websocket-version: 13\r\n"
		"SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"sec-websocket-protocol: mqtt\r\n\r\n" },
	{ "no space behind the colon, tabs and spaces around", ACCEPT,
	    GET "Host:b\r\nUpgrade:\t websocket \t\r\nConnection:Upgrade\r\n"
		"Sec-WebSocket-Version:13\r\n"
		"Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ== \r\n"
		"Sec-WebSocket-Protocol:mqtt\r\n\r\n" },
	{ "Connection is a list", ACCEPT,
	    GET HOST "Upgrade: websocket\r\n"
		     "Connection: keep-alive, Upgrade\r\n" VER13 KEY MQTT
		     "\r\n" },
	{ "Connection in two lines", ACCEPT,
	    GET HOST "Upgrade: h2c, websocket\r\n"
		     "Connection: keep-alive\r\n"
		     "Connection: upgrade\r\n" VER13 KEY MQTT "\r\n" },
	{ "subprotocols in a list, ours last", ACCEPT,
	    GET HOST UP VER13 KEY
	    "Sec-WebSocket-Protocol: wamp,foo , mqttv3.1,, mqtt\r\n\r\n" },
	{ "subprotocols in two lines", ACCEPT,
	    GET HOST UP VER13 KEY "Sec-WebSocket-Protocol: foo\r\n" MQTT
				  "\r\n" },
	{ "the subprotocol of old stacks", ACCEPT,
	    GET HOST UP VER13 KEY "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n" },
	{ "what a browser adds", ACCEPT,
	    GET REST "Origin: https://app.example\r\n"
		     "Sec-WebSocket-Extensions: permessage-deflate\r\n"
		     "Cookie: a=b; c=\xc3\xa9\r\nUser-Agent: x/1 (y; z)\r\n"
		     "Accept-Language: de, en;q=0.5\r\n\r\n" },
	{ "Content-Length: 0", ACCEPT, GET REST "Content-Length: 0\r\n\r\n" },
	{ "an empty value", ACCEPT, GET REST "X-Empty:\r\n\r\n" },
	{ "Host with port", ACCEPT,
	    GET "Host: [::1]:8084\r\n" UP VER13 KEY MQTT "\r\n" },

	{ "bare LF", MALFORMED, "GET /mqtt HTTP/1.1\n" REST "\r\n" },
	{ "bare LF in a header", MALFORMED, GET "Host: b\n" UP "\r\n" },
	{ "bare CR", MALFORMED, GET "Host: b\rX: y\r\n" UP "\r\n" },
	{ "two CR", MALFORMED, GET "Host: b\r\r\n" UP "\r\n" },
	{ "an empty line first", MALFORMED, "\r\n" GOOD },
	{ "folded line", MALFORMED, GET REST "X: a\r\n b\r\n\r\n" },
	{ "first header folded", MALFORMED, GET " X: a\r\n" REST "\r\n" },
	{ "space before the colon", MALFORMED, GET "Host : b\r\n\r\n" },
	{ "no colon", MALFORMED, GET REST "nonsense\r\n\r\n" },
	{ "empty name", MALFORMED, GET REST ": x\r\n\r\n" },
	{ "a name that is no token", MALFORMED, GET REST "a(b: x\r\n\r\n" },
	{ "a name beyond ASCII", MALFORMED, GET REST "\xc3\xa9: x\r\n\r\n" },
	{ "control byte in a value", MALFORMED, GET REST "X: \x01\r\n\r\n" },
	{ "DEL in a value", MALFORMED, GET REST "X: \x7f\r\n\r\n" },
	{ "TLS in TLS", MALFORMED, "\x16\x03\x01" },
	{ "MQTT without WebSocket", MALFORMED, "\x10\x0e" },
	{ "HTTP/1.0", MALFORMED, "GET /mqtt HTTP/1.0\r\n" REST "\r\n" },
	{ "HTTP/2", MALFORMED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
	{ "HTTP/0.9", MALFORMED, "GET /mqtt\r\n" },
	{ "two spaces", MALFORMED, "GET  /mqtt HTTP/1.1\r\n" REST "\r\n" },
	{ "space at the end", MALFORMED, "GET /mqtt HTTP/1.1 \r\n" },
	{ "space in front", MALFORMED, " GET /mqtt HTTP/1.1\r\n" },
	{ "tab for space", MALFORMED, "GET\t/mqtt HTTP/1.1\r\n" },
	{ "a tab in the path", MALFORMED, "GET /m\tqtt HTTP/1.1\r\n" },
	{ "a path beyond ASCII", MALFORMED, "GET /\xc3\xa9 HTTP/1.1\r\n" },
	{ "a fragment", MALFORMED, "GET /mqtt#x HTTP/1.1\r\n" },
	{ "a method that is no token", MALFORMED, "G(T /mqtt HTTP/1.1\r\n" },

	{ "no Host", MALFORMED, GET UP VER13 KEY MQTT "\r\n" },
	{ "two Hosts", MALFORMED, GET HOST REST "\r\n" },
	{ "an empty Host", MALFORMED,
	    GET "Host: \r\n" UP VER13 KEY MQTT "\r\n" },
	{ "two names in Host", MALFORMED,
	    GET "Host: a, b\r\n" UP VER13 KEY MQTT "\r\n" },
	{ "no key", MALFORMED, GET HOST UP VER13 MQTT "\r\n" },
	{ "two keys", MALFORMED, GET REST KEY "\r\n" },
	{ "a short key", MALFORMED,
	    GET "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" },
	{ "a long key", MALFORMED,
	    GET "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n" },
	{ "a key of 17 bytes", MALFORMED,
	    GET "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=\r\n" },
	{ "a key that is not base64", MALFORMED,
	    GET "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j.Q==\r\n" },
	{ "two versions", MALFORMED, GET REST VER13 "\r\n" },
	{ "two Origins", MALFORMED, GET REST "Origin: a\r\nOrigin: a\r\n\r\n" },
	{ "Content-Length", MALFORMED,
	    GET REST "Content-Length: 5\r\n\r\nhello" },
	{ "two Content-Lengths", MALFORMED,
	    GET REST "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" },
	{ "Content-Length -1", MALFORMED,
	    GET REST "Content-Length: -1\r\n\r\n" },
	{ "Content-Length of nothing", MALFORMED,
	    GET REST "Content-Length:\r\n\r\n" },
	{ "Transfer-Encoding", MALFORMED,
	    GET REST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "a subprotocol that is no token", MALFORMED,
	    GET REST "Sec-WebSocket-Protocol: a b\r\n\r\n" },

	{ "POST", WS_UPGRADE_METHOD,
	    "POST /mqtt HTTP/1.1\r\n" REST "Content-Length: 5\r\n\r\n" },
	{ "get", WS_UPGRADE_METHOD, "get /mqtt HTTP/1.1\r\n" REST "\r\n" },
	{ "CONNECT", WS_UPGRADE_METHOD,
	    "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n" },
	{ "another path", WS_UPGRADE_PATH, "GET / HTTP/1.1\r\n" REST "\r\n" },
	{ "a longer path", WS_UPGRADE_PATH,
	    "GET /mqtt/ HTTP/1.1\r\n" REST "\r\n" },
	{ "a shorter path", WS_UPGRADE_PATH,
	    "GET /mqt HTTP/1.1\r\n" REST "\r\n" },
	{ "an escaped path", WS_UPGRADE_PATH,
	    "GET /%6dqtt HTTP/1.1\r\n" REST "\r\n" },
	{ "a path of another scheme", WS_UPGRADE_PATH,
	    "GET ftp://b/mqtt HTTP/1.1\r\n" REST "\r\n" },
	{ "an absolute target without path", WS_UPGRADE_PATH,
	    "GET http://b HTTP/1.1\r\n" REST "\r\n" },

	{ "a browser that opens the path", UPGRADE, GET HOST "\r\n" },
	{ "a browser that opens the page", WS_UPGRADE_PAGE,
	    "GET / HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n" },
	{ "the page with a query", WS_UPGRADE_PAGE,
	    "GET /?a HTTP/1.1\r\n" HOST "\r\n" },
	{ "the page without Host", WS_UPGRADE_PATH, "GET / HTTP/1.1\r\n\r\n" },
	{ "the page's icon", WS_UPGRADE_PATH,
	    "GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n" },
	{ "HEAD of the page", WS_UPGRADE_METHOD,
	    "HEAD / HTTP/1.1\r\n" HOST "\r\n" },
	{ "an upgrade of the page", WS_UPGRADE_PATH,
	    "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n" },
	{ "no Upgrade", UPGRADE,
	    GET HOST "Connection: Upgrade\r\n" VER13 KEY MQTT "\r\n" },
	{ "another Upgrade", UPGRADE,
	    GET HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" VER13 KEY MQTT
		     "\r\n" },
	{ "no Connection", UPGRADE,
	    GET HOST "Upgrade: websocket\r\n" VER13 KEY MQTT "\r\n" },
	{ "Connection: close", UPGRADE,
	    GET HOST
	    "Upgrade: websocket\r\nConnection: close\r\n" VER13 KEY MQTT
	    "\r\n" },
	{ "no version", UPGRADE, GET HOST UP KEY MQTT "\r\n" },
	{ "version 8", UPGRADE,
	    GET HOST UP KEY MQTT "Sec-WebSocket-Version: 8\r\n\r\n" },
	{ "two versions in a list", UPGRADE,
	    GET HOST UP KEY MQTT "Sec-WebSocket-Version: 13, 8\r\n\r\n" },
	{ "version 013", UPGRADE,
	    GET HOST UP KEY MQTT "Sec-WebSocket-Version: 013\r\n\r\n" },

	{ "no subprotocol", SUBPROTOCOL, GET HOST UP VER13 KEY "\r\n" },
	{ "only others", SUBPROTOCOL,
	    GET HOST UP VER13 KEY
	    "Sec-WebSocket-Protocol: wamp, mqttv5, xmqtt\r\n\r\n" },
	{ "in another letter case", SUBPROTOCOL,
	    GET HOST UP VER13 KEY "Sec-WebSocket-Protocol: MQTT\r\n\r\n" },
};

static const struct ws_policy any = { .path = "/mqtt" };

/* Parses from an allocation of exactly that size. */
static enum parse
parse_exact(struct ws_upgrade *u, const char *data, size_t len, size_t *used)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	enum parse p;

	memcpy(copy, data, len);
	p = ws_upgrade_parse(u, slice_make(copy, len), used);
	free(copy);
	return p;
}

/* Feeds `step' bytes more at a time; returns how many were used up in all. */
static enum parse
parse_steps(struct ws_upgrade *u, const char *data, size_t len, size_t step,
    size_t *used)
{
	enum parse p = PARSE_MORE;
	size_t end = 0, n;

	*used = 0;
	while (p == PARSE_MORE && end < len) {
		end = end + step < len ? end + step : len;
		p = parse_exact(u, data + *used, end - *used, &n);
		*used += n;
	}
	return p;
}

static void
check_row(const struct row *r)
{
	enum parse want = r->result == ACCEPT ? PARSE_OK : PARSE_BAD;
	struct ws_upgrade whole, steps;
	size_t len = strlen(r->request);
	size_t used, used_steps, step;
	bool same = true;

	ws_upgrade_init(&whole, &any);
	is_int(parse_exact(&whole, r->request, len, &used), want, "%s: %s",
	    r->name, want == PARSE_OK ? "let in" : "refused");
	is_int(whole.result, r->result, "%s: result", r->name);
	ok((want == PARSE_OK) == (whole.text == NULL), "%s: text '%s'", r->name,
	    whole.text == NULL ? "" : whole.text);
	for (step = 1; step <= len && step <= 40; step++) {
		ws_upgrade_init(&steps, &any);
		same = same &&
		    parse_steps(&steps, r->request, len, step, &used_steps) ==
			want &&
		    used_steps == used && steps.result == whole.result &&
		    steps.text == whole.text && steps.has == whole.has;
	}
	ok(same, "%s: the same however it is cut", r->name);
}

static void
check_prefixes(const char *request)
{
	size_t len = strlen(request), used, i;
	struct ws_upgrade u;
	bool more = true;

	for (i = 0; i < len; i++) {
		ws_upgrade_init(&u, &any);
		more = more && parse_exact(&u, request, i, &used) == PARSE_MORE;
	}
	ok(more, "every prefix of a good request wants more");
}

static void
check_behind(void)
{
	static const char request[] = GOOD "\x82\x80";
	struct ws_upgrade u;
	size_t used;

	ws_upgrade_init(&u, &any);
	is_int(parse_exact(&u, request, sizeof(request) - 1, &used), PARSE_OK,
	    "bytes behind");
	is_int((long long)used, (long long)strlen(GOOD),
	    "bytes behind are not used");
	is_int(parse_exact(&u, "x", 1, &used), PARSE_OK, "OK stays OK");
	is_int((long long)used, 0, "and uses nothing");
	ws_upgrade_init(&u, &any);
	(void)parse_exact(&u, "\x01", 1, &used);
	is_int(parse_exact(&u, GOOD, strlen(GOOD), &used), PARSE_BAD,
	    "BAD stays BAD");
}

static void
check_nul(void)
{
	static const char request[] = GET "Host: a\0b\r\n" UP "\r\n";
	struct ws_upgrade u;
	size_t used;

	ws_upgrade_init(&u, &any);
	is_int(parse_exact(&u, request, sizeof(request) - 1, &used), PARSE_BAD,
	    "NUL in a value");
}

/* A good request of `len' bytes in all; free it. */
static char *
padded(size_t len)
{
	static const char head[] = GET REST "X-Pad: ";
	static const char tail[] = "\r\n\r\n";
	size_t pad = len - strlen(head) - strlen(tail);
	char *request = malloc(len + 1);

	memcpy(request, head, strlen(head));
	memset(request + strlen(head), 'x', pad);
	memcpy(request + strlen(head) + pad, tail, sizeof(tail));
	return request;
}

static void
check_size(size_t len, enum ws_upgrade_result result)
{
	static const size_t steps[] = { 1, 7, 100, 4096, 10000 };
	char *request = padded(len);
	struct ws_upgrade u;
	size_t i, used;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ws_upgrade_init(&u, &any);
		is_int(parse_steps(&u, request, len, steps[i], &used),
		    result == ACCEPT ? PARSE_OK : PARSE_BAD,
		    "%zu bytes, by %zu", len, steps[i]);
		is_int(u.result, result, "%zu bytes: result", len);
	}
	free(request);
}

/* A line that never ends, and lines that never end. */
static void
check_endless(void)
{
	struct ws_upgrade u;
	size_t used, fed = 0;
	char line[9000];

	memset(line, 'x', sizeof(line));
	ws_upgrade_init(&u, &any);
	is_int(parse_steps(&u, line, sizeof(line), 1, &used), PARSE_BAD,
	    "an endless line ends");
	is_int(u.result, WS_UPGRADE_TOO_LARGE, "an endless line: 431");
	ws_upgrade_init(&u, &any);
	(void)parse_exact(&u, GET, strlen(GET), &used);
	while (parse_exact(&u, "a: b\r\n", 6, &used) == PARSE_MORE)
		fed += used;
	ok(fed <= WS_UPGRADE_MAX, "endless lines end");
	is_int(u.result, WS_UPGRADE_TOO_LARGE, "endless lines: 431");
}

static void
check_origin(void)
{
	static const char *origins[] = { "https://app.example", "null" };
	static const struct ws_policy policy = { "/mqtt", origins, 2 };
	static const struct row cases[] = {
		{ "a listed one", ACCEPT, "https://app.example" },
		{ "in capitals", ACCEPT, "HTTPS://APP.example" },
		{ "the other", ACCEPT, "null" },
		{ "another host", WS_UPGRADE_ORIGIN, "https://evil.example" },
		{ "longer", WS_UPGRADE_ORIGIN, "https://app.example.evil" },
		{ "shorter", WS_UPGRADE_ORIGIN, "https://app.exampl" },
		{ "with port", WS_UPGRADE_ORIGIN, "https://app.example:1" },
		{ "another scheme", WS_UPGRADE_ORIGIN, "http://app.example" },
		{ "empty", WS_UPGRADE_ORIGIN, "" },
	};
	char request[7000], origin[6000];
	struct ws_upgrade u;
	size_t i, used;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(request, sizeof(request),
		    GET REST "Origin: %s\r\n\r\n", cases[i].request);
		ws_upgrade_init(&u, &policy);
		(void)parse_exact(&u, request, strlen(request), &used);
		is_int(u.result, cases[i].result, "Origin: %s", cases[i].name);
	}
	memset(origin, 'o', sizeof(origin));
	origin[sizeof(origin) - 1] = '\0';
	snprintf(request, sizeof(request), GET REST "Origin: %s\r\n\r\n",
	    origin);
	ws_upgrade_init(&u, &policy);
	(void)parse_exact(&u, request, strlen(request), &used);
	is_int(u.result, WS_UPGRADE_ORIGIN, "Origin: a very long one");
	ws_upgrade_init(&u, &policy);
	is_int(parse_exact(&u, GOOD, strlen(GOOD), &used), PARSE_OK,
	    "no Origin: not a browser");
}

/* The request's own origin counts as listed, in both orders of the headers. */
static void
check_own_origin(void)
{
	static const char *origins[] = { "https://app.example" };
	static const struct ws_policy policy = { "/mqtt", origins, 1 };
	static const struct {
		const char *host, *origin;
		enum ws_upgrade_result result;
	} cases[] = {
		{ "b:8084", "https://b:8084", ACCEPT },
		{ "b:8084", "wss://B:8084", ACCEPT },
		{ "b", "https://b", ACCEPT },
		{ "b", "https://b:443", ACCEPT },
		{ "b:443", "wss://b", ACCEPT },
		{ "[::1]:8084", "https://[::1]:8084", ACCEPT },
		{ "b:8084", "http://b:8084", WS_UPGRADE_ORIGIN },
		{ "b:8084", "ws://b:8084", WS_UPGRADE_ORIGIN },
		{ "b:8084", "https://b:8085", WS_UPGRADE_ORIGIN },
		{ "b:8084", "https://b", WS_UPGRADE_ORIGIN },
		{ "b:8084", "https://evil.example", WS_UPGRADE_ORIGIN },
		{ "b:8084", "https://b:8084/x", WS_UPGRADE_ORIGIN },
		{ "b:8084", "https:b:8084", WS_UPGRADE_ORIGIN },
		{ "b", "https://", WS_UPGRADE_ORIGIN },
		{ "b", "null", WS_UPGRADE_ORIGIN },
	};
	char request[600];
	struct ws_upgrade u;
	size_t i, used;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(request, sizeof(request),
		    GET "Host: %s\r\n" UP VER13 KEY MQTT "Origin: %s\r\n\r\n",
		    cases[i].host, cases[i].origin);
		ws_upgrade_init(&u, &policy);
		(void)parse_exact(&u, request, strlen(request), &used);
		is_int(u.result, cases[i].result, "Host: %s, Origin: %s",
		    cases[i].host, cases[i].origin);
		snprintf(request, sizeof(request),
		    GET "Origin: %s\r\n" UP VER13 KEY MQTT "Host: %s\r\n\r\n",
		    cases[i].origin, cases[i].host);
		ws_upgrade_init(&u, &policy);
		(void)parse_exact(&u, request, strlen(request), &used);
		is_int(u.result, cases[i].result, "Origin first");
	}
}

/* The log names what was refused. */
static void
check_details(void)
{
	static const char *origins[] = { "https://app.example" };
	static const struct ws_policy policy = { "/mqtt", origins, 1 };
	static const struct {
		const char *request, *detail;
	} cases[] = {
		{ "GET /ws?x HTTP/1.1\r\n" REST "\r\n",
		    "nothing is at this path: /ws" },
		{ "PUT /ws HTTP/1.1\r\n" REST "\r\n",
		    "only GET is answered: PUT" },
		{ GET REST "Origin: https://evil.example\r\n\r\n",
		    "this Origin is not allowed: https://evil.example" },
		{ GET HOST UP VER13 KEY
		    "Sec-WebSocket-Protocol: mqttv5, x\r\n\r\n",
		    "Sec-WebSocket-Protocol: mqtt is required: mqttv5, x" },
		{ GET HOST UP VER13 KEY "\r\n",
		    "Sec-WebSocket-Protocol: mqtt is required" },
		{ GET HOST UP KEY MQTT "Sec-WebSocket-Version: 8\r\n\r\n",
		    "Sec-WebSocket-Version: 13 is required: 8" },
		{ GET REST KEY "\r\n",
		    "a header that may occur once occurs twice: "
		    "Sec-WebSocket-Key" },
		{ GET HOST "a b\r\n\r\n",
		    "a line is not `name: value': line 3" },
		{ GET UP VER13 KEY MQTT "\r\n", "Host is missing" },
	};
	char detail[WS_DETAIL_MAX];
	struct ws_upgrade u;
	size_t i, used;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ws_upgrade_init(&u, &policy);
		(void)parse_exact(&u, cases[i].request,
		    strlen(cases[i].request), &used);
		is_str(ws_upgrade_detail(&u, detail), cases[i].detail, "%s",
		    cases[i].detail);
	}
}

/* What is no request at all is named. */
static void
check_strangers(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *says;
	} cases[] = {
		{ "\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", 14,
		    "MQTT came without WebSocket" },
		{ "\x10\xff\x01\0\4MQTT\5\2\0\x3c", 13,
		    "MQTT came without WebSocket" },
		{ "\x10\x0e\0\6MQIsdp\3\2\0\x3c\0\0", 16,
		    "MQTT came without WebSocket" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 36,
		    "a PROXY header came" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24,
		    "an HTTP/2 request came" },
		{ "\x16\3\1\2\0\1", 6, "TLS came inside TLS" },
		{ "\x10", 1, "MQTT came without WebSocket" },
		{ "\x16", 1, "TLS came inside TLS" },
		{ "\1\2", 2, "the request contains a control byte" },
	};
	char detail[WS_DETAIL_MAX], answer[WS_ANSWER_MAX];
	struct ws_upgrade u;
	size_t i, used;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ws_upgrade_init(&u, &any);
		is_int(parse_exact(&u, cases[i].bytes, cases[i].len, &used),
		    PARSE_BAD, "refused: %s", cases[i].says);
		is_int(u.result, WS_UPGRADE_MALFORMED, "... as malformed");
		ok(strncmp(ws_upgrade_detail(&u, detail), cases[i].says,
		       strlen(cases[i].says)) == 0,
		    "... by that name: %s", detail);
		ok(ws_upgrade_answer(&u, answer) > 0, "... and it is answered");
	}
}

static void
check_answer(const char *request, const char *want)
{
	char answer[WS_ANSWER_MAX];
	struct ws_upgrade u;
	size_t used, len;

	ws_upgrade_init(&u, &any);
	(void)parse_exact(&u, request, strlen(request), &used);
	len = ws_upgrade_answer(&u, answer);
	is_mem(answer, len, want, strlen(want), "answer to result %d",
	    u.result);
}

static void
check_answers(void)
{
	/* The key and the accept value are those of RFC 6455 1.3. */
	check_answer(GOOD,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	    "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
	check_answer(GET HOST UP VER13 KEY
	    "Sec-WebSocket-Protocol: x, mqttv3.1\r\n\r\n",
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	    "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n");
	check_answer("\x01",
	    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 36\r\n\r\n"
	    "the request contains a control byte\n");
	check_answer("POST /mqtt HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"
	    "Connection: close\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 21\r\n\r\nonly GET is answered\n");
	check_answer(GET HOST UP MQTT KEY "\r\n",
	    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Connection: close\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 38\r\n\r\n"
	    "Sec-WebSocket-Version: 13 is required\n");
}

/* Every result has a status, a reason, and an answer that fits. */
static void
check_results(void)
{
	static const struct {
		int status;
		enum reason reason;
	} want[WS_UPGRADE_COUNT] = {
		[WS_UPGRADE_ACCEPTED] = { 101, REASON_NONE },
		[WS_UPGRADE_MALFORMED] = { 400, REASON_WS_MALFORMED },
		[WS_UPGRADE_ORIGIN] = { 403, REASON_WS_ORIGIN },
		[WS_UPGRADE_PATH] = { 404, REASON_WS_PATH },
		[WS_UPGRADE_METHOD] = { 405, REASON_WS_METHOD },
		[WS_UPGRADE_REQUIRED] = { 426, REASON_WS_UPGRADE },
		[WS_UPGRADE_PAGE] = { 200, REASON_WS_UPGRADE },
		[WS_UPGRADE_SUBPROTOCOL] = { 400, REASON_WS_UPGRADE },
		[WS_UPGRADE_TOO_LARGE] = { 431, REASON_WS_TOO_LARGE },
	};
	char answer[WS_ANSWER_MAX + 1];
	struct ws_upgrade u;
	int v;

	for (v = 0; v < WS_UPGRADE_COUNT; v++) {
		ws_upgrade_init(&u, &any);
		u.result = (enum ws_upgrade_result)v;
		u.text = "text";
		u.subprotocol = WS_SUBPROTOCOL_MQTT;
		answer[ws_upgrade_answer(&u, answer)] = '\0';
		is_int(atoi(answer + strlen("HTTP/1.1 ")), want[v].status,
		    "status of result %d", v);
		is_int(ws_upgrade_reason((enum ws_upgrade_result)v),
		    want[v].reason, "reason of result %d", v);
	}
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	check_prefixes(GOOD);
	check_prefixes(rows[1].request);
	check_behind();
	check_nul();
	check_size(8192, ACCEPT);
	check_size(8193, WS_UPGRADE_TOO_LARGE);
	check_size(20000, WS_UPGRADE_TOO_LARGE);
	check_endless();
	check_origin();
	check_own_origin();
	check_details();
	check_strangers();
	check_answers();
	check_results();
	return done_testing();
}
