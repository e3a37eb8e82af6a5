/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include <sys/random.h>
#include <time.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
rounds(struct state *s, int n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void
mix(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

/* Up to eight bytes, little-endian. */
static uint64_t
load(const uint8_t *p, size_t len)
{
	uint64_t word = 0;
	size_t i;

	for (i = 0; i < len; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

uint64_t
hash_keyed(const struct hash_key *key, struct slice in)
{
	struct state s = {
		key->k0 ^ 0x736f6d6570736575u,
		key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u,
		key->k1 ^ 0x7465646279746573u,
	};
	size_t whole = in.len / 8 * 8;
	size_t i;

	for (i = 0; i < whole; i += 8)
		mix(&s, load(in.data + i, 8));
	mix(&s,
	    (uint64_t)in.len << 56 |
		(in.len > whole ? load(in.data + whole, in.len - whole) : 0));
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct hash_key
hash_key_random(void)
{
	struct hash_key key;
	struct timespec ts;

	/* getrandom() fails only before the kernel's pool is seeded, or under
	 * a filter that forbids it. The clock is then better than nothing. */
	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) == (ssize_t)sizeof(key))
		return key;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	key.k0 = (uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15u;
	key.k1 = (uint64_t)(uintptr_t)&key ^ (uint64_t)ts.tv_sec;
	return key;
}
