/* SPDX-License-Identifier: ISC */
/*
 * Socket addresses as text and back, and networks in CIDR notation. Addresses
 * are numeric: names are resolved in backend/, because that takes time.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

/* Room for any address as text, NUL included. */
#define ADDRESS_TEXT_MAX 128

/* Room for the host part of a host:port text, NUL included (RFC 1035). */
#define ADDRESS_HOST_MAX 256

/* The length of `a' for bind() and connect(). */
socklen_t address_len(const struct sockaddr_storage *a);

/* Converts an IPv4-mapped IPv6 address to IPv4; others are unchanged. */
void address_unmap(struct sockaddr_storage *a);

/* Writes the address without its port: "192.0.2.1", "2001:db8::1", or
 * "unix:PATH" ("unix:" if it has none). */
void address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *a);

/* The same with the port: "192.0.2.1:8883", "[2001:db8::1]:8883". */
void address_text_port(char out[ADDRESS_TEXT_MAX],
    const struct sockaddr_storage *a);

/* The port in host order; 0 for a unix address. */
uint16_t address_port(const struct sockaddr_storage *a);

/* Sets the port; a unix address is unchanged. */
void address_set_port(struct sockaddr_storage *a, uint16_t port);

/* True if both have the same family, address and port. */
bool address_equal(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b);

/*
 * Reads "192.0.2.1:1883", "[2001:db8::1]:1883", "[fe80::1%eth0]:1883" or
 * "unix:PATH". ERR_MALFORMED for anything else, including names.
 */
enum err address_parse(struct sockaddr_storage *out,
    const char *text) MUST_CHECK;

/* Reads an address without a port: "192.0.2.1" or "2001:db8::1". */
enum err address_parse_host(struct sockaddr_storage *out,
    const char *text) MUST_CHECK;

/*
 * Splits "HOST:PORT" or "[V6]:PORT"; HOST may be a name. `host' is written
 * without brackets. ERR_MALFORMED if the host is empty or has characters that
 * no host name has, or if the port is not 0 to 65535.
 */
enum err address_split(const char *text, char host[ADDRESS_HOST_MAX],
    uint16_t *port) MUST_CHECK;

/* A network: the first `bits' bits of `bytes'. */
struct address_net {
	sa_family_t family; /* AF_INET or AF_INET6 */
	unsigned bits;
	uint8_t bytes[16];
};

/* Reads "10.0.0.0/8", "2001:db8::/32", or one address without a length.
 * ERR_MALFORMED also if bits after the length are set, which is probably a
 * mistake. */
enum err address_net_parse(struct address_net *out,
    const char *text) MUST_CHECK;

/* True if `a' is in one of the `count' networks. An IPv4-mapped address counts
 * as IPv4. */
bool address_net_match(const struct address_net *nets, size_t count,
    const struct sockaddr_storage *a);

/*
 * Writes the first `bits4' or `bits6' bits of the address, followed by zeros:
 * the key for counting by address or network. Returns the IP version, 4 or 6,
 * or 0 for a unix address.
 */
uint8_t address_prefix(uint8_t key[16], const struct sockaddr_storage *a,
    unsigned bits4, unsigned bits6);

#endif
