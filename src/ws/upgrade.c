/* SPDX-License-Identifier: ISC */
/*
 * Each header field that matters is a row of `fields'. The fields are judged
 * together at the empty line, so that the most helpful status is chosen
 * whatever their order. Only a line that is not valid HTTP is refused at once.
 */
#include "ws/upgrade.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"

/* Bits of struct ws_upgrade.has. */
enum has {
	HAS_GET = 1 << 0,
	HAS_PATH = 1 << 1,
	HAS_HOST = 1 << 2,
	HAS_UPGRADE = 1 << 3, /* Upgrade lists websocket */
	HAS_CONNECTION = 1 << 4, /* Connection lists upgrade */
	HAS_VERSION = 1 << 5,
	HAS_VERSION_13 = 1 << 6,
	HAS_KEY = 1 << 7,
	HAS_ORIGIN = 1 << 8,
	HAS_ORIGIN_ALIEN = 1 << 9, /* not one that the policy lists */
	HAS_ORIGIN_OWN = 1 << 10, /* the same scheme and host as the request */
	HAS_HOST_TEXT = 1 << 11, /* `host' is set */
	HAS_ROOT = 1 << 12, /* the target is / */
	HAS_ANY_WS = 1 << 13, /* Upgrade or a Sec-WebSocket field */
	HAS_END = 1 << 14
};

/* The part of the request that the refusal shows. Of several faults, the one
 * for which judge() refuses is shown: the highest. */
enum rank {
	RANK_NONE,
	RANK_SUBPROTOCOL,
	RANK_ORIGIN,
	RANK_VERSION,
	RANK_PATH,
	RANK_METHOD,
	RANK_LINE /* of a malformed request */
};

static const struct answer {
	int status;
	enum reason reason;
	const char *phrase;
	const char *headers;
} answers[WS_UPGRADE_COUNT] = {
	[WS_UPGRADE_ACCEPTED] = { 101, REASON_NONE, "Switching Protocols", "" },
	[WS_UPGRADE_MALFORMED] = { 400, REASON_WS_MALFORMED, "Bad Request",
	    "" },
	[WS_UPGRADE_ORIGIN] = { 403, REASON_WS_ORIGIN, "Forbidden", "" },
	[WS_UPGRADE_PATH] = { 404, REASON_WS_PATH, "Not Found", "" },
	[WS_UPGRADE_METHOD] = { 405, REASON_WS_METHOD, "Method Not Allowed",
	    "Allow: GET\r\n" },
	[WS_UPGRADE_REQUIRED] = { 426, REASON_WS_UPGRADE, "Upgrade Required",
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n" },
	[WS_UPGRADE_PAGE] = { 200, REASON_WS_UPGRADE, "OK", "" },
	[WS_UPGRADE_SUBPROTOCOL] = { 400, REASON_WS_UPGRADE, "Bad Request",
	    "" },
	[WS_UPGRADE_TOO_LARGE] = { 431, REASON_WS_TOO_LARGE,
	    "Request Header Fields Too Large", "" },
};

/* The names under which the subprotocols are offered. */
static const char *const subprotocols[] = {
	[WS_SUBPROTOCOL_NONE] = "",
	[WS_SUBPROTOCOL_MQTTV31] = "mqttv3.1",
	[WS_SUBPROTOCOL_MQTT] = "mqtt",
};

/* Remembers a piece of the request for the log, unless a more important one is
 * known. */
static void
show(struct ws_upgrade *u, enum rank rank, struct slice piece)
{
	if (rank < (enum rank)u->shown_rank)
		return;
	if (piece.len > sizeof(u->shown))
		piece.len = sizeof(u->shown);
	u->shown_rank = (uint8_t)rank;
	u->shown_len = (uint8_t)piece.len;
	if (piece.len > 0)
		memcpy(u->shown, piece.data, piece.len);
}

static enum parse
refuse(struct ws_upgrade *u, enum ws_upgrade_result result, const char *text)
{
	u->result = result;
	u->text = text;
	return PARSE_BAD;
}

static enum parse
malformed(struct ws_upgrade *u, const char *text)
{
	return refuse(u, WS_UPGRADE_MALFORMED, text);
}

/*
 * The request line.
 */

/* The path and query of a target that includes scheme and host (4.2.1 item
 * 1); any other target unchanged. */
static struct slice
strip_authority(struct slice target)
{
	struct slice rest = target;
	struct slice scheme = http_cut(&rest, ':');
	size_t i;

	if ((!http_is_nocase(scheme, "http") &&
		!http_is_nocase(scheme, "https")) ||
	    rest.len < 2 || memcmp(rest.data, "//", 2) != 0)
		return target;
	for (i = 2; i < rest.len && rest.data[i] != '/'; i++)
		;
	return slice_make(rest.data + i, rest.len - i);
}

static enum parse
take_request_line(struct ws_upgrade *u)
{
	struct slice target = strip_authority(u->head.target);

	if (http_is(u->head.method, "PRI"))
		return malformed(u,
		    "an HTTP/2 request came: MQTT over WebSocket needs "
		    "HTTP/1.1");
	if (!http_is(u->head.version, "HTTP/1.1"))
		return malformed(u,
		    "the first line is not `GET path HTTP/1.1'");
	if (http_is(u->head.method, "GET"))
		u->has |= HAS_GET;
	else
		show(u, RANK_METHOD, u->head.method);
	target = http_cut(&target, '?');
	if (http_is(target, "/"))
		u->has |= HAS_ROOT;
	if (http_is(target, u->policy->path))
		u->has |= HAS_PATH;
	else
		show(u, RANK_PATH, target);
	return PARSE_OK;
}

/*
 * The header fields.
 */

/* Compares the host of Host with that of Origin; whichever comes first is
 * kept until the other comes. 443 is the port where none is named. */
static void
compare_host(struct ws_upgrade *u, struct slice host)
{
	static const char port[] = ":443";
	const size_t len = sizeof(port) - 1;

	if (host.len > len &&
	    memcmp(host.data + host.len - len, port, len) == 0)
		host.len -= len;
	if ((u->has & HAS_HOST_TEXT) == 0) {
		u->has |= HAS_HOST_TEXT;
		if (host.len > 0 && host.len < sizeof(u->host)) {
			memcpy(u->host, host.data, host.len);
			u->host[host.len] = '\0';
			u->host_len = host.len;
		}
	} else if (u->host_len > 0 &&
	    http_is_nocase(host, (const char *)u->host)) {
		u->has |= HAS_ORIGIN_OWN;
	}
}

static enum parse
take_host(struct ws_upgrade *u, struct slice value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		if (value.data[i] <= ' ' || value.data[i] >= 0x7f ||
		    strchr(",/?#@\\\"<>", value.data[i]) != NULL)
			return malformed(u, "Host is not a host name");
	}
	if (value.len == 0)
		return malformed(u, "Host is empty");
	compare_host(u, value);
	return PARSE_OK;
}

static enum parse
take_upgrade(struct ws_upgrade *u, struct slice value)
{
	if (http_list_has(value, "websocket"))
		u->has |= HAS_UPGRADE;
	return PARSE_OK;
}

static enum parse
take_connection(struct ws_upgrade *u, struct slice value)
{
	if (http_list_has(value, "upgrade"))
		u->has |= HAS_CONNECTION;
	return PARSE_OK;
}

static enum parse
take_version(struct ws_upgrade *u, struct slice value)
{
	if (http_is(value, "13"))
		u->has |= HAS_VERSION_13;
	else
		show(u, RANK_VERSION, value);
	return PARSE_OK;
}

static enum parse
take_key(struct ws_upgrade *u, struct slice value)
{
	size_t i;

	if (value.len != WS_KEY_LEN || memcmp(value.data + 22, "==", 2) != 0)
		return malformed(u, "Sec-WebSocket-Key is not 16 bytes");
	for (i = 0; i < WS_KEY_LEN - 2; i++) {
		if (!http_is_alnum(value.data[i]) && value.data[i] != '+' &&
		    value.data[i] != '/')
			return malformed(u, "Sec-WebSocket-Key is not base64");
	}
	memcpy(u->key, value.data, WS_KEY_LEN);
	return PARSE_OK;
}

static enum ws_subprotocol
find_subprotocol(struct slice word)
{
	int i;

	for (i = WS_SUBPROTOCOL_MQTT; i > WS_SUBPROTOCOL_NONE; i--) {
		if (http_is(word, subprotocols[i]))
			break;
	}
	return (enum ws_subprotocol)i;
}

/* The value is a list and the field may be repeated: the best subprotocol of
 * all is taken. RFC 6455 does not make the names case-insensitive. */
static enum parse
take_subprotocol(struct ws_upgrade *u, struct slice value)
{
	enum ws_subprotocol found;
	struct slice word;

	show(u, RANK_SUBPROTOCOL, value);
	while (value.len > 0) {
		word = http_trim(http_cut(&value, ','));
		if (word.len > 0 && !http_is_token(word))
			return malformed(u,
			    "Sec-WebSocket-Protocol is not a list of tokens");
		found = find_subprotocol(word);
		if (found > u->subprotocol)
			u->subprotocol = found;
	}
	return PARSE_OK;
}

static enum parse
take_origin(struct ws_upgrade *u, struct slice value)
{
	struct slice scheme;
	size_t i;

	for (i = 0; i < u->policy->origin_count; i++) {
		if (http_is_nocase(value, u->policy->origins[i]))
			return PARSE_OK;
	}
	if (u->policy->origin_count == 0)
		return PARSE_OK;
	u->has |= HAS_ORIGIN_ALIEN;
	show(u, RANK_ORIGIN, value);
	scheme = http_cut(&value, ':');
	if ((http_is_nocase(scheme, "https") ||
		http_is_nocase(scheme, "wss")) &&
	    value.len > 2 && memcmp(value.data, "//", 2) == 0)
		compare_host(u, slice_make(value.data + 2, value.len - 2));
	return PARSE_OK;
}

static const struct field {
	const char *name;
	unsigned once; /* the bit that reveals a second one; 0: may repeat */
	enum parse (*take)(struct ws_upgrade *u, struct slice value);
} fields[] = {
	{ "Host", HAS_HOST, take_host },
	{ "Upgrade", 0, take_upgrade },
	{ "Connection", 0, take_connection },
	{ "Sec-WebSocket-Version", HAS_VERSION, take_version },
	{ "Sec-WebSocket-Key", HAS_KEY, take_key },
	{ "Sec-WebSocket-Protocol", 0, take_subprotocol },
	{ "Origin", HAS_ORIGIN, take_origin },
};

static enum parse
take_field(struct ws_upgrade *u)
{
	static const char prefix[] = "Sec-WebSocket-";
	struct slice start = u->head.name;
	size_t i;

	if (start.len > sizeof(prefix) - 1)
		start.len = sizeof(prefix) - 1;
	if (http_is_nocase(start, prefix) || http_is_nocase(start, "Upgrade"))
		u->has |= HAS_ANY_WS;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!http_is_nocase(u->head.name, fields[i].name))
			continue;
		if ((u->has & fields[i].once) != 0) {
			show(u, RANK_LINE, slice_str(fields[i].name));
			return malformed(u,
			    "a header that may occur once occurs twice");
		}
		u->has |= fields[i].once;
		return fields[i].take(u, u->head.value);
	}
	return PARSE_OK;
}

/* Checks all lines together, in the order that makes the first complaint the
 * most helpful one. */
static enum parse
judge(struct ws_upgrade *u)
{
	u->has |= HAS_END;
	if ((u->has & HAS_GET) == 0)
		return refuse(u, WS_UPGRADE_METHOD, "only GET is answered");
	if ((u->has & HAS_ROOT) != 0 && (u->has & HAS_ANY_WS) == 0 &&
	    !u->head.has_body && (u->has & HAS_HOST) != 0) {
		u->shown_rank = RANK_NONE;
		return refuse(u, WS_UPGRADE_PAGE,
		    "a plain GET, answered with a page");
	}
	if ((u->has & HAS_PATH) == 0)
		return refuse(u, WS_UPGRADE_PATH, "nothing is at this path");
	if (u->head.has_body)
		return malformed(u, "the request has a body");
	if ((u->has & HAS_HOST) == 0)
		return malformed(u, "Host is missing");
	if ((u->has & HAS_UPGRADE) == 0 || (u->has & HAS_CONNECTION) == 0) {
		u->shown_rank = RANK_NONE;
		return refuse(u, WS_UPGRADE_REQUIRED,
		    "this port speaks MQTT over WebSocket: Upgrade: websocket "
		    "and Connection: Upgrade are required");
	}
	if ((u->has & HAS_VERSION_13) == 0)
		return refuse(u, WS_UPGRADE_REQUIRED,
		    "Sec-WebSocket-Version: 13 is required");
	if ((u->has & HAS_KEY) == 0)
		return malformed(u, "Sec-WebSocket-Key is missing");
	if ((u->has & HAS_ORIGIN_ALIEN) != 0 && (u->has & HAS_ORIGIN_OWN) == 0)
		return refuse(u, WS_UPGRADE_ORIGIN,
		    "this Origin is not allowed");
	if (u->subprotocol == WS_SUBPROTOCOL_NONE)
		return refuse(u, WS_UPGRADE_SUBPROTOCOL,
		    "Sec-WebSocket-Protocol: mqtt is required");
	return PARSE_OK;
}

/* Says what came in place of a request, of whose first line `in' is the
 * beginning; NULL: not known. What is refused at its first byte is known by it,
 * however many follow. */
static const char *
name_first(struct slice in)
{
	static const char proxy[] = "PROXY ";

	switch (in.data[0]) {
	case 0x10: /* the first byte of a CONNECT */
		return "MQTT came without WebSocket: use the port of a "
		       "[listener] with transport = tcp";
	case 0x16: /* of a handshake record */
		return "TLS came inside TLS: the client encrypts twice, or a "
		       "balancer that ends TLS encrypts again";
	default:
		break;
	}
	if (in.len >= sizeof(proxy) - 1 &&
	    memcmp(in.data, proxy, sizeof(proxy) - 1) == 0)
		return "a PROXY header came: the balancer has to send it in "
		       "front of TLS, see accept_proxy";
	return NULL;
}

static enum parse
take_line(struct ws_upgrade *u, struct slice *in)
{
	struct slice first = *in;
	const char *other;
	char line[32];

	switch (http_head_next(&u->head, in)) {
	case HTTP_MORE:
		return PARSE_MORE;
	case HTTP_REQUEST_LINE:
		return take_request_line(u);
	case HTTP_FIELD:
		return take_field(u);
	case HTTP_END:
		return judge(u);
	case HTTP_TOO_LARGE:
		return refuse(u, WS_UPGRADE_TOO_LARGE,
		    "the request is longer than 8192 bytes");
	case HTTP_MALFORMED:
		break;
	}
	other = u->head.lines == 0 && first.len > 0 ? name_first(first) : NULL;
	if (other != NULL)
		return malformed(u, other);
	snprintf(line, sizeof(line), "line %u", u->head.lines + 1);
	show(u, RANK_LINE, slice_str(line));
	return malformed(u, u->head.why);
}

void
ws_upgrade_init(struct ws_upgrade *u, const struct ws_policy *policy)
{
	memset(u, 0, sizeof(*u));
	u->policy = policy;
	http_head_init(&u->head, WS_UPGRADE_MAX);
}

enum parse
ws_upgrade_parse(struct ws_upgrade *u, struct slice in, size_t *used)
{
	size_t before = u->head.total;
	enum parse p = u->text == NULL ? PARSE_OK : PARSE_BAD;

	while (p == PARSE_OK && (u->has & HAS_END) == 0)
		p = take_line(u, &in);
	*used = u->head.total - before;
	return p;
}

/*
 * The answer.
 */

/* Sec-WebSocket-Accept (RFC 6455 4.2.2 item 5.4). */
static void
write_accept_key(const struct ws_upgrade *u, char *out)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t in[WS_KEY_LEN + sizeof(guid) - 1];
	uint8_t digest[SHA_DIGEST_LENGTH];

	memcpy(in, u->key, WS_KEY_LEN);
	memcpy(in + WS_KEY_LEN, guid, sizeof(guid) - 1);
	SHA1(in, sizeof(in), digest);
	encode_base64(out, slice_make(digest, sizeof(digest)));
}

static int
write_accept(const struct ws_upgrade *u, char *out)
{
	char key[ENCODE_BASE64_LEN(SHA_DIGEST_LENGTH) + 1];

	write_accept_key(u, key);
	return snprintf(out, WS_ANSWER_MAX,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n"
	    "Sec-WebSocket-Protocol: %s\r\n\r\n",
	    key, subprotocols[u->subprotocol]);
}

/* The page for browsers. A browser asks for a client certificate when it opens
 * a page, but not when it opens a WebSocket; so a user has to visit the same
 * host and port once. */
static const char page[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<title>MQTT over WebSocket</title>"
    "<p>This port speaks MQTT over WebSocket. You see this page because your "
    "browser's certificate was accepted: pages may now connect to wss:// on "
    "this host and port. If no certificate was asked for, see the browser's "
    "settings for certificates.\n";

static int
write_page(const struct ws_upgrade *u, char *out)
{
	const struct answer *a = &answers[u->result];

	return snprintf(out, WS_ANSWER_MAX,
	    "HTTP/1.1 %d %s\r\n%sConnection: close\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    a->status, a->phrase, a->headers, strlen(page), page);
}

static int
write_refusal(const struct ws_upgrade *u, char *out)
{
	const struct answer *a = &answers[u->result];

	if (u->result == WS_UPGRADE_PAGE)
		return write_page(u, out);
	return snprintf(out, WS_ANSWER_MAX,
	    "HTTP/1.1 %d %s\r\n%sConnection: close\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
	    a->status, a->phrase, a->headers, strlen(u->text) + 1, u->text);
}

size_t
ws_upgrade_answer(const struct ws_upgrade *u, char *out)
{
	int n = u->result == WS_UPGRADE_ACCEPTED ? write_accept(u, out)
						 : write_refusal(u, out);

	assert(n > 0 && n < WS_ANSWER_MAX);
	return (size_t)n;
}

const char *
ws_upgrade_detail(const struct ws_upgrade *u, char out[WS_DETAIL_MAX])
{
	static const uint8_t ranks[WS_UPGRADE_COUNT] = {
		[WS_UPGRADE_MALFORMED] = RANK_LINE,
		[WS_UPGRADE_ORIGIN] = RANK_ORIGIN,
		[WS_UPGRADE_PATH] = RANK_PATH,
		[WS_UPGRADE_METHOD] = RANK_METHOD,
		[WS_UPGRADE_REQUIRED] = RANK_VERSION,
		[WS_UPGRADE_SUBPROTOCOL] = RANK_SUBPROTOCOL,
	};

	if (u->text == NULL)
		return NULL;
	if (u->shown_rank == RANK_NONE || u->shown_rank != ranks[u->result] ||
	    u->shown_len == 0)
		snprintf(out, WS_DETAIL_MAX, "%s", u->text);
	else
		snprintf(out, WS_DETAIL_MAX, "%s: %.*s", u->text, u->shown_len,
		    u->shown);
	return out;
}

enum reason
ws_upgrade_reason(enum ws_upgrade_result result)
{
	return answers[result].reason;
}
