/*
 * The upgrade request, line by line. Each header that matters is a row of
 * `headers'; what they add up to is judged at the empty line, so that the
 * most telling status is given whatever the order of the lines. Only a line
 * that is not HTTP at all is refused at once.
 */
#include "ws/upgrade.h"

#include <stdbool.h>
#include <string.h>

#include "ws/text.h"

/* Bits of struct ws_upgrade.has. */
enum has {
	HAS_REQUEST_LINE = 1 << 0,
	HAS_GET = 1 << 1,
	HAS_PATH = 1 << 2,
	HAS_HOST = 1 << 3,
	HAS_UPGRADE = 1 << 4, /* Upgrade lists websocket */
	HAS_CONNECTION = 1 << 5, /* Connection lists upgrade */
	HAS_VERSION = 1 << 6,
	HAS_VERSION_13 = 1 << 7,
	HAS_KEY = 1 << 8,
	HAS_ORIGIN = 1 << 9,
	HAS_ORIGIN_ALIEN = 1 << 10, /* not one of the policy's */
	HAS_BODY = 1 << 11,
	HAS_END = 1 << 12
};

static enum parse
refuse(struct ws_upgrade *u, enum ws_verdict verdict, const char *text)
{
	u->verdict = verdict;
	u->text = text;
	return PARSE_BAD;
}

static enum parse
malformed(struct ws_upgrade *u, const char *text)
{
	return refuse(u, WS_VERDICT_MALFORMED, text);
}

/* The header rows' functions get the trimmed value. */

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
	return PARSE_OK;
}

static enum parse
take_upgrade(struct ws_upgrade *u, struct slice value)
{
	if (ws_text_lists(value, "websocket"))
		u->has |= HAS_UPGRADE;
	return PARSE_OK;
}

static enum parse
take_connection(struct ws_upgrade *u, struct slice value)
{
	if (ws_text_lists(value, "upgrade"))
		u->has |= HAS_CONNECTION;
	return PARSE_OK;
}

static enum parse
take_version(struct ws_upgrade *u, struct slice value)
{
	if (ws_text_same(value, "13"))
		u->has |= HAS_VERSION_13;
	return PARSE_OK;
}

static enum parse
take_key(struct ws_upgrade *u, struct slice value)
{
	size_t i;

	if (value.len != WS_KEY_LEN || memcmp(value.data + 22, "==", 2) != 0)
		return malformed(u, "Sec-WebSocket-Key is not 16 bytes");
	for (i = 0; i < WS_KEY_LEN - 2; i++) {
		if (!ws_text_alnum(value.data[i]) && value.data[i] != '+' &&
		    value.data[i] != '/')
			return malformed(u, "Sec-WebSocket-Key is not base64");
	}
	memcpy(u->key, value.data, WS_KEY_LEN);
	return PARSE_OK;
}

/* Our subprotocol that goes by this name. */
static enum ws_subprotocol
find_subprotocol(struct slice word)
{
	if (ws_text_same(word, ws_subprotocol_name(WS_SUBPROTOCOL_MQTT)))
		return WS_SUBPROTOCOL_MQTT;
	if (ws_text_same(word, ws_subprotocol_name(WS_SUBPROTOCOL_MQTTV31)))
		return WS_SUBPROTOCOL_MQTTV31;
	return WS_SUBPROTOCOL_NONE;
}

/* A list, and the header may be repeated: the best of all counts. That names
 * may differ in letter case is nowhere said, so they may not. */
static enum parse
take_subprotocol(struct ws_upgrade *u, struct slice value)
{
	enum ws_subprotocol found;
	struct slice word;

	while (value.len > 0) {
		word = ws_text_trim(ws_text_cut(&value, ','));
		if (word.len > 0 && !ws_text_token(word))
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
	size_t i;

	for (i = 0; i < u->policy->origin_count; i++) {
		if (ws_text_same_nocase(value, u->policy->origins[i]))
			return PARSE_OK;
	}
	if (u->policy->origin_count > 0)
		u->has |= HAS_ORIGIN_ALIEN;
	return PARSE_OK;
}

static enum parse
take_content_length(struct ws_upgrade *u, struct slice value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return malformed(u, "Content-Length is not a number");
		if (value.data[i] != '0')
			u->has |= HAS_BODY;
	}
	if (value.len == 0)
		return malformed(u, "Content-Length is empty");
	return PARSE_OK;
}

static enum parse
take_transfer_encoding(struct ws_upgrade *u, struct slice value)
{
	(void)value;
	u->has |= HAS_BODY;
	return PARSE_OK;
}

static const struct header {
	const char *name;
	unsigned once; /* the bit that tells of a second one; 0: may repeat */
	enum parse (*take)(struct ws_upgrade *u, struct slice value);
} headers[] = {
	{ "Host", HAS_HOST, take_host },
	{ "Upgrade", 0, take_upgrade },
	{ "Connection", 0, take_connection },
	{ "Sec-WebSocket-Version", HAS_VERSION, take_version },
	{ "Sec-WebSocket-Key", HAS_KEY, take_key },
	{ "Sec-WebSocket-Protocol", 0, take_subprotocol },
	{ "Origin", HAS_ORIGIN, take_origin },
	{ "Content-Length", 0, take_content_length },
	{ "Transfer-Encoding", 0, take_transfer_encoding },
};

static enum parse
take_header(struct ws_upgrade *u, struct slice line)
{
	struct slice value = line;
	struct slice name = ws_text_cut(&value, ':');
	size_t i;

	if (name.len == line.len || !ws_text_token(name))
		return malformed(u, "a line is not `name: value'");
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (!ws_text_same_nocase(name, headers[i].name))
			continue;
		if ((u->has & headers[i].once) != 0)
			return malformed(u,
			    "a header that stands once came "
			    "twice");
		u->has |= headers[i].once;
		return headers[i].take(u, ws_text_trim(value));
	}
	return PARSE_OK;
}

/* The path and query of a target that names scheme and host (4.2.1 item 1);
 * any other target as it is. */
static struct slice
strip_authority(struct slice target)
{
	struct slice rest = target;
	struct slice scheme = ws_text_cut(&rest, ':');
	size_t i;

	if ((!ws_text_same_nocase(scheme, "http") &&
		!ws_text_same_nocase(scheme, "https")) ||
	    rest.len < 2 || memcmp(rest.data, "//", 2) != 0)
		return target;
	for (i = 2; i < rest.len && rest.data[i] != '/'; i++)
		;
	return slice_make(rest.data + i, rest.len - i);
}

static enum parse
take_target(struct ws_upgrade *u, struct slice target)
{
	size_t i;

	for (i = 0; i < target.len; i++) {
		if (target.data[i] <= ' ' || target.data[i] >= 0x7f ||
		    target.data[i] == '#')
			return malformed(u, "the target is not a path");
	}
	if (target.len == 0)
		return malformed(u, "the target is empty");
	target = strip_authority(target);
	if (ws_text_same(ws_text_cut(&target, '?'), u->policy->path))
		u->has |= HAS_PATH;
	return PARSE_OK;
}

static enum parse
take_request_line(struct ws_upgrade *u, struct slice line)
{
	struct slice method = ws_text_cut(&line, ' ');
	struct slice target = ws_text_cut(&line, ' ');

	u->has |= HAS_REQUEST_LINE;
	if (!ws_text_token(method) || !ws_text_same(line, "HTTP/1.1"))
		return malformed(u,
		    "the first line is not `GET path HTTP/1.1'");
	if (ws_text_same(method, "GET"))
		u->has |= HAS_GET;
	return take_target(u, target);
}

/* All lines are in: what do they add up to? The order makes the first
 * complaint the one that helps most. */
static enum parse
judge(struct ws_upgrade *u)
{
	u->has |= HAS_END;
	if ((u->has & HAS_GET) == 0)
		return refuse(u, WS_VERDICT_METHOD, "only GET is answered");
	if ((u->has & HAS_PATH) == 0)
		return refuse(u, WS_VERDICT_PATH, "nothing is at this path");
	if ((u->has & HAS_BODY) != 0)
		return malformed(u, "a request with a body");
	if ((u->has & HAS_HOST) == 0)
		return malformed(u, "Host is missing");
	if ((u->has & HAS_UPGRADE) == 0 || (u->has & HAS_CONNECTION) == 0)
		return refuse(u, WS_VERDICT_UPGRADE,
		    "MQTT over WebSocket is spoken here: Upgrade: websocket "
		    "and Connection: Upgrade are needed");
	if ((u->has & HAS_VERSION_13) == 0)
		return refuse(u, WS_VERDICT_UPGRADE,
		    "Sec-WebSocket-Version: 13 is needed");
	if ((u->has & HAS_KEY) == 0)
		return malformed(u, "Sec-WebSocket-Key is missing");
	if ((u->has & HAS_ORIGIN_ALIEN) != 0)
		return refuse(u, WS_VERDICT_ORIGIN, "not from this Origin");
	if (u->subprotocol == WS_SUBPROTOCOL_NONE)
		return refuse(u, WS_VERDICT_SUBPROTOCOL,
		    "Sec-WebSocket-Protocol: mqtt is needed");
	return PARSE_OK;
}

static enum parse
take_line(struct ws_upgrade *u, struct slice line)
{
	if ((u->has & HAS_REQUEST_LINE) == 0)
		return take_request_line(u, line);
	if (line.len == 0)
		return judge(u);
	return take_header(u, line);
}

/* Is `in', up to its byte `i', still the beginning of a line? OK: `i' ends
 * it. */
static enum parse
look(struct ws_upgrade *u, struct slice in, size_t i)
{
	uint8_t c = in.data[i];
	bool after_cr = i > 0 && in.data[i - 1] == '\r';

	if (u->total + i >= WS_UPGRADE_MAX)
		return refuse(u, WS_VERDICT_TOO_LARGE,
		    "more than 8192 bytes of header");
	if (after_cr != (c == '\n'))
		return malformed(u, "a line does not end in CR LF");
	if (c == '\n')
		return PARSE_OK;
	if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
		return malformed(u, "a control byte");
	return PARSE_MORE;
}

/* The next line, without its CR LF, off the front of `in'. */
static enum parse
next_line(struct ws_upgrade *u, struct slice *in, struct slice *line)
{
	enum parse p = PARSE_MORE;

	while (p == PARSE_MORE && u->seen < in->len)
		p = look(u, *in, u->seen++);
	if (p != PARSE_OK)
		return p;
	*line = slice_make(in->data, u->seen - 2);
	*in = slice_make(in->data + u->seen, in->len - u->seen);
	u->total += u->seen;
	u->seen = 0;
	return PARSE_OK;
}

void
ws_upgrade_init(struct ws_upgrade *u, const struct ws_policy *policy)
{
	memset(u, 0, sizeof(*u));
	u->policy = policy;
}

enum parse
ws_upgrade_parse(struct ws_upgrade *u, struct slice in, size_t *used)
{
	size_t before = u->total;
	struct slice line;
	enum parse p = PARSE_OK;

	if (u->text != NULL)
		p = PARSE_BAD;
	while (p == PARSE_OK && (u->has & HAS_END) == 0) {
		p = next_line(u, &in, &line);
		if (p == PARSE_OK)
			p = take_line(u, line);
	}
	*used = u->total - before;
	return p;
}

const char *
ws_subprotocol_name(enum ws_subprotocol subprotocol)
{
	static const char *const names[] = {
		[WS_SUBPROTOCOL_NONE] = "",
		[WS_SUBPROTOCOL_MQTTV31] = "mqttv3.1",
		[WS_SUBPROTOCOL_MQTT] = "mqtt",
	};

	return names[subprotocol];
}
