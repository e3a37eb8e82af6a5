/* SPDX-License-Identifier: ISC */
/*
 * One WebSocket stream under test with all around it. The checks are here, not
 * in ws_rig.c, because tap.h counts in the file that includes it.
 */
#ifndef UNIT_WS_RIG_H
#define UNIT_WS_RIG_H

#include "tap.h"
#include "ws/stream_ws.h"
#include "ws_kit.h"

/* Room for what wsk_split() says of the frames a test makes. */
#define EVENTS_MAX 4000

struct rig {
	struct loop *loop;
	struct script lower;
	struct stream *ws;
	struct wsk_owner owner;
};

/* `in' (moved) will come; the first `behind' bytes came with the request. */
void rig_init(struct rig *r, struct kit_bytes in, size_t behind);

/* Closes what the test has not, and sees that it closes what is beneath. */
void rig_fini(struct rig *r);

/* Are the server's frames so far whole, and these (see wsk_split())? */
static inline void
rig_check_out(struct rig *r, const char *want, const char *name)
{
	struct kit_bytes data = { NULL, 0 };
	char events[EVENTS_MAX];

	ok(wsk_split(&r->lower.out, &data, events, sizeof(events)),
	    "%s: whole frames went out", name);
	is_str(events, want, "%s: they were '%s'", name, want);
	kit_free(&data);
}

/* Is this what the owner has read? */
static inline void
rig_check_got(struct rig *r, const void *want, size_t len, const char *name)
{
	is_mem(r->owner.got.data, r->owner.got.len, want, len, "%s: data",
	    name);
}

#endif
