/*
 * The library's side of the ticket keys.
 */
#ifndef TLS_TICKET_CB_H
#define TLS_TICKET_CB_H

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tls/tickets.h"

#define TICKET_NAME_LEN 16

/* Does for `t' what SSL_CTX_set_tlsext_ticket_key_cb() asks of its callback
 * and returns what that must return. Any thread. */
int tls_tickets_key(struct tls_tickets *t, uint8_t *name, uint8_t *iv,
    EVP_CIPHER_CTX *cipher, HMAC_CTX *hmac, int encrypt);

#endif
