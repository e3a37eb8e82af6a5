#include "ws/answer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"

#define SHA1_LEN 20

static const struct {
	int status;
	enum reason reason;
	const char *phrase;
	const char *headers;
} answers[] = {
	[WS_VERDICT_ACCEPT] = { 101, REASON_NONE, "Switching Protocols", "" },
	[WS_VERDICT_MALFORMED] = { 400, REASON_WS_MALFORMED, "Bad Request",
	    "" },
	[WS_VERDICT_ORIGIN] = { 403, REASON_WS_ORIGIN, "Forbidden", "" },
	[WS_VERDICT_PATH] = { 404, REASON_WS_PATH, "Not Found", "" },
	[WS_VERDICT_METHOD] = { 405, REASON_WS_METHOD, "Method Not Allowed",
	    "Allow: GET\r\n" },
	[WS_VERDICT_UPGRADE] = { 426, REASON_WS_UPGRADE, "Upgrade Required",
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n" },
	[WS_VERDICT_SUBPROTOCOL] = { 400, REASON_WS_UPGRADE, "Bad Request",
	    "" },
	[WS_VERDICT_TOO_LARGE] = { 431, REASON_WS_TOO_LARGE,
	    "Request Header Fields Too Large", "" },
};

/* Sec-WebSocket-Accept (RFC 6455 4.2.2 item 5.4). */
static void
write_accept_key(const struct ws_upgrade *u, char *out)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t in[WS_KEY_LEN + sizeof(guid) - 1];
	uint8_t digest[SHA1_LEN];

	memcpy(in, u->key, WS_KEY_LEN);
	memcpy(in + WS_KEY_LEN, guid, sizeof(guid) - 1);
	u->policy->sha1(digest, in, sizeof(in));
	encode_base64(out, slice_make(digest, sizeof(digest)));
}

static int
write_accept(const struct ws_upgrade *u, char *out)
{
	char key[ENCODE_BASE64_LEN(SHA1_LEN) + 1];

	write_accept_key(u, key);
	return snprintf(out, WS_ANSWER_MAX,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n"
	    "Sec-WebSocket-Protocol: %s\r\n\r\n",
	    key, ws_subprotocol_name(u->subprotocol));
}

static int
write_refusal(const struct ws_upgrade *u, char *out)
{
	return snprintf(out, WS_ANSWER_MAX,
	    "HTTP/1.1 %d %s\r\n%sConnection: close\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
	    answers[u->verdict].status, answers[u->verdict].phrase,
	    answers[u->verdict].headers, strlen(u->text) + 1, u->text);
}

size_t
ws_answer_write(const struct ws_upgrade *u, char *out)
{
	int n = u->verdict == WS_VERDICT_ACCEPT ? write_accept(u, out)
						: write_refusal(u, out);

	assert(n > 0 && n < WS_ANSWER_MAX);
	return (size_t)n;
}

enum reason
ws_answer_reason(enum ws_verdict verdict)
{
	return answers[verdict].reason;
}

int
ws_answer_status(enum ws_verdict verdict)
{
	return answers[verdict].status;
}
