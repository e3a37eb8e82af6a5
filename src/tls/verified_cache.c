/*
 * A table of SHA-256 hashes, two places for each. The hashes are of
 * certificates that CAs signed, so their bits need no further mixing.
 */
#include "tls/verified_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 4096 /* 128 KiB */

struct tls_verified_cache {
	pthread_mutex_t lock;
	uint8_t hashes[SLOTS][CERT_SHA256_LEN];
};

struct tls_verified_cache *
tls_verified_cache_new(void)
{
	struct tls_verified_cache *s = calloc(1, sizeof(*s));

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
tls_verified_cache_free(struct tls_verified_cache *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The first of the two places of `hash'. */
static uint8_t (
    *place(struct tls_verified_cache *s, const uint8_t *hash))[CERT_SHA256_LEN]
{
	unsigned i = ((unsigned)hash[0] << 8 | hash[1]) % SLOTS;

	return &s->hashes[i & ~1u];
}

bool
tls_verified_cache_has(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);
	bool has;

	pthread_mutex_lock(&s->lock);
	has = memcmp(p[0], hash, CERT_SHA256_LEN) == 0 ||
	    memcmp(p[1], hash, CERT_SHA256_LEN) == 0;
	pthread_mutex_unlock(&s->lock);
	return has;
}

void
tls_verified_cache_add(struct tls_verified_cache *s,
    const uint8_t hash[CERT_SHA256_LEN])
{
	uint8_t(*p)[CERT_SHA256_LEN] = place(s, hash);

	pthread_mutex_lock(&s->lock);
	memcpy(p[1], p[0], CERT_SHA256_LEN);
	memcpy(p[0], hash, CERT_SHA256_LEN);
	pthread_mutex_unlock(&s->lock);
}
