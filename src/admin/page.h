/*
 * The status page, src/admin/page.html, embedded when the program is built.
 */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include <stddef.h>

/* The page's bytes; wherever it says @NONCE@ a fresh nonce has to go. */
extern const unsigned char page_html[];
extern const size_t page_html_len;

#endif
