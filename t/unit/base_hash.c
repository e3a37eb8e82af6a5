/* SPDX-License-Identifier: ISC */
/*
 * Hash functions against the vectors of their authors.
 */
#include "base/hash.h"

#include "tap.h"

static void
test_keyed(void)
{
	/* Of the reference implementation: key 00..0f, input 00..n-1. */
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31u },
		{ 1, 0x74f839c593dc67fdu },
		{ 7, 0xab0200f58b01d137u },
		{ 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u },
		{ 16, 0x3f2acc7f57c29bdbu },
		{ 63, 0x958a324ceb064572u },
	};
	static const struct hash_key key = { 0x0706050403020100u,
		0x0f0e0d0c0b0a0908u };
	struct hash_key a = hash_key_random();
	struct hash_key b = hash_key_random();
	uint8_t data[64];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(hash_keyed(&key, slice_make(data, rows[i].len)) ==
			rows[i].want,
		    "%zu bytes", rows[i].len);
	ok(a.k0 != b.k0 || a.k1 != b.k1, "random keys differ");
}

static void
test_fnv(void)
{
	ok(hash_fnv(HASH_FNV_BEGIN, slice_str("")) == 0xcbf29ce484222325u,
	    "FNV-1a of nothing");
	ok(hash_fnv(HASH_FNV_BEGIN, slice_str("a")) == 0xaf63dc4c8601ec8cu,
	    "of one byte");
	ok(hash_fnv(HASH_FNV_BEGIN, slice_str("foobar")) == 0x85944171f73967e8u,
	    "of six");
	ok(hash_fnv(hash_fnv(HASH_FNV_BEGIN, slice_str("foo")),
	       slice_str("bar")) == 0x85944171f73967e8u,
	    "of six in two parts");
}

/* The first numbers of splitmix64 from 1234567, as its author gives them. */
static void
test_next(void)
{
	uint64_t state = 1234567;

	ok(hash_next(&state) == UINT64_C(6457827717110365317), "splitmix64");
	ok(hash_next(&state) == UINT64_C(3203168211198807973), "its second");
	ok(hash_mix(1) != hash_mix(2), "mixing keeps numbers apart");
}

int
main(void)
{
	test_keyed();
	test_fnv();
	test_next();
	return done_testing();
}
