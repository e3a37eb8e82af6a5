/*
 * The HTTP/1.1 request that opens a WebSocket (RFC 6455 section 4.2, RFC 9112,
 * MQTT 5.0 section 6). Pure: bytes in, verdict out; answer.h has the answers.
 *
 * Strict where leniency has let requests be smuggled: lines end in CRLF, no
 * folding, no space before a colon, no control bytes, and what may stand once
 * stands once. It is not an HTTP server: no body, no keep-alive, no extension,
 * no percent-decoding of the path.
 */
#ifndef WS_UPGRADE_H
#define WS_UPGRADE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* The most bytes from the request's first to the end of its empty line. */
#define WS_UPGRADE_MAX 8192

/* What a listener asks of a request. All borrowed. */
struct ws_policy {
	/* The path without query; compared byte for byte. */
	const char *path;
	/* Values of the Origin header let in; no letter case. None: any. A
	 * request without Origin is not from a browser and always let in,
	 * since there is no user whose browser could be abused (10.2). */
	const char **origins;
	size_t origin_count;
	/* SHA-1 of `len' bytes at `data'. */
	void (*sha1)(uint8_t out[20], const void *data, size_t len);
};

/* What to answer; answer.c has a row for each. */
enum ws_verdict {
	WS_VERDICT_ACCEPT, /* 101 */
	WS_VERDICT_MALFORMED, /* 400 */
	WS_VERDICT_ORIGIN, /* 403 */
	WS_VERDICT_PATH, /* 404 */
	WS_VERDICT_METHOD, /* 405 */
	WS_VERDICT_UPGRADE, /* 426: not an upgrade, or not to version 13 */
	WS_VERDICT_SUBPROTOCOL, /* 400: none we speak was offered */
	WS_VERDICT_TOO_LARGE /* 431 */
};

/* What we speak, the better the greater. */
enum ws_subprotocol {
	WS_SUBPROTOCOL_NONE,
	WS_SUBPROTOCOL_MQTTV31, /* "mqttv3.1": stacks older than MQTT 3.1.1 */
	WS_SUBPROTOCOL_MQTT /* "mqtt" */
};

/* The name it is offered by; static. */
const char *ws_subprotocol_name(enum ws_subprotocol subprotocol);

/* Bytes of a Sec-WebSocket-Key: 16 in base64. */
#define WS_KEY_LEN 24

/* A request half read. */
struct ws_upgrade {
	const struct ws_policy *policy; /* borrowed */
	size_t total; /* bytes of the lines used up */
	size_t seen; /* bytes of the next line looked at already */
	unsigned has; /* what the lines held: bits of upgrade.c */
	enum ws_subprotocol subprotocol; /* the best one offered */
	enum ws_verdict verdict;
	const char *text; /* why, for people; static; NULL when accepted */
	uint8_t key[WS_KEY_LEN];
};

/* Makes `u' ready for a request's first byte; `policy' must outlive it. */
void ws_upgrade_init(struct ws_upgrade *u, const struct ws_policy *policy);

/*
 * Reads on. Whole lines are used up and never looked at again; `*used' says
 * how many bytes they were. On MORE the rest must be given again, at the
 * front of the next `in', with more behind it. OK: the request is good, and
 * bytes behind `*used' are WebSocket frames. BAD: verdict and text say why.
 * The verdict does not depend on how the bytes were cut. After OK or BAD the
 * answer stays the same.
 */
enum parse ws_upgrade_parse(struct ws_upgrade *u, struct slice in,
    size_t *used);

#endif
