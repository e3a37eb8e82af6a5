/* SPDX-License-Identifier: ISC */
/*
 * The HTTP/1.1 request that opens a WebSocket and the answer to it (RFC 6455
 * section 4.2, RFC 9112, MQTT 5.0 section 6). Pure: bytes in, result and
 * answer out; ws/open does the reading and writing.
 *
 * This is not an HTTP server: no request body, no keep-alive, no WebSocket
 * extension, no percent-decoding of the path. A header field that may occur
 * only once is refused when it occurs twice.
 */
#ifndef WS_UPGRADE_H
#define WS_UPGRADE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/http.h"
#include "base/slice.h"
#include "domain/reason.h"

/* The longest request, from its first byte to the end of the empty line. */
#define WS_UPGRADE_MAX 8192

/* What a listener requires of a request. Everything is borrowed. */
struct ws_policy {
	/* The path without query; compared byte by byte. */
	const char *path;
	/* Accepted values of the Origin header, compared in any letter case.
	 * If there are none, every Origin is accepted. A request without
	 * Origin does not come from a browser and is always accepted: the
	 * check protects users whose browser is misused (10.2). Also accepted
	 * is the request's own origin, https:// or wss:// and the value of
	 * Host, which Paho's clients send: a page of that origin was served by
	 * us, since its server has a certificate for that name. */
	const char **origins;
	size_t origin_count;
};

/* The result for a request; upgrade.c has one row for each. */
enum ws_upgrade_result {
	WS_UPGRADE_ACCEPTED, /* 101 */
	WS_UPGRADE_MALFORMED, /* 400 */
	WS_UPGRADE_ORIGIN, /* 403 */
	WS_UPGRADE_PATH, /* 404 */
	WS_UPGRADE_METHOD, /* 405 */
	WS_UPGRADE_REQUIRED, /* 426: not an upgrade, or not to version 13 */
	WS_UPGRADE_PAGE, /* 200: a browser opened https://HOST:PORT/ */
	WS_UPGRADE_SUBPROTOCOL, /* 400: no supported one was offered */
	WS_UPGRADE_TOO_LARGE, /* 431 */
	WS_UPGRADE_COUNT
};

/* The supported subprotocols; a greater value is preferred. */
enum ws_subprotocol {
	WS_SUBPROTOCOL_NONE,
	WS_SUBPROTOCOL_MQTTV31, /* "mqttv3.1": stacks older than MQTT 3.1.1 */
	WS_SUBPROTOCOL_MQTT /* "mqtt" */
};

/* Characters of a Sec-WebSocket-Key: 16 bytes in base64. */
#define WS_KEY_LEN 24

/* The longest value of Host that is compared with an Origin. */
#define WS_HOST_MAX 256

/* Room for what a refusal shows of the request. */
#define WS_SHOWN_MAX 96

/* Room for ws_upgrade_detail(). */
#define WS_DETAIL_MAX 256

/* A request that is being read. */
struct ws_upgrade {
	const struct ws_policy *policy; /* borrowed */
	struct http_head head;
	unsigned has; /* what the lines so far contained: enum has */
	enum ws_subprotocol subprotocol; /* the best one offered */
	enum ws_upgrade_result result;
	const char *text; /* static; why it was refused; else NULL */
	uint8_t key[WS_KEY_LEN];
	uint8_t host[WS_HOST_MAX]; /* Host, or that of Origin: the first */
	size_t host_len;
	uint8_t shown_rank; /* enum rank: what `shown' is */
	uint8_t shown_len;
	char shown[WS_SHOWN_MAX]; /* the piece of the request at fault */
};

/* Prepares `u' for the first byte of a request; `policy' must outlive it. */
void ws_upgrade_init(struct ws_upgrade *u, const struct ws_policy *policy);

/*
 * Continues to read. Complete lines are consumed and not examined again;
 * `*used' is set to their length. PARSE_MORE: give the rest again, at the
 * front of the next `in', with more bytes appended. PARSE_OK: the request is
 * accepted, and the bytes after `*used' are WebSocket frames. PARSE_BAD:
 * result and text are set. They do not depend on how the bytes were
 * divided into calls. After PARSE_OK or PARSE_BAD the result stays the same.
 */
enum parse ws_upgrade_parse(struct ws_upgrade *u, struct slice in,
    size_t *used);

/* Writes the reason of a refusal for the log, with the piece of the request
 * that is at fault. It is not escaped. Returns `out'. */
const char *ws_upgrade_detail(const struct ws_upgrade *u,
    char out[WS_DETAIL_MAX]);

/* The longest answer. */
#define WS_ANSWER_MAX 1024

/*
 * Writes the answer to a request that was read to PARSE_OK or PARSE_BAD: 101,
 * or the refusal with a line of help and "Connection: close". `out' has room
 * for WS_ANSWER_MAX bytes. Returns the length of the answer.
 */
size_t ws_upgrade_answer(const struct ws_upgrade *u, char *out);

/* The close reason of a result; REASON_NONE for WS_UPGRADE_ACCEPTED. */
enum reason ws_upgrade_reason(enum ws_upgrade_result result);

#endif
