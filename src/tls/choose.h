/*
 * Which of several server certificates a client gets.
 */
#ifndef TLS_CHOOSE_H
#define TLS_CHOOSE_H

#include "tls/keypair.h"

/*
 * The pair of `count' (at least 1) that serves this client best: one whose
 * signature it can check, then one whose names include the server it asks
 * for, then ECDSA before RSA, then the first. Never NULL.
 */
const struct tls_keypair *tls_keypair_choose(const struct tls_keypair *pairs,
    size_t count, const SSL_CLIENT_HELLO *hello);

#endif
