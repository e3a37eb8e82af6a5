/*
 * The PROXY header a session's broker connection begins with, when its
 * [backend] asks for one.
 */
#ifndef SESSION_PROXY_H
#define SESSION_PROXY_H

#include "backend/proxy_out.h"
#include "session/setup.h"

/*
 * Writes the header to `out' and its length to `*len', which is 0 when none
 * is asked for. Errors as backend_proxy_out_write(), and ERR_MALFORMED where
 * the certificate's CN is to be told and is in doubt: refuse the client then.
 */
enum err proxy_header(const struct session *s,
    uint8_t out[BACKEND_PROXY_OUT_MAX], size_t *len) MUST_CHECK;

#endif
