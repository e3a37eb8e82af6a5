/* SPDX-License-Identifier: ISC */
/*
 * The table that grows from the rows of options.h: that each row is whole,
 * that each default is good and is what the struct gets, that the help tells
 * all of them, and that etc/sallyport.ini is a configuration with each option.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/unit.h"
#include "config/option.h"
#include "config/value.h"
#include "config_kit.h"
#include "tap.h"

#define TEXT_MAX 65536

/* A whole file; NULL when it cannot be read. Free it. */
static char *
read_text(const char *path)
{
	char *text = calloc(1, TEXT_MAX);
	FILE *f = fopen(path, "r");
	size_t len = 0;

	if (f != NULL) {
		len = fread(text, 1, TEXT_MAX - 1, f);
		fclose(f);
	}
	if (len > 0)
		return text;
	free(text);
	return NULL;
}

static void
check_row(const struct config_section *s, const struct config_option *o)
{
	char text[CONFIG_WHY_MAX];
	size_t len = strlen(o->help);
	const struct config_option *p;
	int same = 0;

	for (p = s->options; p < s->options + s->option_count; p++)
		same += strcmp(p->key, o->key) == 0;
	is_int(same, 1, "[%s] %s is one row", s->word, o->key);
	ok(len > 10 && (o->help[len - 1] == '.' || o->help[len - 1] == '?') &&
		o->help[0] != ' ' && strstr(o->help, "  ") == NULL,
	    "its help is a sentence");
	ok(o->min <= o->max, "its range is one");
	ok((o->choices != NULL) ==
		(o->set == config_set_enum || o->set == config_set_set),
	    "it has words if its type does");
	ok(config_option_range(o, text, sizeof(text)) < (int)sizeof(text),
	    "its range can be said");
}

/* Is what `body' holds what the row's default says? */
static void
check_default(const struct config_section *s, const struct config_option *o,
    void *body)
{
	struct config_setting setting = { .option = o, .dir = "/" };
	unsigned char field[64] = { 0 };

	is_str(config_option_where(o, body)->text, o->standard,
	    "[%s] %s is its default", s->word, o->key);
	setting.text = o->standard;
	setting.arena = config_arena_new();
	is_int(o->set(&setting, field), OK, "which is good");
	config_arena_free(setting.arena);
}

static void
test_rows(void)
{
	const struct config_section *sections;
	struct config *cfg = kit_load(KIT_GOOD "[fetch]\n");
	size_t count, i, j;
	void *body;

	sections = config_sections(&count);
	is_int((long long)count, 11, "eleven sections");
	for (i = 0; i < count && cfg != NULL; i++) {
		ok(config_section_find(sections[i].word) == &sections[i],
		    "[%s] is found", sections[i].word);
		body = config_section_body(&sections[i], cfg, 0);
		for (j = 0; j < sections[i].option_count; j++) {
			check_row(&sections[i], &sections[i].options[j]);
			if (strcmp(sections[i].word, "tls") != 0 &&
			    strcmp(sections[i].options[j].key, "bind") != 0)
				check_default(&sections[i],
				    &sections[i].options[j], body);
		}
	}
	config_put(cfg);
}

/* Some defaults as the struct has them, so that rows and fields agree. */
static void
test_fields(void)
{
	struct config *cfg = kit_load(KIT_GOOD);

	if (!ok(cfg != NULL, "fields"))
		return;
	is_int(cfg->daemon.workers, 0, "workers");
	is_str(cfg->daemon.user, "sallyport", "user");
	is_int(cfg->daemon.log_level, LOG_LEVEL_INFO, "log_level");
	is_int((long long)cfg->daemon.watch_interval, 10000, "watch_interval");
	is_int(cfg->listener[0].transport, CONFIG_TRANSPORT_TCP, "transport");
	is_str(cfg->listener[0].path, "/mqtt", "path");
	is_int(cfg->tls[0].min_version, CONFIG_TLS_VERSION_1_2, "min_version");
	is_int(cfg->tls[0].max_version, CONFIG_TLS_VERSION_1_3, "max_version");
	ok(cfg->tls[0].session_tickets, "session_tickets");
	is_str(cfg->identity[0].username, "${cn}", "username");
	ok(cfg->identity[0].assigned_clientid, "assigned_clientid");
	is_int(cfg->mqtt.versions, 7, "versions");
	is_int((long long)cfg->mqtt.max_connect_size, 65536, "connect size");
	is_str(cfg->backend[0].address.items[0].host, "127.0.0.1", "address");
	is_int((long long)cfg->timeouts.backend, 5000, "backend");
	is_int((long long)cfg->timeouts.idle, 0, "idle");
	is_int((long long)cfg->limits.relay_buffer, 65536, "relay_buffer");
	is_str(cfg->denylist.file, "", "file");
	config_put(cfg);
}

static void
test_help(void)
{
	const struct config_section *s;
	char line[256], *text = NULL;
	size_t count, size, i, j;
	FILE *f = open_memstream(&text, &size);

	config_help_write(f);
	fclose(f);
	s = config_sections(&count);
	for (i = 0; i < count; i++)
		for (j = 0; j < s[i].option_count; j++) {
			snprintf(line, sizeof(line), "[%s] %s =%s%s\n    ",
			    s[i].word, s[i].options[j].key,
			    s[i].options[j].standard[0] == '\0' ? "" : " ",
			    s[i].options[j].standard);
			ok(strstr(text, line) != NULL, "help has [%s] %s",
			    s[i].word, s[i].options[j].key);
		}
	ok(strstr(text, "    Takes: 100ms to 10m\n") != NULL, "a range");
	ok(strstr(text, "    Takes: 0, or 1s to 30d\n") != NULL, "or off");
	ok(strstr(text, "    Takes: hard, soft, grace\n") != NULL, "words");
	ok(strstr(text, "    Changed: by a restart only\n") != NULL, "reload");
	free(text);
}

/* Takes ";" off every ";key = value", so that all options are set. */
static char *
uncomment(const char *sample)
{
	char *out = calloc(1, strlen(sample) + 1), *to = out;
	const char *line = sample, *end, *p;

	for (; *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		end += *end == '\n';
		p = line + (*line == ';');
		while (islower((unsigned char)*p) || *p == '_')
			p++;
		if (*line == ';' && p > line + 1 && strncmp(p, " =", 2) == 0)
			line++;
		memcpy(to, line, (size_t)(end - line));
		to += end - line;
	}
	return out;
}

static void
test_sample(void)
{
	const char *top = getenv("TOP_SRCDIR");
	char path[4096], line[128];
	const struct config_section *s;
	char *text, *all;
	size_t count, i, j;

	snprintf(path, sizeof(path), "%s/etc/sallyport.ini",
	    top == NULL ? "." : top);
	text = read_text(path);
	if (!ok(text != NULL, "etc/sallyport.ini can be read"))
		return;
	is_str(kit_complaints(text), "", "etc/sallyport.ini is good");
	all = uncomment(text);
	is_str(kit_complaints(all), "", "and so with all lines in force");
	s = config_sections(&count);
	for (i = 0; i < count; i++)
		for (j = 0; j < s[i].option_count; j++) {
			snprintf(line, sizeof(line),
			    "\n%s =", s[i].options[j].key);
			ok(strstr(all, line) != NULL, "it has %s",
			    s[i].options[j].key);
		}
	free(text);
	free(all);
}

int
main(void)
{
	test_rows();
	test_fields();
	test_help();
	test_sample();
	kit_end();
	return done_testing();
}
