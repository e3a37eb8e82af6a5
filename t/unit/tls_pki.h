/* SPDX-License-Identifier: ISC */
/*
 * Certificates for the TLS tests, made by the openssl program when the test
 * starts, in a folder of their own that goes when it ends.
 */
#ifndef UNIT_TLS_PKI_H
#define UNIT_TLS_PKI_H

#include <stddef.h>

#include "base/report.h"
#include "tls/load.h"

/*
 * Makes the folder and in it, by a shell script over openssl(1), all that
 * tls_pki.c lists. False when openssl is missing or fails; its words go to
 * stderr.
 */
_Bool pki_make(void);

/* Removes it all. */
void pki_remove(void);

/* The path of `name' in the folder; storage that stays. */
const char *pki_path(const char *name);

/* Runs more shell in the folder, with the script's functions at hand. */
_Bool pki_run(const char *script);

/* Writes a file there. */
void pki_write(const char *name, const void *data, size_t len);

/* Where complaints go: lines that begin "x.ini:1: OPTION: ". */
struct pki_reports {
	struct report *why;
	struct report *warnings;
};

/* What writes there; `r' has to live as long. */
struct tls_load_report pki_say(struct pki_reports *r);

#endif
