/* SPDX-License-Identifier: ISC */
/*
 * The inputs of a [tls NAME] profile: its options, and what each of its files
 * looked like. A reload compares them, and shares the profile in force if
 * nothing has changed: to make one takes reading and checking all certificates
 * and CRLs, and a handshake with each certificate.
 *
 * As in runtime/watcher, a file looks different when its device, inode, size or
 * times differ. One that had changed shortly before it was read could change
 * once more without looking different, so it is read again by the next reload.
 */
#ifndef SESSION_TLS_PROFILE_INPUTS_H
#define SESSION_TLS_PROFILE_INPUTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "tls/ctx.h"

struct tls_profile_inputs {
	struct buf fingerprint; /* of the options and the files */
	int64_t at; /* seconds since 1970 */
	bool settled; /* a later change will be noticed */
};

/* Records what `t' is made of now, before it is read. ERR_NO_MEMORY. */
enum err tls_profile_inputs_note(struct tls_profile_inputs *in,
    struct config_tls *t) MUST_CHECK;

void tls_profile_inputs_fini(struct tls_profile_inputs *in);

/* True if the profile `ctx', which was made of `before', would be made the same
 * way of `now'. It is not if a certificate or CRL has become valid or has
 * expired since, because a load reports that. */
bool tls_profile_inputs_same(const struct tls_profile_inputs *before,
    const struct tls_profile_inputs *now, const struct tls_ctx *ctx);

#endif
