/* SPDX-License-Identifier: ISC */
/*
 * Compares the list of cipher suites with the library's: names and versions are
 * the same, and no suite that a handshake can agree on is missing.
 */
#include <openssl/ssl.h>

#include "tap.h"
#include "tls/suites.h"

static void
check_suite(const SSL_CIPHER *c, uint16_t number)
{
	enum tls_suite suite = tls_suite_find(number);
	bool v13 = SSL_CIPHER_get_min_version(c) == TLS1_3_VERSION;

	is_str(tls_suite_name(suite), SSL_CIPHER_standard_name(c), "%s",
	    SSL_CIPHER_standard_name(c));
	is_str(tls_suite_version(suite), v13 ? "1.3" : "1.2",
	    "... its version");
}

int
main(void)
{
	const SSL_CIPHER *c;
	unsigned known = 0;
	uint32_t n;

	for (n = 0; n <= UINT16_MAX; n++) {
		c = SSL_get_cipher_by_value((uint16_t)n);
		if (c == NULL || SSL_CIPHER_get_auth_nid(c) == NID_auth_psk ||
		    SSL_CIPHER_get_bits(c, NULL) == 0)
			continue;
		check_suite(c, (uint16_t)n);
		known++;
	}
	ok(known > 10, "the library knows %u suites", known);
	is_int(tls_suite_find(0), TLS_SUITE_OTHER, "a number of no suite");
	is_int(tls_suite_find(0xffff), TLS_SUITE_OTHER, "another one");
	return done_testing();
}
