/* SPDX-License-Identifier: ISC */
/*
 * What the C library's resolver is told to do before it is asked, and what each
 * nameserver says to each question when the library has found nothing. Blocks;
 * for the resolver's threads only.
 */
#ifndef BACKEND_NAMESERVERS_H
#define BACKEND_NAMESERVERS_H

#include <stddef.h>
#include <sys/socket.h>

/*
 * Call it before getaddrinfo(), on the same thread. The library reads
 * resolv.conf by itself, also when it has changed. But it ignores a nameserver
 * whose line ends in CR LF, begins with a blank, or has a comment; then this
 * function sets what the file means. `only': for tests, the one nameserver to
 * ask, unless its family is AF_UNSPEC.
 */
void nameservers_prepare(const struct sockaddr_storage *only);

/*
 * Asks every nameserver for `host', as it is and with the search list, as the C
 * library does, and writes what each said into `out':
 *
 *   mq.lan: 192.0.2.1 NXDOMAIN, 192.0.2.2 no answer; mq.lan.example: ...
 *
 * All are asked at the same time and have a second and a half. `out' is cut
 * where it is full.
 */
void nameservers_explain(char *out, size_t size, const char *host,
    const struct sockaddr_storage *only);

#endif
