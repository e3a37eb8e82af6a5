/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a running MQTT stream: the walk must find the same packets
 * however the bytes are cut.
 */
#include "base/slice.h"
#include "fuzz/fuzz.h"
#include "mqtt/packet.h"

struct found {
	size_t packets;
	size_t sum; /* of their offsets */
	bool bad;
};

static void
walk(struct mqtt_cursor *c, struct slice chunk, size_t base, struct found *f)
{
	enum mqtt_cursor_stop stop;
	size_t pos = 0;

	while (!f->bad) {
		stop = mqtt_cursor_walk(c, chunk, &pos, MQTT_CURSOR_AT_ANY);
		must(pos <= chunk.len);
		if (stop == MQTT_CURSOR_END) {
			must(pos == chunk.len);
			return;
		}
		f->bad = stop == MQTT_CURSOR_BAD;
		if (f->bad)
			return;
		must(pos < chunk.len && mqtt_cursor_at_boundary(c));
		f->packets++;
		f->sum += base + pos;
		(void)mqtt_cursor_walk(c, slice_make(chunk.data, pos + 1), &pos,
		    0);
		;
	}
}

static struct found
walk_all(const uint8_t *data, size_t size, size_t step)
{
	struct found f = { 0, 0, false };
	struct mqtt_cursor c;
	size_t pos, len;

	mqtt_cursor_init(&c);
	for (pos = 0; pos < size; pos += len) {
		len = size - pos < step ? size - pos : step;
		walk(&c, slice_make(data + pos, len), pos, &f);
	}
	return f;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found whole = walk_all(data, size, size);
	size_t step;

	for (step = 1; step <= 3; step++) {
		struct found cut = walk_all(data, size, step);

		must(cut.bad == whole.bad);
		must(cut.packets == whole.packets && cut.sum == whole.sum);
	}
	return 0;
}
