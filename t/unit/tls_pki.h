/* SPDX-License-Identifier: ISC */
/*
 * Certificates for the TLS tests. tls_pki.sh makes them with openssl(1) when a
 * test starts, in a temporary folder that is removed when the test ends.
 */
#ifndef UNIT_TLS_PKI_H
#define UNIT_TLS_PKI_H

#include <stddef.h>

#include "base/report.h"
#include "tls/load.h"

/* Creates the folder and in it the certificates that `standard' in tls_pki.sh
 * lists. Returns false if openssl(1) is missing or fails; what it wrote goes to
 * stderr. */
_Bool pki_make(void);

/* Removes the folder. */
void pki_remove(void);

/* Returns the path of `name' in the folder; valid for the next 31 calls. */
const char *pki_path(const char *name);

/* Runs shell commands in the folder; they can use the functions of tls_pki.sh.
 * Returns false if they fail. */
_Bool pki_run(const char *commands);

/* Writes a file in the folder. */
void pki_write(const char *name, const void *data, size_t len);

/* Where errors and warnings of a load go: lines that begin
 * "x.ini:1: OPTION: ". */
struct pki_reports {
	struct report *why;
	struct report *warnings;
};

/* Returns the receiver that writes to `r', which must outlive it. */
struct tls_load_report pki_say(struct pki_reports *r);

#endif
