/* SPDX-License-Identifier: ISC */
#include "config/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
differ(char a, char b)
{
	return tolower((unsigned char)a) != tolower((unsigned char)b);
}

/*
 * The optimal string alignment distance, row by row. rows[i % 3][j] is that
 * of the first i characters of a and the first j of b.
 */
size_t
config_nearest_distance(const char *a, const char *b)
{
	size_t rows[3][CONFIG_NEAREST_MAX + 1];
	size_t alen = strlen(a), blen = strlen(b), i, j;
	size_t *row, *up, *up2;

	if (alen >= CONFIG_NEAREST_MAX || blen >= CONFIG_NEAREST_MAX)
		return CONFIG_NEAREST_MAX;
	for (j = 0; j <= blen; j++)
		rows[0][j] = j;
	for (i = 1; i <= alen; i++) {
		row = rows[i % 3];
		up = rows[(i + 2) % 3];
		up2 = rows[(i + 1) % 3];
		row[0] = i;
		for (j = 1; j <= blen; j++) {
			row[j] = least(up[j] + 1, row[j - 1] + 1);
			row[j] = least(row[j],
			    up[j - 1] + differ(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && !differ(a[i - 1], b[j - 2]) &&
			    !differ(a[i - 2], b[j - 1]))
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[alen % 3][blen];
}

void
config_nearest_try(struct config_nearest *n, const char *typed,
    const char *known)
{
	size_t distance = config_nearest_distance(typed, known);

	if (distance > strlen(known) / 3)
		return;
	if (n->word == NULL || distance < n->distance) {
		n->word = known;
		n->distance = distance;
	}
}

/* Options of other proxies and brokers, and what they are called here. */
static const struct {
	const char *section;
	const char *key;
	const char *instead;
} foreign_options[] = {
	{ "daemon", "threads", "write workers" },
	{ "daemon", "nbthread", "write workers" },
	{ "listener", "listen", "write bind" },
	{ "listener", "port", "write bind, such as bind = 0.0.0.0:8883" },
	{ "listener", "address", "write bind" },
	{ "listener", "protocol", "write transport" },
	{ "tls", "handshake_timeout", "it is tls in [timeouts]" },
	{ "tls", "cert", "write certificate" },
	{ "tls", "certfile", "write certificate" },
	{ "tls", "key", "write private_key" },
	{ "tls", "keyfile", "write private_key" },
	{ "tls", "ca", "write client_ca" },
	{ "tls", "cafile", "write client_ca" },
	{ "tls", "crlfile", "write crl" },
	{ "tls", "verify", "write client_certificate" },
	{ "tls", "require_certificate", "write client_certificate" },
	{ "tls", "tls_version", "write min_version" },
	{ "backend", "server", "write address" },
	{ "backend", "host", "write address, such as address = host:1883" },
	{ "backend", "port", "write address, such as address = host:1883" },
};

/* The same for sections. */
static const char *const foreign_sections[][2] = {
	{ "auth", "identity" },
	{ "broker", "backend" },
	{ "brokers", "backend" },
	{ "global", "daemon" },
	{ "log", "daemon" },
	{ "server", "listener" },
	{ "ssl", "tls" },
	{ "upstream", "backend" },
};

static const char *
foreign_option(const struct config_section *section, const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(foreign_options) / sizeof(foreign_options[0]);
	     i++)
		if (strcmp(foreign_options[i].section, section->word) == 0 &&
		    strcmp(foreign_options[i].key, key) == 0)
			return foreign_options[i].instead;
	return NULL;
}

/* The other section that has an option `key', or NULL. */
static const struct config_section *
section_with(const char *key)
{
	const struct config_section *sections;
	size_t count, i;

	sections = config_sections(&count);
	for (i = 0; i < count; i++)
		if (config_option_find(&sections[i], key) != NULL)
			return &sections[i];
	return NULL;
}

static void
put_all(char out[CONFIG_SUGGEST_MAX], const struct config_section *section)
{
	size_t i, len;

	len = (size_t)snprintf(out, CONFIG_SUGGEST_MAX, "write one of:");
	for (i = 0; i < section->option_count && len < CONFIG_SUGGEST_MAX; i++)
		len += (size_t)snprintf(out + len, CONFIG_SUGGEST_MAX - len,
		    "%s %s", i == 0 ? "" : ",", section->options[i].key);
}

void
config_suggest_key(char out[CONFIG_SUGGEST_MAX],
    const struct config_section *section, const char *key)
{
	const char *instead = foreign_option(section, key);
	const struct config_section *other;
	struct config_nearest nearest = { 0 };
	size_t i;

	if (instead != NULL) {
		snprintf(out, CONFIG_SUGGEST_MAX, "%s", instead);
		return;
	}
	other = section_with(key);
	if (other != NULL) {
		snprintf(out, CONFIG_SUGGEST_MAX, "it belongs in [%s%s]",
		    other->word, other->many == CONFIG_NAMED ? " NAME" : "");
		return;
	}
	for (i = 0; i < section->option_count; i++)
		config_nearest_try(&nearest, key, section->options[i].key);
	if (nearest.word != NULL)
		snprintf(out, CONFIG_SUGGEST_MAX, "write %s", nearest.word);
	else
		put_all(out, section);
}

void
config_suggest_section(char out[CONFIG_SUGGEST_MAX], const char *word)
{
	const struct config_section *sections;
	struct config_nearest nearest = { 0 };
	size_t count, i, len;

	for (i = 0; i < sizeof(foreign_sections) / sizeof(foreign_sections[0]);
	     i++)
		if (strcmp(foreign_sections[i][0], word) == 0)
			nearest.word = foreign_sections[i][1];
	sections = config_sections(&count);
	if (nearest.word == NULL)
		for (i = 0; i < count; i++)
			config_nearest_try(&nearest, word, sections[i].word);
	if (nearest.word != NULL) {
		snprintf(out, CONFIG_SUGGEST_MAX, "write [%s]", nearest.word);
		return;
	}
	len = (size_t)snprintf(out, CONFIG_SUGGEST_MAX, "write one of:");
	for (i = 0; i < count && len < CONFIG_SUGGEST_MAX; i++)
		len += (size_t)snprintf(out + len, CONFIG_SUGGEST_MAX - len,
		    "%s [%s]", i == 0 ? "" : ",", sections[i].word);
}
