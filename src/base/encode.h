/*
 * Bytes as text: lower-case hex, and base64 (RFC 4648 section 4, padded).
 */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/slice.h"

/* Bytes base64 needs for `len' bytes; no NUL counted. */
#define ENCODE_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes 2 * in.len characters and a NUL to `out'. */
void encode_hex(char *out, struct slice in);

/* Writes ENCODE_BASE64_LEN(in.len) characters and a NUL to `out'. */
void encode_base64(char *out, struct slice in);

#endif
