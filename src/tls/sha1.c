/*
 * SHA-1 by the TLS library, which uses the processor's instructions for it.
 */
#include "tls/sha1.h"

#include <openssl/sha.h>

void
tls_sha1(uint8_t out[TLS_SHA1_LEN], const void *data, size_t len)
{
	SHA1(data, len, out);
}
