/* SPDX-License-Identifier: ISC */
/*
 * Addresses as text and back, and networks.
 */
#include "base/address.h"

#include "tap.h"

static const struct row {
	const char *text;
	const char *back; /* NULL: refused */
} rows[] = {
	{ "127.0.0.1:1883", "127.0.0.1:1883" },
	{ "0.0.0.0:0", "0.0.0.0:0" },
	{ "255.255.255.255:65535", "255.255.255.255:65535" },
	{ "[::]:8883", "[::]:8883" },
	{ "[2001:DB8::1]:8883", "[2001:db8::1]:8883" },
	{ "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80" },
	{ "[fe80::1%lo]:1883", "[fe80::1%1]:1883" },
	{ "[fe80::1%7]:1883", "[fe80::1%7]:1883" },
	{ "unix:/run/broker.sock", "unix:/run/broker.sock" },
	{ "unix:relative", "unix:relative" },
	{ "", NULL },
	{ ":1883", NULL },
	{ "127.0.0.1", NULL },
	{ "127.0.0.1:", NULL },
	{ "127.0.0.1:65536", NULL },
	{ "127.0.0.1:99999999999", NULL },
	{ "127.0.0.1:-1", NULL },
	{ "127.0.0.1: 80", NULL },
	{ "127.0.0.1:80 ", NULL },
	{ "127.0.0.1:80x", NULL },
	{ "127.0.0:80", NULL },
	{ "127.0.0.256:80", NULL },
	{ "127.0.0.01:80", NULL },
	{ "0x7f.0.0.1:80", NULL },
	{ "localhost:1883", NULL },
	{ "::1:8883", NULL },
	{ "[::1]", NULL },
	{ "[::1]8883", NULL },
	{ "[::1:8883", NULL },
	{ "[]:8883", NULL },
	{ "[127.0.0.1]:80", NULL },
	{ "[::1%nosuchif]:80", NULL },
	{ "[::1%]:80", NULL },
	{ "unix:", NULL },
	{ "unix:/0123456789012345678901234567890123456789012345678901234567890"
	  "1234567890123456789012345678901234567890123456",
	    NULL },
};

static void
test_text(void)
{
	struct sockaddr_storage a;
	char text[ADDRESS_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (address_parse(&a, rows[i].text) != OK) {
			ok(rows[i].back == NULL, "refused: '%s'", rows[i].text);
			continue;
		}
		address_text_port(text, &a);
		is_str(text, rows[i].back, "read: '%s'", rows[i].text);
	}
}

static const struct split {
	const char *text;
	const char *host; /* NULL: refused */
	int port;
} splits[] = {
	{ "broker.example.org:1883", "broker.example.org", 1883 },
	{ "mosquitto:0", "mosquitto", 0 },
	{ "a_b-c.d:1", "a_b-c.d", 1 },
	{ "[::1]:1883", "::1", 1883 },
	{ "bro ker:1", NULL, 0 },
	{ "bro/ker:1", NULL, 0 },
	{ "broker", NULL, 0 },
	{ "broker:1:2", NULL, 0 },
	{ "br\xc3\xb6ker:1", NULL, 0 },
};

static void
test_split(void)
{
	char host[ADDRESS_HOST_MAX];
	char longest[ADDRESS_HOST_MAX + 8];
	uint16_t port;
	size_t i;

	for (i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		if (address_split(splits[i].text, host, &port) != OK) {
			ok(splits[i].host == NULL, "not split: '%s'",
			    splits[i].text);
			continue;
		}
		is_str(host, splits[i].host, "host of '%s'", splits[i].text);
		is_int(port, splits[i].port, "port of '%s'", splits[i].text);
	}
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + ADDRESS_HOST_MAX - 1, ":1");
	ok(address_split(longest, host, &port) == OK, "255 letters are a host");
	strcpy(longest + ADDRESS_HOST_MAX, ":1");
	ok(address_split(longest, host, &port) != OK, "256 are none");
}

static const struct match {
	const char *net;
	const char *host;
	bool in;
} matches[] = {
	{ "10.0.0.0/8", "10.255.0.1", true },
	{ "10.0.0.0/8", "11.0.0.1", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "0.0.0.0/0", "203.0.113.7", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "::/0", "2001:db8::1", true },
	{ "::/0", "203.0.113.7", false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "10.0.0.0/8", "::ffff:10.1.1.1", true },
};

static void
test_nets(void)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.1/8", "::1/127x", "2001:db8::1/32", "10.0.0.0/-1",
		"2001:db8::/129", "broker/8", "10.0.0.0/8/8" };
	struct sockaddr_storage a;
	struct address_net net;
	size_t i;

	for (i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		ok(address_net_parse(&net, matches[i].net) == OK &&
			address_parse_host(&a, matches[i].host) == OK &&
			address_net_match(&net, 1, &a) == matches[i].in,
		    "%s is %sin %s", matches[i].host,
		    matches[i].in ? "" : "not ", matches[i].net);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(address_net_parse(&net, bad[i]) == ERR_MALFORMED,
		    "no network: '%s'", bad[i]);
	ok(!address_net_match(NULL, 0, &a), "no network holds no address");
	ok(address_parse(&a, "unix:/x") == OK &&
		address_net_parse(&net, "::/0") == OK &&
		!address_net_match(&net, 1, &a),
	    "a unix address is in no network");
}

static void
test_prefix(void)
{
	static const uint8_t v4[16] = { 192, 0, 2 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4 };
	struct sockaddr_storage a, b;
	uint8_t key[16];

	ok(address_parse_host(&a, "::ffff:192.0.2.77") == OK, "a mapped one");
	is_int(address_prefix(key, &a, 24, 64), 4, "counts as IPv4");
	is_mem(key, sizeof(key), v4, sizeof(v4), "its /24");
	ok(address_parse_host(&a, "2001:db8:102:304:5:6:7:8") == OK, "IPv6");
	is_int(address_prefix(key, &a, 24, 64), 6, "is IPv6");
	is_mem(key, sizeof(key), v6, sizeof(v6), "its /64");
	ok(address_parse(&a, "[::ffff:192.0.2.1]:5") == OK &&
		address_parse(&b, "192.0.2.1:5") == OK &&
		!address_equal(&a, &b),
	    "mapped and not differ");
	address_unmap(&a);
	ok(address_equal(&a, &b), "until unmapped");
	address_set_port(&a, 6);
	ok(!address_equal(&a, &b), "another port is another address");
}

int
main(void)
{
	test_text();
	test_split();
	test_nets();
	test_prefix();
	return done_testing();
}
