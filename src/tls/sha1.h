/*
 * SHA-1, for the WebSocket handshake, which is made of it (RFC 6455 4.2.2).
 */
#ifndef TLS_SHA1_H
#define TLS_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define TLS_SHA1_LEN 20

/* Writes the digest of `len' bytes at `data' to `out'. */
void tls_sha1(uint8_t out[TLS_SHA1_LEN], const void *data, size_t len);

#endif
