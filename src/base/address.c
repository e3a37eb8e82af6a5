/* SPDX-License-Identifier: ISC */
#include "base/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/slice.h"

#define UNIX_PREFIX "unix:"

/* The views of a sockaddr_storage; casts in one place. */
static const struct sockaddr_in *
v4(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *
v6(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in6 *)(const void *)a;
}

static const struct sockaddr_un *
un(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_un *)(const void *)a;
}

socklen_t
address_len(const struct sockaddr_storage *a)
{
	switch (a->ss_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    strnlen(un(a)->sun_path, sizeof(un(a)->sun_path) - 1) + 1);
	default:
		return sizeof(*a);
	}
}

void
address_unmap(struct sockaddr_storage *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (a->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&v6(a)->sin6_addr))
		return;
	memcpy(&in.sin_addr, v6(a)->sin6_addr.s6_addr + 12, 4);
	in.sin_port = v6(a)->sin6_port;
	memset(a, 0, sizeof(*a));
	memcpy(a, &in, sizeof(in));
}

/* With the scope: a link-local address means nothing without it. */
static void
put_v6(char *out, size_t size, const struct sockaddr_in6 *a)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &a->sin6_addr, text, sizeof(text));
	if (a->sin6_scope_id != 0)
		snprintf(out, size, "%s%%%u", text, a->sin6_scope_id);
	else
		snprintf(out, size, "%s", text);
}

void
address_text(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *a)
{
	switch (a->ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &v4(a)->sin_addr, out, ADDRESS_TEXT_MAX);
		break;
	case AF_INET6:
		put_v6(out, ADDRESS_TEXT_MAX, v6(a));
		break;
	case AF_UNIX:
		snprintf(out, ADDRESS_TEXT_MAX, UNIX_PREFIX "%.*s",
		    (int)sizeof(un(a)->sun_path), un(a)->sun_path);
		break;
	default:
		snprintf(out, ADDRESS_TEXT_MAX, "unknown");
		break;
	}
}

void
address_text_port(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *a)
{
	char host[ADDRESS_TEXT_MAX];

	address_text(host, a);
	if (a->ss_family == AF_INET)
		snprintf(out, ADDRESS_TEXT_MAX, "%.100s:%u", host,
		    address_port(a));
	else if (a->ss_family == AF_INET6)
		snprintf(out, ADDRESS_TEXT_MAX, "[%.100s]:%u", host,
		    address_port(a));
	else
		memcpy(out, host, sizeof(host));
}

uint16_t
address_port(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(v4(a)->sin_port);
	if (a->ss_family == AF_INET6)
		return ntohs(v6(a)->sin6_port);
	return 0;
}

void
address_set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
	else if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
}

bool
address_equal(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return v4(a)->sin_port == v4(b)->sin_port &&
		    v4(a)->sin_addr.s_addr == v4(b)->sin_addr.s_addr;
	if (a->ss_family == AF_INET6)
		return v6(a)->sin6_port == v6(b)->sin6_port &&
		    v6(a)->sin6_scope_id == v6(b)->sin6_scope_id &&
		    IN6_ARE_ADDR_EQUAL(&v6(a)->sin6_addr, &v6(b)->sin6_addr);
	if (a->ss_family == AF_UNIX)
		return strncmp(un(a)->sun_path, un(b)->sun_path,
			   sizeof(un(a)->sun_path)) == 0;
	return false;
}

/* Parses "eth0" or "2", which followed the % of an IPv6 address. */
static enum err
parse_scope(const char *text, uint32_t *scope)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	    n <= UINT32_MAX) {
		*scope = (uint32_t)n;
		return OK;
	}
	*scope = if_nametoindex(text);
	return *scope != 0 ? OK : ERR_MALFORMED;
}

static enum err
parse_v6(struct sockaddr_storage *out, const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");

	if (len >= sizeof(host))
		return ERR_MALFORMED;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return ERR_MALFORMED;
	if (text[len] == '%' &&
	    parse_scope(text + len + 1, &in6.sin6_scope_id) != OK)
		return ERR_MALFORMED;
	memcpy(out, &in6, sizeof(in6));
	return OK;
}

enum err
address_parse_host(struct sockaddr_storage *out, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memset(out, 0, sizeof(*out));
	if (strchr(text, ':') != NULL)
		return parse_v6(out, text);
	if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
		return ERR_MALFORMED;
	memcpy(out, &in, sizeof(in));
	return OK;
}

static enum err
parse_unix(struct sockaddr_storage *out, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(sun.sun_path))
		return ERR_MALFORMED;
	memcpy(sun.sun_path, path, len + 1);
	memset(out, 0, sizeof(*out));
	memcpy(out, &sun, sizeof(sun));
	return OK;
}

enum err
address_parse(struct sockaddr_storage *out, const char *text)
{
	char host[ADDRESS_HOST_MAX];
	uint16_t port;
	enum err err;

	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(out, text + strlen(UNIX_PREFIX));
	err = address_split(text, host, &port);
	if (err != OK)
		return err;
	/* Only IPv6 has brackets, and it must have them. */
	err = address_parse_host(out, host);
	if (err == OK && (text[0] == '[') != (out->ss_family == AF_INET6))
		err = ERR_MALFORMED;
	if (err == OK)
		address_set_port(out, port);
	return err;
}

/* Parses all of `text': a port, or the length of a network. */
static enum err
parse_u16(const char *text, uint16_t *out)
{
	size_t len = strspn(text, "0123456789");
	unsigned long n;

	if (len == 0 || len > 5 || text[len] != '\0')
		return ERR_MALFORMED;
	n = strtoul(text, NULL, 10);
	if (n > 65535)
		return ERR_MALFORMED;
	*out = (uint16_t)n;
	return OK;
}

static enum err
take_host(char host[ADDRESS_HOST_MAX], const char *text, size_t len)
{
	if (len == 0 || len >= ADDRESS_HOST_MAX)
		return ERR_MALFORMED;
	memcpy(host, text, len);
	host[len] = '\0';
	return OK;
}

enum err
address_split(const char *text, char host[ADDRESS_HOST_MAX], uint16_t *port)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const char *end;
	size_t len;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL || end[1] != ':' ||
		    take_host(host, text + 1, (size_t)(end - text - 1)) != OK)
			return ERR_MALFORMED;
		return parse_u16(end + 2, port);
	}
	len = strspn(text, name);
	if (text[len] != ':' || take_host(host, text, len) != OK)
		return ERR_MALFORMED;
	return parse_u16(text + len + 1, port);
}

/* The bytes of the address and their number; NULL for a unix address. */
static const uint8_t *
host_bytes(const struct sockaddr_storage *a, size_t *len)
{
	if (a->ss_family == AF_INET) {
		*len = 4;
		return (const uint8_t *)&v4(a)->sin_addr;
	}
	if (a->ss_family == AF_INET6) {
		*len = 16;
		return v6(a)->sin6_addr.s6_addr;
	}
	*len = 0;
	return NULL;
}

/* Copies the first `bits' bits and clears the rest. */
static void
mask(uint8_t out[16], const uint8_t *bytes, size_t len, unsigned bits)
{
	size_t i;
	unsigned left;

	memset(out, 0, 16);
	for (i = 0; i < len && i * 8 < bits; i++) {
		left = bits - (unsigned)i * 8;
		out[i] = left >= 8
		    ? bytes[i]
		    : (uint8_t)(bytes[i] & (0xffu << (8 - left)));
	}
}

enum err
address_net_parse(struct address_net *out, const char *text)
{
	char host[ADDRESS_TEXT_MAX];
	struct sockaddr_storage a;
	uint8_t masked[16] = { 0 };
	const uint8_t *bytes;
	size_t len = strcspn(text, "/");
	uint16_t bits;

	if (len >= sizeof(host))
		return ERR_MALFORMED;
	memcpy(host, text, len);
	host[len] = '\0';
	if (address_parse_host(&a, host) != OK)
		return ERR_MALFORMED;
	bytes = host_bytes(&a, &len);
	bits = (uint16_t)(len * 8);
	if (strchr(text, '/') != NULL &&
	    (parse_u16(strchr(text, '/') + 1, &bits) != OK || bits > len * 8))
		return ERR_MALFORMED;
	mask(masked, bytes, len, bits);
	if (memcmp(masked, bytes, len) != 0)
		return ERR_MALFORMED;
	out->family = a.ss_family;
	out->bits = bits;
	memcpy(out->bytes, masked, sizeof(masked));
	return OK;
}

bool
address_net_match(const struct address_net *nets, size_t count,
    const struct sockaddr_storage *a)
{
	struct sockaddr_storage plain = *a;
	const uint8_t *bytes;
	uint8_t masked[16];
	size_t len, i;

	address_unmap(&plain);
	bytes = host_bytes(&plain, &len);
	if (bytes == NULL)
		return false;
	for (i = 0; i < count; i++) {
		if (nets[i].family != plain.ss_family)
			continue;
		mask(masked, bytes, len, nets[i].bits);
		if (memcmp(masked, nets[i].bytes, sizeof(masked)) == 0)
			return true;
	}
	return false;
}

uint8_t
address_prefix(uint8_t key[16], const struct sockaddr_storage *a,
    unsigned bits4, unsigned bits6)
{
	struct sockaddr_storage plain = *a;
	const uint8_t *bytes;
	size_t len;

	address_unmap(&plain);
	bytes = host_bytes(&plain, &len);
	mask(key, bytes, len, len == 4 ? bits4 : bits6);
	return len == 0 ? 0 : len == 4 ? 4 : 6;
}
