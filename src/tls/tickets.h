/* SPDX-License-Identifier: ISC */
/*
 * The keys that encrypt session tickets. Own keys are replaced every twelve
 * hours, and tickets of the two keys before still resume. Keys from a file are
 * shared by several replicas and change when the file changes.
 *
 * One set of keys can serve all profiles and outlive reloads: a ticket names
 * the client CAs under which it was issued, so it never resumes under others.
 */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include <openssl/base.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct tls_load_report;
struct tls_tickets;

/* Length of the key name with which each ticket begins. */
#define TLS_TICKET_NAME_LEN 16

/* Returns keys of our own with a reference count of one, or NULL if memory
 * runs out. */
struct tls_tickets *tls_tickets_new(void);

/*
 * Reads keys from `path' into *out, with a reference count of one. The file
 * holds raw keys, one after the other: 80 bytes each (name 16, HMAC key 32,
 * AES-256 key 32) or 48 bytes each (name 16, HMAC key 16, AES-128 key 16).
 * `openssl rand 80' makes one. The first key encrypts; all decrypt.
 *
 * ERR_CONFIG after an error was reported to `report', or ERR_NO_MEMORY. On
 * error *out is NULL.
 */
enum err tls_tickets_load(struct tls_tickets **out, const char *path,
    const struct tls_load_report *report) MUST_CHECK;

/* Room for the keys that tls_tickets_export() copies. */
#define TLS_TICKETS_EXPORT_MAX 144

/* Copies generated keys to `out', as a file would hold them, for the program
 * that takes over; *rotate_ms is when the next one is due. Returns their
 * length, 0 if they come from a file. Secret: wipe them. Any thread. */
size_t tls_tickets_export(struct tls_tickets *t,
    uint8_t out[TLS_TICKETS_EXPORT_MAX], uint64_t *rotate_ms);

/* Replaces generated keys by exported ones. ERR_MALFORMED if `len' is not the
 * length of any. Any thread. */
enum err tls_tickets_import(struct tls_tickets *t, const uint8_t *data,
    size_t len, uint64_t rotate_ms) MUST_CHECK;

/* Adds a reference and returns `t'. Any thread. */
struct tls_tickets *tls_tickets_get(struct tls_tickets *t);

/* Drops a reference; the last one wipes and frees the keys. Any thread. NULL is
 * allowed. */
void tls_tickets_put(struct tls_tickets *t);

/*
 * Prepares `cipher' and `hmac' to encrypt a ticket (encrypt = 1; fills `name'
 * and `iv') or to decrypt one whose `name' and `iv' are given (encrypt = 0).
 * Returns what the callback of SSL_CTX_set_tlsext_ticket_key_cb() must return:
 * 1 success, 2 success and the client needs a new ticket, 0 unknown key,
 * -1 failure. Any thread.
 */
int tls_tickets_key(struct tls_tickets *t, uint8_t *name, uint8_t *iv,
    EVP_CIPHER_CTX *cipher, HMAC_CTX *hmac, int encrypt);

/*
 * Checks and decrypts a ticket into *data, `len' bytes of a serialised session,
 * which the caller wipes and frees. ERR_NOT_FOUND if its key is unknown,
 * ERR_MALFORMED if it is damaged, ERR_NO_MEMORY. Any thread.
 */
enum err tls_tickets_open(struct tls_tickets *t, struct slice ticket,
    uint8_t **data, size_t *len) MUST_CHECK;

#endif
