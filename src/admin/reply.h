/* SPDX-License-Identifier: ISC */
/*
 * Answers in JSON, and the values that they consist of.
 */
#ifndef ADMIN_REPLY_H
#define ADMIN_REPLY_H

#include <jansson.h>
#include <stdint.h>

#include "admin/http.h"
#include "base/buf.h"

/* Answers with `body', and frees it; NULL (memory ran out) becomes a 503. */
void reply_json(struct http_call *call, unsigned status, json_t *body);

/* Answers with the JSON text that consists of `head' and `rest', and empties
 * `rest'. `head' NULL (memory ran out) becomes a 503. */
void reply_long(struct http_call *call, unsigned status, const char *head,
    struct buf *rest);

/* The JSON text of `value', which is freed; from malloc(), NULL when memory
 * runs out, also for the value. */
char *reply_write(json_t *value);

/* Answers {"error": "..."}, if there is a call. */
void reply_error(struct http_call *call, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A new string; bytes that are not UTF-8 become \xNN. */
json_t *reply_text(struct slice text);

/* A new string, "2026-11-23T13:30:00Z", or null for INT64_MAX and 0. */
json_t *reply_when(int64_t seconds);

/* A new string of hex digits. */
json_t *reply_hex(const uint8_t *bytes, size_t len);

#endif
