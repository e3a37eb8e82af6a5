/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the HTTP request that opens a WebSocket: the verdict must not
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
	enum parse verdict = PARSE_MORE;
	size_t from = 0, end = 0, used;

	ws_upgrade_init(u, &policy);
	while (verdict == PARSE_MORE && end < in.len) {
		end = in.len - end < step ? in.len : end + step;
		verdict = ws_upgrade_parse(u,
		    slice_make(in.data + from, end - from), &used);
		must(used <= end - from);
		from += used;
	}
	return verdict;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct ws_upgrade whole, cut;
	enum parse verdict = read_cut(&whole, in, size);

	must(read_cut(&cut, in, 1) == verdict);
	must(cut.verdict == whole.verdict);
	must(read_cut(&cut, in, 7) == verdict);
	must(cut.verdict == whole.verdict);
	if (verdict == PARSE_BAD)
		must(whole.text != NULL);
	return 0;
}
