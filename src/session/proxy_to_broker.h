/* SPDX-License-Identifier: ISC */
/*
 * What the broker is told of a connection in a PROXY header ([backend]
 * proxy_protocol). How the header is encoded is the subject of
 * backend/proxy_out.h; the header that a balancer sends to us, of
 * accept/proxy_in.h.
 */
#ifndef SESSION_PROXY_TO_BROKER_H
#define SESSION_PROXY_TO_BROKER_H

#include "backend/proxy_out.h"
#include "session/stages.h"

/* Stores the address that the client connected to, if the broker's PROXY header
 * is to contain it. Does nothing if a balancer's header has given it already.
 * Stage accept, while the session owns the socket. */
void proxy_to_broker_note_local(struct session_setup *setup);

/*
 * Writes the PROXY header for the broker to `out' and its length to `*len', 0
 * if the [backend] wants none. Stage backend. Errors as
 * backend_proxy_out_write(), and ERR_MALFORMED if the certificate's CN is not
 * one text.
 */
enum err proxy_to_broker_write(const struct session *s,
    uint8_t out[BACKEND_PROXY_OUT_MAX], size_t *len) MUST_CHECK;

#endif
