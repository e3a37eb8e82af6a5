/* SPDX-License-Identifier: ISC */
/*
 * The byte queue: what goes in comes out, the cap holds, the headroom is
 * always there, and an empty queue owns nothing.
 */
#include "base/buf.h"

#include "tap.h"

static void
test_order(void)
{
	struct buf b;
	uint8_t in = 0;
	uint8_t out = 0;
	bool same = true;
	bool room = true;
	int i;
	int n;

	buf_init(&b, 0);
	for (i = 0; i < 2000; i++) {
		for (n = 0; n < i % 37 + 1; n++) {
			if (buf_append(&b, &in, 1) != OK)
				same = false;
			in++;
		}
		room = room && b.head >= BUF_HEADROOM;
		for (n = 0; n < i % 31 && buf_len(&b) > 0; n++) {
			same = same && *buf_data(&b) == out++;
			buf_consume(&b, 1);
		}
	}
	while (buf_len(&b) > 0) {
		same = same && *buf_data(&b) == out++;
		buf_consume(&b, 1);
	}
	ok(same, "bytes come out as they went in");
	ok(room, "there is always headroom");
	ok(b.mem == NULL, "an empty queue owns nothing");
	buf_fini(&b);
}

static void
test_cap(void)
{
	uint8_t data[100] = { 0 };
	struct buf b;

	buf_init(&b, 150);
	is_int(buf_append(&b, data, 100), OK, "under the cap");
	is_int(buf_append(&b, data, 51), ERR_LIMIT, "one over the cap");
	is_int((long long)buf_len(&b), 100, "nothing of it was taken");
	is_int(buf_append(&b, data, 50), OK, "up to the cap");
	is_int((long long)b.size, BUF_HEADROOM + 150,
	    "no more memory than the cap needs");
	ok(buf_reserve(&b, 1) == NULL, "no room beyond it");
	buf_consume(&b, 60);
	is_int(buf_append(&b, data, 60), OK, "consumed bytes make room");
	ok(buf_reserve(&b, SIZE_MAX - 10) == NULL, "a size that would wrap");
	buf_fini(&b);
	buf_init(&b, 0);
	ok(buf_reserve(&b, SIZE_MAX - 10) == NULL, "and without a cap");
	is_int(buf_append(&b, NULL, 0), OK, "nothing is fine");
	is_int((long long)buf_slice(&b).len, 0, "an empty slice");
	buf_fini(&b);
}

int
main(void)
{
	test_order();
	test_cap();
	return done_testing();
}
