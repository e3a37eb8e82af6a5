/* SPDX-License-Identifier: ISC */
/*
 * The form of a PKCS#11 URI: "pkcs11:" and attributes with ";" between them;
 * then, after "?", attributes with "&" between them (RFC 7512, 2.3).
 */
#include "config/key_uri.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEME "pkcs11:"

bool
config_key_uri_is(const char *text)
{
	return strncasecmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static int
hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return -1;
}

/* Decodes [begin, end). */
static enum err
decode(const char *begin, const char *end, char *out, size_t size)
{
	size_t len = 0;
	int high, low;

	for (; begin < end; begin++) {
		if (len + 1 >= size)
			return ERR_LIMIT;
		if (*begin != '%') {
			out[len++] = *begin;
			continue;
		}
		high = end - begin > 2 ? hex_digit(begin[1]) : -1;
		low = end - begin > 2 ? hex_digit(begin[2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return ERR_MALFORMED;
		out[len++] = (char)(high * 16 + low);
		begin += 2;
	}
	out[len] = '\0';
	return OK;
}

/*
 * Writes the value of the attribute `name' to `out', with %XX decoded.
 * ERR_NOT_FOUND: the URI has no such attribute. ERR_MALFORMED: a %XX is
 * invalid, or stands for NUL. ERR_LIMIT: `size' is too small.
 */
static enum err
get_attribute(const char *uri, const char *name, char *out, size_t size)
{
	const char *p = uri + strlen(SCHEME), *end;
	size_t len = strlen(name);

	for (; *p != '\0'; p = *end == '\0' ? end : end + 1) {
		end = p + strcspn(p, ";?&");
		if ((size_t)(end - p) > len && p[len] == '=' &&
		    strncmp(p, name, len) == 0)
			return decode(p + len + 1, end, out, size);
	}
	return ERR_NOT_FOUND;
}

/* Writes the path of the systemd credential `name'. */
static const char *
find_credential(const char *name, struct config_pin *out)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	if (folder == NULL || folder[0] != '/')
		return "its pin-source is a credential, but systemd has "
		       "passed none (write LoadCredential= in the unit)";
	if (name[0] == '\0' || strchr(name, '/') != NULL)
		return "its pin-source is not the name of a credential (write "
		       "credential:NAME)";
	out->kind = CONFIG_PIN_FILE;
	if (snprintf(out->name, sizeof(out->name), "%s/%s", folder, name) >=
	    (int)sizeof(out->name))
		return "the path of its credential is too long";
	return NULL;
}

/* Moves the text behind a prefix to the beginning; false if it has another. */
static bool
cut_prefix(char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(text, prefix, len) != 0)
		return false;
	memmove(text, text + len, strlen(text + len) + 1);
	return true;
}

const char *
config_key_uri_pin(const char *uri, struct config_pin *out)
{
	char name[CONFIG_PIN_MAX];
	enum err err =
	    get_attribute(uri, "pin-source", out->name, sizeof(out->name));

	out->kind = CONFIG_PIN_NONE;
	if (err == ERR_NOT_FOUND)
		return NULL;
	if (err != OK)
		return "its pin-source is too long, or has an invalid %XX";
	if (cut_prefix(out->name, "credential:")) {
		memcpy(name, out->name, sizeof(name));
		return find_credential(name, out);
	}
	if (cut_prefix(out->name, "env:")) {
		out->kind = CONFIG_PIN_ENV;
		return NULL;
	}
	if (!cut_prefix(out->name, "file://"))
		(void)cut_prefix(out->name, "file:");
	out->kind = CONFIG_PIN_FILE;
	if (out->name[0] != '/')
		return "its pin-source is not known (write "
		       "pin-source=file:/PATH, env:NAME or credential:NAME)";
	return NULL;
}

const char *
config_key_uri_fault(const char *uri)
{
	struct config_pin pin;
	char value[2];

	if (get_attribute(uri, "pin-value", value, sizeof(value)) !=
	    ERR_NOT_FOUND)
		return "it holds the PIN, which would then be in backups and "
		       "in the output of commands (write "
		       "pin-source=file:/PATH instead of pin-value)";
	return config_key_uri_pin(uri, &pin);
}
