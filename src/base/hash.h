/* SPDX-License-Identifier: ISC */
/*
 * Hash functions. hash_keyed() for tables whose keys a stranger chooses;
 * hash_fnv() where no peer gains from a collision; hash_mix() to spread the
 * bits of a number.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

/* A key from the kernel's random numbers: impossible to guess. */
struct hash_key hash_key_random(void);

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of `in' under `key'. With a fixed
 * key it is a good stable hash. */
uint64_t hash_keyed(const struct hash_key *key, struct slice in);

/* The value hash_fnv() begins with. */
#define HASH_FNV_BEGIN UINT64_C(0xcbf29ce484222325)

/* One byte of FNV-1a, 64 bits. */
static inline uint64_t
hash_fnv_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

/* Continues the FNV-1a `hash' over `in'. */
static inline uint64_t
hash_fnv(uint64_t hash, struct slice in)
{
	size_t i;

	for (i = 0; i < in.len; i++)
		hash = hash_fnv_byte(hash, in.data[i]);
	return hash;
}

/* Spreads the bits of `x': the finalizer of splitmix64. Equal only for equal
 * numbers. */
static inline uint64_t
hash_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The next number of the sequence in *state (splitmix64): good for jitter,
 * easy to predict. */
static inline uint64_t
hash_next(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(*state);
}

#endif
