/* SPDX-License-Identifier: ISC */
/*
 * Bytes as text: hex, and base64 (RFC 4648 section 4, padded).
 */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/slice.h"

/* The length of `len' bytes in base64, without a NUL. */
#define ENCODE_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes 2 * in.len lower-case digits and a NUL to `out'. */
void encode_hex(char *out, struct slice in);

/* The value of a hex digit of either case, or -1. */
int encode_hex_value(uint8_t c);

/* Writes ENCODE_BASE64_LEN(in.len) characters and a NUL to `out'. */
void encode_base64(char *out, struct slice in);

#endif
