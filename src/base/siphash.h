/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for tables whose
 * keys strangers choose. With a fixed key it is also a good stable hash.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/slice.h"

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

/* A key nobody can guess, from the kernel. */
struct siphash_key siphash_key_random(void);

/* The hash of `in' under `key'. */
uint64_t siphash(const struct siphash_key *key, struct slice in);

#endif
