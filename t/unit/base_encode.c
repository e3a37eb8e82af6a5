/* SPDX-License-Identifier: ISC */
/*
 * Hex and base64, against the vectors of RFC 4648 section 10.
 */
#include "base/encode.h"

#include <ctype.h>
#include <stdlib.h>

#include "tap.h"

int
main(void)
{
	static const struct {
		const char *plain;
		const char *base64;
		const char *hex;
	} rows[] = {
		{ "", "", "" },
		{ "f", "Zg==", "66" },
		{ "fo", "Zm8=", "666f" },
		{ "foo", "Zm9v", "666f6f" },
		{ "foob", "Zm9vYg==", "666f6f62" },
		{ "fooba", "Zm9vYmE=", "666f6f6261" },
		{ "foobar", "Zm9vYmFy", "666f6f626172" },
		{ "\xff\xfe\xfd", "//79", "fffefd" },
	};
	char out[64];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		encode_base64(out, slice_str(rows[i].plain));
		is_str(out, rows[i].base64, "base64 of %zu bytes", i);
		is_int((long long)strlen(out),
		    (long long)ENCODE_BASE64_LEN(strlen(rows[i].plain)),
		    "its length is foretold");
		encode_hex(out, slice_str(rows[i].plain));
		is_str(out, rows[i].hex, "hex of %zu bytes", i);
	}
	for (i = 0; i < 256; i++) {
		snprintf(out, sizeof(out), "%c", (int)i);
		if (encode_hex_value((uint8_t)i) !=
		    (isxdigit((int)i) ? (int)strtol(out, NULL, 16) : -1))
			break;
	}
	is_int((long long)i, 256, "hex digits of either case have a value");
	return done_testing();
}
