/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the HTTP request that opens a WebSocket: the result must not
 * depend on how the bytes were cut.
 */
#include "fuzz/fuzz.h"
#include "ws/upgrade.h"

static const char *origins[] = { "https://example.org" };
static const struct ws_policy policy = {
	.path = "/mqtt",
	.origins = origins,
	.origin_count = 1,
};

/* The request read with `step' more bytes at hand each time. */
static enum parse
read_cut(struct ws_upgrade *u, struct slice in, size_t step)
{
	enum parse parsed = PARSE_MORE;
	size_t from = 0, end = 0, used;

	ws_upgrade_init(u, &policy);
	while (parsed == PARSE_MORE && end < in.len) {
		end = in.len - end < step ? in.len : end + step;
		parsed = ws_upgrade_parse(u,
		    slice_make(in.data + from, end - from), &used);
		must(used <= end - from);
		from += used;
	}
	return parsed;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct ws_upgrade whole, cut;
	enum parse parsed = read_cut(&whole, in, size);

	must(read_cut(&cut, in, 1) == parsed);
	must(cut.result == whole.result);
	must(read_cut(&cut, in, 7) == parsed);
	must(cut.result == whole.result);
	if (parsed == PARSE_BAD)
		must(whole.text != NULL);
	return 0;
}
