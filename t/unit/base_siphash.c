/*
 * SipHash-2-4 against the vectors of its authors.
 */
#include "base/siphash.h"

#include "tap.h"

int
main(void)
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
	static const struct siphash_key key = { 0x0706050403020100u,
		0x0f0e0d0c0b0a0908u };
	struct siphash_key a = siphash_key_random();
	struct siphash_key b = siphash_key_random();
	uint8_t data[64];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(siphash(&key, slice_make(data, rows[i].len)) == rows[i].want,
		    "%zu bytes", rows[i].len);
	ok(a.k0 != b.k0 || a.k1 != b.k1, "random keys differ");
	return done_testing();
}
