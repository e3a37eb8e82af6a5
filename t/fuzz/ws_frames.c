/* SPDX-License-Identifier: ISC */
/*
 * A client's frames over a stream that the input cuts: what is read does not
 * depend on the cuts, what goes out are whole frames, and nothing is held
 * beyond its bounds. The first two bytes seed the cuts.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/loop.h"
#include "unit/ws_kit.h"
#include "ws/stream_ws.h"

struct result {
	struct kit_bytes got;
	ssize_t end;
	enum reason reason;
};

/* Reads it all, in cuts if `seed' is not 0, and writes a little now and then
 * through a window that is mostly shut. */
static void
run(struct result *res, struct loop *loop, const uint8_t *data, size_t size,
    uint32_t seed)
{
	struct kit_bytes in = { NULL, 0 }, out = { NULL, 0 };
	struct script lower;
	struct wsk_owner owner;
	size_t step = size, behind = 0;
	char events[100];
	struct stream *ws;

	kit_add(&in, data, size);
	if (seed != 0)
		behind = kit_random(&seed) % (size + 1);
	wsk_lower_init(&lower, in);
	lower.arrived = lower.taken = behind;
	lower.eof = true;
	ws = ws_stream_new(loop, &lower.stream, slice_make(in.data, behind));
	must(ws != NULL);
	wsk_owner_init(&owner, ws);
	owner.piece = seed == 0 ? 0 : kit_random(&seed) % 50 + 1;
	owner.once = seed % 2 == 1;
	stream_want_read(ws, true);
	while (owner.end == 1) {
		script_turn(loop);
		if (seed != 0) {
			step = kit_random(&seed) % 30 + 1;
			lower.take = kit_random(&seed) % 8;
			(void)wsk_write(ws, (const uint8_t *)"0123456789", 10);
		}
		script_arrive(&lower, step);
		script_drain(&lower, kit_random(&seed) % 8);
	}
	res->reason = ws_stream_reason(ws);
	res->end = owner.end;
	res->got = owner.got;
	lower.take = SIZE_MAX;
	stream_close(ws);
	/* Without cuts nothing is left half sent. */
	must(seed != 0 || wsk_split(&lower.out, &out, events, sizeof(events)));
	kit_free(&out);
	script_fini(&lower);
	script_turn(loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loop *loop = fuzz_loop();
	struct result whole, cut;

	if (size < 2)
		return 0;
	run(&whole, loop, data + 2, size - 2, 0);
	run(&cut, loop, data + 2, size - 2, data[0] * 256u + data[1] + 1u);
	must(whole.end == cut.end && whole.reason == cut.reason);
	must(whole.got.len == cut.got.len);
	must(whole.got.len == 0 ||
	    memcmp(whole.got.data, cut.got.data, whole.got.len) == 0);
	kit_free(&whole.got);
	kit_free(&cut.got);
	return 0;
}
