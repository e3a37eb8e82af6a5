/* SPDX-License-Identifier: ISC */
/*
 * A private key that is named by a PKCS#11 URI (RFC 7512) instead of a file.
 * Here is what the configuration must know of such a URI: that it is one, and
 * where its PIN comes from. Finding the key is up to tls/.
 */
#ifndef CONFIG_KEY_URI_H
#define CONFIG_KEY_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Returns true if `text' is meant as a PKCS#11 URI and not as a path. */
bool config_key_uri_is(const char *text);

/* Where the PIN comes from. */
enum config_pin_kind {
	CONFIG_PIN_NONE, /* the URI names no pin-source */
	CONFIG_PIN_FILE,
	CONFIG_PIN_ENV
};

#define CONFIG_PIN_MAX 4096

struct config_pin {
	enum config_pin_kind kind;
	char name[CONFIG_PIN_MAX]; /* absolute path, or name of the variable */
};

/*
 * Reads the pin-source of a URI: file:/PATH or /PATH, env:NAME, or
 * credential:NAME, which is the file NAME in $CREDENTIALS_DIRECTORY. Returns
 * NULL, or what is wrong, as "what (what to write)"; static text, without any
 * part of the URI.
 */
const char *config_key_uri_pin(const char *uri, struct config_pin *out);

/* Returns NULL if the URI can be used, or what is wrong with it, as
 * config_key_uri_pin() does. */
const char *config_key_uri_fault(const char *uri);

#endif
