/*
 * The TLS library's generator: fast, per thread, seeded by the kernel.
 */
#include "tls/random.h"

#include <openssl/rand.h>

void
tls_random(uint8_t *out, size_t len)
{
	RAND_bytes(out, len);
}
