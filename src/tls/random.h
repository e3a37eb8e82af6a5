/*
 * Bytes nobody can guess.
 */
#ifndef TLS_RANDOM_H
#define TLS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out'. Never fails: without entropy the process ends. */
void tls_random(uint8_t *out, size_t len);

#endif
