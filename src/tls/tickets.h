/*
 * The ring of keys that session tickets are encrypted with. Own keys change
 * every twelve hours and the two before still decrypt; keys from a file are
 * shared by replicas and change when the file does. One ring may serve all
 * profiles and outlive reloads: a ticket names the profile's client CAs, so
 * it never resumes under others.
 */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include "base/err.h"
#include "tls/load_report.h"

struct tls_tickets;

/* A ring with a count of one and keys of its own. NULL: memory ran out. */
struct tls_tickets *tls_tickets_new(void);

/*
 * A ring with the keys in `path': one behind the other, raw, 80 bytes each
 * (name 16, HMAC key 32, AES-256 key 32) or 48 (name 16, HMAC key 16, AES-128
 * key 16), as `openssl rand 80' makes one. The first encrypts, all decrypt.
 * ERR_CONFIG when `say' was told to refuse, or ERR_NO_MEMORY; *out is NULL
 * then.
 */
enum err tls_tickets_load(struct tls_tickets **out, const char *path,
    const struct tls_load_report *say) MUST_CHECK;

/* Takes a count more and returns `t'. Any thread. */
struct tls_tickets *tls_tickets_get(struct tls_tickets *t);

/* Gives a count back; the last one wipes and frees. Any thread; NULL is
 * fine. */
void tls_tickets_put(struct tls_tickets *t);

#endif
