/* SPDX-License-Identifier: ISC */
#include "ws_rig.h"

#include <stdlib.h>

void
rig_init(struct rig *r, struct kit_bytes in, size_t behind)
{
	r->loop = loop_new();
	wsk_lower_init(&r->lower, in);
	r->lower.arrived = r->lower.taken = behind;
	r->ws = ws_stream_new(r->loop, &r->lower.stream,
	    slice_make(in.data, behind));
	wsk_owner_init(&r->owner, r->ws);
}

void
rig_fini(struct rig *r)
{
	if (r->lower.closes == 0)
		stream_close(r->ws);
	if (r->lower.closes != 1)
		abort();
	script_turn(r->loop);
	loop_free(r->loop);
	wsk_owner_fini(&r->owner);
	script_fini(&r->lower);
}
