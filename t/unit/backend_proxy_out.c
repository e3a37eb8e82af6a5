/* SPDX-License-Identifier: ISC */
/*
 * The PROXY header as we write it: byte for byte, within its bound, and read
 * back by the code that reads them.
 */
#include "backend/proxy_out.h"

#include <stdlib.h>

#include "accept/proxy_header.h"
#include "base/address.h"
#include "byte_kit.h"
#include "tap.h"

#define SIG "0d0a0d0a000d0a515549540a"

static const struct row {
	const char *name;
	enum config_proxy_protocol version;
	const char *source;
	const char *destination;
	enum backend_proxy_tls tls;
	const char *tls_version;
	const char *cipher;
	const char *cn;
	const char *authority;
	const char *want;
} rows[] = {
	{ "off", CONFIG_PROXY_PROTOCOL_OFF, "192.0.2.1:1", "192.0.2.2:2",
	    BACKEND_PROXY_VERIFIED, "TLSv1.3", "C", "dev-1", "", "" },
	{ "v1 TCP4", CONFIG_PROXY_PROTOCOL_V1, "192.0.2.1:54321",
	    "203.0.113.9:8883", BACKEND_PROXY_VERIFIED, "TLSv1.3", "C", "dev-1",
	    "", "'PROXY TCP4 192.0.2.1 203.0.113.9 54321 8883' 0d0a" },
	{ "v1 TCP6", CONFIG_PROXY_PROTOCOL_V1, "[2001:db8::1]:1",
	    "[2001:db8::2]:2", BACKEND_PROXY_PLAIN, "", "", "", "",
	    "'PROXY TCP6 2001:db8::1 2001:db8::2 1 2' 0d0a" },
	{ "v1 link-local", CONFIG_PROXY_PROTOCOL_V1, "[fe80::1%1]:1",
	    "[fe80::2%1]:2", BACKEND_PROXY_PLAIN, "", "", "", "",
	    "'PROXY TCP6 fe80::1 fe80::2 1 2' 0d0a" },
	{ "v1 of two families", CONFIG_PROXY_PROTOCOL_V1, "192.0.2.1:1",
	    "[::1]:2", BACKEND_PROXY_PLAIN, "", "", "", "",
	    "'PROXY UNKNOWN' 0d0a" },
	{ "v1 through a socket of both families", CONFIG_PROXY_PROTOCOL_V1,
	    "192.0.2.1:1", "[::ffff:192.0.2.2]:2", BACKEND_PROXY_PLAIN, "", "",
	    "", "", "'PROXY TCP4 192.0.2.1 192.0.2.2 1 2' 0d0a" },
	{ "v2 plain", CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:54321",
	    "203.0.113.9:8883", BACKEND_PROXY_PLAIN, "TLSv1.3", "C", "dev-1",
	    "", SIG "2111000c c0000201 cb007109 d431 22b3" },
	{ "v2 TCP6", CONFIG_PROXY_PROTOCOL_V2, "[2001:db8::1]:1",
	    "[2001:db8::2]:2", BACKEND_PROXY_PLAIN, "", "", "", "",
	    SIG "21210024 20010db8000000000000000000000001"
		"20010db8000000000000000000000002 0001 0002" },
	{ "v2 of two families", CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:1",
	    "[::1]:2", BACKEND_PROXY_PLAIN, "", "", "", "", SIG "21000000" },
	{ "v2 unix", CONFIG_PROXY_PROTOCOL_V2, "unix:a", "unix:b",
	    BACKEND_PROXY_VERIFIED, "", "", "d", "",
	    SIG "2100000c 200009 07 00000000 220001'd'" },
	{ "v2 verified", CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:1", "192.0.2.2:2",
	    BACKEND_PROXY_VERIFIED, "TLSv1.3", "TLS_AES_128_GCM_SHA256",
	    "dev-1", "",
	    SIG "2111003f c0000201 c0000202 0001 0002 200030 07 00000000"
		"210007'TLSv1.3' 220005'dev-1'"
		"230016'TLS_AES_128_GCM_SHA256'" },
	{ "v2 resumed", CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:1", "192.0.2.2:2",
	    BACKEND_PROXY_RESUMED, "", "", "dev-1", "",
	    SIG "2111001c c0000201 c0000202 0001 0002 20000d 05 00000000"
		"220005'dev-1'" },
	{ "v2 no certificate: no CN, whatever is given",
	    CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:1", "192.0.2.2:2",
	    BACKEND_PROXY_NO_CERTIFICATE, "TLSv1.2", "", "root", "",
	    SIG "2111001e c0000201 c0000202 0001 0002 20000f 01 00000001"
		"210007'TLSv1.2'" },
	{ "v2 authority", CONFIG_PROXY_PROTOCOL_V2, "192.0.2.1:1",
	    "192.0.2.2:2", BACKEND_PROXY_PLAIN, "", "", "", "mq.example",
	    SIG "21110019 c0000201 c0000202 0001 0002"
		"02000a'mq.example'" },
};

static struct slice
text(const char *s)
{
	return s == NULL ? slice_make(NULL, 0) : slice_str(s);
}

/* Written into exactly the room the contract asks for. */
static enum err
write_out(struct kit_bytes *b, enum config_proxy_protocol version,
    const struct backend_proxy_out *p)
{
	uint8_t *out = malloc(BACKEND_PROXY_OUT_MAX);
	size_t len = 99;
	enum err err = backend_proxy_out_write(out, &len, version, p);

	*b = kit_copy(out, len);
	free(out);
	return err;
}

static void
check_read_back(const struct row *r, const struct kit_bytes *b)
{
	struct accept_proxy_header h;
	const char *why = "";
	char source[ADDRESS_TEXT_MAX] = "";

	is_int(accept_proxy_header_parse(&h, slice_make(b->data, b->len), &why),
	    PARSE_OK, "%s: reads back %s", r->name, why);
	is_int((long long)h.len, (long long)b->len, "%s: to its end", r->name);
	if (h.kind != ACCEPT_PROXY_FORWARDED || strchr(r->source, '%') != NULL)
		return;
	address_text_port(source, &h.source);
	is_str(source, r->source, "%s: the source", r->name);
}

static void
check_row(const struct row *r)
{
	struct sockaddr_storage source, destination;
	struct backend_proxy_out p = { .source = &source,
		.destination = &destination,
		.tls = r->tls,
		.tls_version = text(r->tls_version),
		.cipher = text(r->cipher),
		.cn = text(r->cn),
		.authority = text(r->authority) };
	struct kit_bytes want = kit_hex(r->want);
	struct kit_bytes b;

	if (address_parse(&source, r->source) != OK ||
	    address_parse(&destination, r->destination) != OK)
		abort();
	is_int(write_out(&b, r->version, &p), OK, "%s", r->name);
	is_mem(b.data, b.len, want.data, want.len, "%s: its bytes", r->name);
	if (b.len > 0)
		check_read_back(r, &b);
	kit_free(&b);
	kit_free(&want);
}

/* What a header of the given lengths keeps, as letters: a(uthority) (ci)p(her)
 * v(ersion) c(n), or why not. */
static const char *
kept(size_t authority, size_t cipher, size_t version, size_t cn)
{
	static char out[8];
	struct sockaddr_storage a;
	struct backend_proxy_out p = { .source = &a,
		.destination = &a,
		.tls = BACKEND_PROXY_VERIFIED,
		.authority = kit_run('A', authority),
		.cipher = kit_run('P', cipher),
		.tls_version = kit_run('V', version),
		.cn = kit_run('C', cn) };
	struct kit_bytes b;
	enum err err;
	char *to = out;

	if (address_parse(&a, "[2001:db8::1]:1") != OK)
		abort();
	err = write_out(&b, CONFIG_PROXY_PROTOCOL_V2, &p);
	if (err == ERR_LIMIT) {
		kit_free(&b);
		return "limit";
	}
	if (b.len > BACKEND_PROXY_OUT_MAX)
		abort();
	if (memchr(b.data, 'A', b.len) != NULL)
		*to++ = 'a';
	if (memchr(b.data, 'P', b.len) != NULL)
		*to++ = 'p';
	if (memchr(b.data + 16, 'V', b.len - 16) != NULL)
		*to++ = 'v';
	if (memchr(b.data, 'C', b.len) != NULL)
		*to++ = 'c';
	*to = '\0';
	kit_free(&b);
	return out;
}

static void
test_bound(void)
{
	/* 16 fixed, 36 addresses, 8 for the SSL TLV, 3 a TLV in it. */
	const size_t room = BACKEND_PROXY_OUT_MAX - 16 - 36 - 8;

	is_str(kept(10, 22, 7, 64), "apvc", "all of it fits");
	is_str(kept(room - 6, 0, 0, 0), "a", "an authority that just fits");
	is_str(kept(room - 2, 0, 0, 0), "", "one too long is dropped");
	is_str(kept(300, 22, 7, 200), "pvc", "the authority goes first");
	is_str(kept(300, 200, 7, 300), "vc", "then the cipher");
	is_str(kept(300, 200, 200, 300), "c", "then the version");
	is_str(kept(0, 0, 0, room - 3), "c", "a CN that just fits");
	is_str(kept(0, 0, 0, room - 2), "limit", "one too long refuses");
	is_str(kept(0, 0, 0, 65535), "limit", "so does the longest");
}

static void
test_nul(void)
{
	struct sockaddr_storage a;
	struct backend_proxy_out p = { .source = &a,
		.destination = &a,
		.tls = BACKEND_PROXY_VERIFIED,
		.cn = slice_make("root\0x", 6) };
	struct kit_bytes b;

	if (address_parse(&a, "192.0.2.1:1") != OK)
		abort();
	is_int(write_out(&b, CONFIG_PROXY_PROTOCOL_V2, &p), ERR_MALFORMED,
	    "a NUL in the CN refuses");
	is_int((long long)b.len, 0, "with nothing written");
	kit_free(&b);
	is_int(write_out(&b, CONFIG_PROXY_PROTOCOL_V1, &p), OK,
	    "v1 tells no CN");
	kit_free(&b);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	test_bound();
	test_nul();
	return done_testing();
}
