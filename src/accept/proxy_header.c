/* SPDX-License-Identifier: ISC */
#include "accept/proxy_header.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

/* "PROXY TCP6" with the longest addresses and ports (section 2.1). */
#define V1_MAX 107

/* Version 2: signature, version and command, family, length. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN 12
#define V2_FIXED 16
#define UNIX_BLOCK 216

/* TLVs whose content is checked; others are skipped. */
enum {
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20
};
#define UNIQUE_ID_MAX 128
#define SSL_FIXED 5 /* flags, verify */

static enum parse
bad(const char **why, const char *text)
{
	*why = text;
	return PARSE_BAD;
}

/* Removes the next word from a version 1 line; empty if there is none. */
static struct slice
take_word(struct slice *line)
{
	const uint8_t *space = memchr(line->data, ' ', line->len);
	struct slice word = *line;

	if (space != NULL)
		word.len = (size_t)(space - line->data);
	line->data += word.len + (space != NULL ? 1 : 0);
	line->len -= word.len + (space != NULL ? 1 : 0);
	return word;
}

static bool
read_port(struct slice word, uint16_t *port)
{
	unsigned long n = 0;
	size_t i;

	if (word.len == 0 || word.len > 5 ||
	    (word.len > 1 && word.data[0] == '0'))
		return false;
	for (i = 0; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(word.data[i] - '0');
	}
	*port = (uint16_t)n;
	return n <= 65535;
}

static bool
read_host(struct slice word, sa_family_t family, struct sockaddr_storage *out)
{
	char text[INET6_ADDRSTRLEN];

	if (word.len == 0 || word.len >= sizeof(text) ||
	    memchr(word.data, '%', word.len) != NULL)
		return false;
	memcpy(text, word.data, word.len);
	text[word.len] = '\0';
	return strlen(text) == word.len &&
	    address_parse_host(out, text) == OK && out->ss_family == family;
}

/* The addresses after "PROXY TCP4 " or "PROXY TCP6 ". */
static enum parse
read_v1_addresses(struct accept_proxy_header *out, struct slice line,
    sa_family_t family, const char **why)
{
	struct slice source = take_word(&line);
	struct slice destination = take_word(&line);
	uint16_t from, to;

	if (!read_host(source, family, &out->source) ||
	    !read_host(destination, family, &out->destination))
		return bad(why, "an address is malformed");
	if (!read_port(take_word(&line), &from) || !read_port(line, &to))
		return bad(why, "a port is malformed");
	address_set_port(&out->source, from);
	address_set_port(&out->destination, to);
	out->kind = ACCEPT_PROXY_FORWARDED;
	return PARSE_OK;
}

static enum parse
read_v1_line(struct accept_proxy_header *out, struct slice line,
    const char **why)
{
	struct slice family;

	take_word(&line);
	family = take_word(&line);
	if (slice_equal(family, slice_str("TCP4")))
		return read_v1_addresses(out, line, AF_INET, why);
	if (slice_equal(family, slice_str("TCP6")))
		return read_v1_addresses(out, line, AF_INET6, why);
	if (!slice_equal(family, slice_str("UNKNOWN")))
		return bad(why, "neither TCP4, TCP6 nor UNKNOWN");
	/* The rest of such a line is to be ignored (2.1). */
	out->kind = ACCEPT_PROXY_LOCAL;
	return PARSE_OK;
}

/* True if `in' and `want' are equal over the length of the shorter one. */
static bool
begins_as(struct slice in, const char *want, size_t len)
{
	return memcmp(in.data, want, in.len < len ? in.len : len) == 0;
}

static enum parse
read_v1(struct accept_proxy_header *out, struct slice in, const char **why)
{
	size_t max = in.len < V1_MAX ? in.len : V1_MAX;
	const uint8_t *end = memchr(in.data, '\n', max);

	if (!begins_as(in, "PROXY ", 6))
		return bad(why, "the connection does not begin with PROXY");
	if (end == NULL)
		return in.len < V1_MAX ? PARSE_MORE
				       : bad(why, "the line is too long");
	out->version = 1;
	out->len = (size_t)(end - in.data) + 1;
	if (out->len < 2 || end[-1] != '\r' ||
	    memchr(in.data, '\r', out->len - 2) != NULL)
		return bad(why, "the line does not end in CR LF");
	return read_v1_line(out, slice_make(in.data, out->len - 2), why);
}

/* CRC-32C (RFC 3720, appendix B.4), one more byte. */
static uint32_t
crc_byte(uint32_t crc, uint8_t byte)
{
	int bit;

	crc ^= byte;
	for (bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
	return crc;
}

/* Checks the CRC of the header, with the four bytes at `field' as zero. */
static bool
crc_is_good(struct slice header, const uint8_t *field)
{
	uint32_t crc = 0xffffffffu;
	uint32_t want = (uint32_t)field[0] << 24 | (uint32_t)field[1] << 16 |
	    (uint32_t)field[2] << 8 | field[3];
	const uint8_t *p;

	for (p = header.data; p < header.data + header.len; p++)
		crc = crc_byte(crc, p >= field && p < field + 4 ? 0 : *p);
	return (crc ^ 0xffffffffu) == want;
}

/* Removes a type, a length and that many bytes; false if they do not fit. */
static bool
take_tlv(struct slice *in, uint8_t *type, struct slice *value)
{
	size_t len;

	if (in->len < 3)
		return false;
	*type = in->data[0];
	len = (size_t)in->data[1] << 8 | in->data[2];
	if (len > in->len - 3)
		return false;
	*value = slice_make(in->data + 3, len);
	in->data += 3 + len;
	in->len -= 3 + len;
	return true;
}

static bool
tlv_is_good(uint8_t type, struct slice value, struct slice header)
{
	struct slice rest, ignored;
	uint8_t sub;

	switch (type) {
	case TLV_CRC32C:
		return value.len == 4 && crc_is_good(header, value.data);
	case TLV_UNIQUE_ID:
		return value.len <= UNIQUE_ID_MAX;
	case TLV_SSL:
		if (value.len < SSL_FIXED)
			return false;
		rest =
		    slice_make(value.data + SSL_FIXED, value.len - SSL_FIXED);
		while (rest.len > 0)
			if (!take_tlv(&rest, &sub, &ignored))
				return false;
		return true;
	default:
		return true;
	}
}

static enum parse
check_tlvs(struct slice tlvs, struct slice header, const char **why)
{
	struct slice value;
	uint8_t type;

	while (tlvs.len > 0) {
		if (!take_tlv(&tlvs, &type, &value))
			return bad(why, "a TLV is longer than the header");
		if (!tlv_is_good(type, value, header))
			return bad(why, "a TLV is malformed");
	}
	return PARSE_OK;
}

static void
put_v4(struct sockaddr_storage *out, const uint8_t *host, const uint8_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memcpy(&in.sin_addr, host, 4);
	memcpy(&in.sin_port, port, 2);
	memset(out, 0, sizeof(*out));
	memcpy(out, &in, sizeof(in));
}

static void
put_v6(struct sockaddr_storage *out, const uint8_t *host, const uint8_t *port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memcpy(&in6.sin6_addr, host, 16);
	memcpy(&in6.sin6_port, port, 2);
	memset(out, 0, sizeof(*out));
	memcpy(out, &in6, sizeof(in6));
}

/* The length of the address block of a family and protocol; -1: not supported
 * here. */
static int
block_len(uint8_t family)
{
	switch (family) {
	case 0x00:
		return 0;
	case 0x11:
		return 12;
	case 0x21:
		return 36;
	case 0x31:
		return UNIX_BLOCK;
	default:
		return -1;
	}
}

/* The block and the TLVs of a PROXY command. */
static enum parse
read_v2_block(struct accept_proxy_header *out, struct slice header,
    const char **why)
{
	const uint8_t *block = header.data + V2_FIXED;
	uint8_t family = header.data[13];
	int len = block_len(family);
	size_t rest = header.len - V2_FIXED;

	if (len < 0)
		return bad(why, "neither TCP nor a unix stream");
	if ((size_t)len > rest)
		return bad(why, "the addresses are cut off");
	out->kind = ACCEPT_PROXY_LOCAL;
	if (family == 0x11) {
		put_v4(&out->source, block, block + 8);
		put_v4(&out->destination, block + 4, block + 10);
		out->kind = ACCEPT_PROXY_FORWARDED;
	} else if (family == 0x21) {
		put_v6(&out->source, block, block + 32);
		put_v6(&out->destination, block + 16, block + 34);
		out->kind = ACCEPT_PROXY_FORWARDED;
	}
	return check_tlvs(slice_make(block + len, rest - (size_t)len), header,
	    why);
}

static enum parse
read_v2(struct accept_proxy_header *out, struct slice in, const char **why)
{
	if (!begins_as(in, SIGNATURE, SIGNATURE_LEN))
		return bad(why, "the connection does not begin with PROXY");
	if (in.len > 12 && in.data[12] != 0x20 && in.data[12] != 0x21)
		return bad(why, "neither LOCAL nor PROXY of version 2");
	if (in.len < V2_FIXED)
		return PARSE_MORE;
	out->version = 2;
	out->len = V2_FIXED + ((size_t)in.data[14] << 8 | in.data[15]);
	if (out->len > ACCEPT_PROXY_HEADER_MAX)
		return bad(why, "the header is too long");
	if (in.len < out->len)
		return PARSE_MORE;
	/* With LOCAL the rest must be skipped (2.2). */
	out->kind = ACCEPT_PROXY_LOCAL;
	if (in.data[12] == 0x20)
		return PARSE_OK;
	return read_v2_block(out, slice_make(in.data, out->len), why);
}

enum parse
accept_proxy_header_parse(struct accept_proxy_header *out, struct slice in,
    const char **why)
{
	enum parse result;

	memset(out, 0, sizeof(*out));
	if (in.len == 0)
		return PARSE_MORE;
	result =
	    in.data[0] == 'P' ? read_v1(out, in, why) : read_v2(out, in, why);
	if (result == PARSE_OK && out->kind == ACCEPT_PROXY_FORWARDED) {
		address_unmap(&out->source);
		address_unmap(&out->destination);
	}
	return result;
}
