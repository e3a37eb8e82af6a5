/* SPDX-License-Identifier: ISC */
#include "backend/proxy_out.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_FIXED 16

/* Types of TLVs, and of those inside the SSL TLV (section 2.2). */
enum {
	TLV_AUTHORITY = 0x02,
	TLV_SSL = 0x20,
	SUB_VERSION = 0x21,
	SUB_CN = 0x22,
	SUB_CIPHER = 0x23
};
enum {
	CLIENT_SSL = 1,
	CLIENT_CERT_CONN = 2,
	CLIENT_CERT_SESS = 4
};

/* The header under construction. */
struct out {
	uint8_t *data;
	size_t len;
};

static void
put(struct out *o, const void *data, size_t len)
{
	if (len > 0)
		memcpy(o->data + o->len, data, len);
	o->len += len;
}

static void
put_u8(struct out *o, unsigned value)
{
	o->data[o->len++] = (uint8_t)value;
}

static void
put_u16(struct out *o, size_t value)
{
	put_u8(o, (unsigned)(value >> 8 & 0xff));
	put_u8(o, (unsigned)(value & 0xff));
}

static size_t
tlv_len(struct slice value)
{
	return value.len == 0 ? 0 : 3 + value.len;
}

/* Writes nothing for an empty value. */
static void
put_tlv(struct out *o, unsigned type, struct slice value)
{
	if (value.len == 0)
		return;
	put_u8(o, type);
	put_u16(o, value.len);
	put(o, value.data, value.len);
}

/* The family of both addresses; AF_UNSPEC if they cannot be sent. */
static sa_family_t
common_family(const struct backend_proxy_out *p)
{
	sa_family_t family = p->source->ss_family;

	if (family != p->destination->ss_family ||
	    (family != AF_INET && family != AF_INET6))
		return AF_UNSPEC;
	return family;
}

static enum err
write_v1(uint8_t *out, size_t *len, const struct backend_proxy_out *p)
{
	sa_family_t family = common_family(p);
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	int n;

	if (family == AF_UNSPEC) {
		n = snprintf((char *)out, BACKEND_PROXY_OUT_MAX,
		    "PROXY UNKNOWN\r\n");
	} else {
		address_text(from, p->source);
		address_text(to, p->destination);
		/* A scope has no meaning on another machine. */
		from[strcspn(from, "%")] = '\0';
		to[strcspn(to, "%")] = '\0';
		n = snprintf((char *)out, BACKEND_PROXY_OUT_MAX,
		    "PROXY %s %s %s %u %u\r\n",
		    family == AF_INET ? "TCP4" : "TCP6", from, to,
		    address_port(p->source), address_port(p->destination));
	}
	*len = (size_t)n;
	return OK;
}

static void
put_addresses(struct out *o, const struct backend_proxy_out *p)
{
	const struct sockaddr_in *in = (const void *)p->source;
	const struct sockaddr_in *to = (const void *)p->destination;
	const struct sockaddr_in6 *in6 = (const void *)p->source;
	const struct sockaddr_in6 *to6 = (const void *)p->destination;

	switch (common_family(p)) {
	case AF_INET:
		put(o, &in->sin_addr, 4);
		put(o, &to->sin_addr, 4);
		put(o, &in->sin_port, 2);
		put(o, &to->sin_port, 2);
		break;
	case AF_INET6:
		put(o, &in6->sin6_addr, 16);
		put(o, &to6->sin6_addr, 16);
		put(o, &in6->sin6_port, 2);
		put(o, &to6->sin6_port, 2);
		break;
	default:
		break;
	}
}

static unsigned
family_code(const struct backend_proxy_out *p)
{
	sa_family_t family = common_family(p);

	return family == AF_INET ? 0x11 : family == AF_INET6 ? 0x21 : 0;
}

static size_t
addresses_len(const struct backend_proxy_out *p)
{
	sa_family_t family = common_family(p);

	return family == AF_INET ? 12 : family == AF_INET6 ? 36 : 0;
}

/* Length of the SSL TLV's value. */
static size_t
ssl_len(const struct backend_proxy_out *p)
{
	return 5 + tlv_len(p->tls_version) + tlv_len(p->cn) +
	    tlv_len(p->cipher);
}

static size_t
v2_len(const struct backend_proxy_out *p)
{
	return V2_FIXED + addresses_len(p) + tlv_len(p->authority) +
	    (p->tls == BACKEND_PROXY_PLAIN ? 0 : 3 + ssl_len(p));
}

static bool
is_verified(const struct backend_proxy_out *p)
{
	return p->tls == BACKEND_PROXY_VERIFIED ||
	    p->tls == BACKEND_PROXY_RESUMED;
}

static void
put_ssl(struct out *o, const struct backend_proxy_out *p)
{
	static const unsigned flags[] = {
		[BACKEND_PROXY_PLAIN] = 0,
		[BACKEND_PROXY_NO_CERTIFICATE] = CLIENT_SSL,
		[BACKEND_PROXY_VERIFIED] =
		    CLIENT_SSL | CLIENT_CERT_CONN | CLIENT_CERT_SESS,
		[BACKEND_PROXY_RESUMED] = CLIENT_SSL | CLIENT_CERT_SESS,
	};

	if (p->tls == BACKEND_PROXY_PLAIN)
		return;
	put_u8(o, TLV_SSL);
	put_u16(o, ssl_len(p));
	put_u8(o, flags[p->tls]);
	/* verify: zero only if a certificate was sent and is valid. */
	put_u16(o, 0);
	put_u8(o, 0);
	put_u8(o, is_verified(p) ? 0 : 1);
	put_tlv(o, SUB_VERSION, p->tls_version);
	put_tlv(o, SUB_CN, p->cn);
	put_tlv(o, SUB_CIPHER, p->cipher);
}

/* Leaves out the least important fields until the header fits; false if it
 * cannot fit. */
static bool
shorten(struct backend_proxy_out *p)
{
	static const struct slice none = { NULL, 0 };

	if (v2_len(p) > BACKEND_PROXY_OUT_MAX)
		p->authority = none;
	if (v2_len(p) > BACKEND_PROXY_OUT_MAX)
		p->cipher = none;
	if (v2_len(p) > BACKEND_PROXY_OUT_MAX)
		p->tls_version = none;
	return v2_len(p) <= BACKEND_PROXY_OUT_MAX;
}

static enum err
write_v2(uint8_t *out, size_t *len, const struct backend_proxy_out *given)
{
	struct backend_proxy_out p = *given;
	struct out o = { out, 0 };

	if (!is_verified(&p))
		p.cn.len = 0;
	if (p.cn.len > 0 && memchr(p.cn.data, '\0', p.cn.len) != NULL)
		return ERR_MALFORMED;
	if (!shorten(&p))
		return ERR_LIMIT;
	put(&o, SIGNATURE, 12);
	put_u8(&o, 0x21); /* version 2, PROXY */
	put_u8(&o, family_code(&p));
	put_u16(&o, v2_len(&p) - V2_FIXED);
	put_addresses(&o, &p);
	put_tlv(&o, TLV_AUTHORITY, p.authority);
	put_ssl(&o, &p);
	*len = o.len;
	return OK;
}

enum err
backend_proxy_out_write(uint8_t out[BACKEND_PROXY_OUT_MAX], size_t *len,
    enum config_proxy_protocol version, const struct backend_proxy_out *p)
{
	struct sockaddr_storage source = *p->source;
	struct sockaddr_storage destination = *p->destination;
	struct backend_proxy_out plain = *p;

	*len = 0;
	if (version == CONFIG_PROXY_PROTOCOL_OFF)
		return OK;
	address_unmap(&source);
	address_unmap(&destination);
	plain.source = &source;
	plain.destination = &destination;
	return version == CONFIG_PROXY_PROTOCOL_V1 ? write_v1(out, len, &plain)
						   : write_v2(out, len, &plain);
}
