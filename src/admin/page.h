/* SPDX-License-Identifier: ISC */
/*
 * The status page, src/admin/page.html, embedded into the program at build
 * time.
 */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include <stddef.h>

/* The page. Each @NONCE@ in it has to be replaced by a fresh nonce. */
extern const unsigned char page_html[];
extern const size_t page_html_len;

#endif
