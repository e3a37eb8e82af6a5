/* SPDX-License-Identifier: ISC */
#include "config/option.h"

#include <string.h>

#include "base/unit.h"
#include "config/key_uri.h"
#include "config/value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The setters write an ENUM as an int and a SET as bits of an unsigned. */
_Static_assert(sizeof(enum config_mode) == sizeof(int), "enum is an int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "enum is an int");

#define CHOICE(id, text) { text, id },
#define CHOICES(name) \
	static const struct config_choice name##_choices[] = { \
		CONFIG_CHOICES_##name(CHOICE){ NULL, 0 } \
	};

CHOICES(log_level)
CHOICES(log_format)
CONFIG_ENUMS(CHOICES)

/* The columns of a type without the first one, the C type. */
#define WITHOUT_FIRST(first, ...) __VA_ARGS__
#define COLUMNS(...) WITHOUT_FIRST(__VA_ARGS__)

#define ROW(section, key, type, standard, reload, help) \
	{ #key, COLUMNS(CONFIG_TYPE_##type), standard, CONFIG_##reload, help, \
		offsetof(struct config_##section, key), \
		offsetof(struct config_##section, where.key) },
#define ROWS(section, list, many) \
	static const struct config_option section##_options[] = { list(ROW) };

CONFIG_SECTIONS(ROWS)

#define PLACE_ONE(section) offsetof(struct config, section), 0
#define PLACE_NAMED(section) \
	offsetof(struct config, section), \
	    offsetof(struct config, section##_count)
#define PLACE_PROFILE(section) PLACE_NAMED(section)

#define SECTION(section, list, many) \
	{ #section, CONFIG_##many, section##_options, \
		COUNT(section##_options), sizeof(struct config_##section), \
		PLACE_##many(section) },

static const struct config_section sections[] = { CONFIG_SECTIONS(SECTION) };

const struct config_section *
config_sections(size_t *count)
{
	*count = COUNT(sections);
	return sections;
}

const struct config_section *
config_section_find(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT(sections); i++)
		if (strcmp(sections[i].word, word) == 0)
			return &sections[i];
	return NULL;
}

const struct config_option *
config_option_find(const struct config_section *section, const char *key)
{
	size_t i;

	for (i = 0; i < section->option_count; i++)
		if (strcmp(section->options[i].key, key) == 0)
			return &section->options[i];
	return NULL;
}

size_t
config_section_count(const struct config_section *section,
    const struct config *cfg)
{
	size_t count;

	if (section->many == CONFIG_ONE)
		return 1;
	memcpy(&count, (const char *)cfg + section->count, sizeof(count));
	return count;
}

void *
config_section_body(const struct config_section *section,
    const struct config *cfg, size_t index)
{
	char *place = (char *)(uintptr_t)cfg + section->offset;
	void *array;

	if (section->many == CONFIG_ONE)
		return place;
	memcpy(&array, place, sizeof(array));
	return (char *)array + index * section->size;
}

void
config_option_each(const struct config *cfg, config_option_cb *each, void *arg)
{
	struct config_head *body;
	size_t i, j, k;

	for (i = 0; i < COUNT(sections); i++)
		for (j = 0; j < config_section_count(&sections[i], cfg); j++) {
			body = config_section_body(&sections[i], cfg, j);
			for (k = 0; k < sections[i].option_count; k++)
				each(&sections[i].options[k], body, arg);
		}
}

/* Names what is read for a key: its file, or that with the PIN of its token. */
static void
each_key_file(const char *key, void (*each)(const char *path, void *arg),
    void *arg)
{
	struct config_pin pin;

	if (!config_key_uri_is(key))
		each(key, arg);
	else if (config_key_uri_pin(key, &pin) == NULL &&
	    pin.kind == CONFIG_PIN_FILE)
		each(pin.name, arg);
}

void
config_option_paths(const struct config_option *option,
    struct config_head *body, void (*each)(const char *path, void *arg),
    void *arg)
{
	const struct config_list *list;
	const char *path;
	size_t i;

	switch (option->reads) {
	case CONFIG_READS_NOTHING:
		break;
	case CONFIG_READS_FILE:
		path = *(const char **)config_option_field(option, body);
		if (path[0] != '\0')
			each(path, arg);
		break;
	case CONFIG_READS_FILES:
	case CONFIG_READS_FILES_OR_DIRS:
		list = config_option_field(option, body);
		for (i = 0; i < list->count; i++)
			each(list->items[i], arg);
		break;
	case CONFIG_READS_KEYS:
		list = config_option_field(option, body);
		for (i = 0; i < list->count; i++)
			each_key_file(list->items[i], each, arg);
		break;
	}
}

int
config_option_words(const struct config_option *option, char *out, size_t size)
{
	const struct config_choice *choices = option->choices;
	size_t len = 0, i;

	for (i = 0; choices[i].word != NULL && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i == 0 ? "" : ", ", choices[i].word);
	return (int)len;
}

/* Returns the unit of a numeric option. */
static enum unit
unit_of(const struct config_option *option)
{
	if (option->set == config_set_msec)
		return UNIT_TIME;
	return option->set == config_set_size ? UNIT_SIZE : UNIT_PLAIN;
}

int
config_option_range(const struct config_option *option, char *out, size_t size)
{
	char lo[UNIT_TEXT_MAX], hi[UNIT_TEXT_MAX];
	enum unit unit = unit_of(option);

	if (option->choices != NULL)
		return config_option_words(option, out, size);
	if (option->max == 0)
		return snprintf(out, size, "%s", option->takes);
	unit_write(lo, unit, option->min);
	unit_write(hi, unit, option->max);
	if (option->takes == NULL)
		return snprintf(out, size, "%s to %s", lo, hi);
	return snprintf(out, size, "%s, or %s to %s", option->takes, lo, hi);
}

#define INDENT "    "
#define WIDTH 78

/* Writes `text' in lines of at most WIDTH, broken at blanks. */
static void
write_wrapped(FILE *out, const char *text)
{
	size_t column = 0, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column == 0 || column + 1 + len > WIDTH) {
			fprintf(out, "%s" INDENT, column == 0 ? "" : "\n");
			column = sizeof(INDENT) - 1;
		} else {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len;
		text += *text == ' ';
	}
	fputc('\n', out);
}

static void
write_option(FILE *out, const char *section, const struct config_option *o)
{
	char range[CONFIG_WHY_MAX];

	fprintf(out, "[%s] %s =%s%s\n", section, o->key,
	    o->standard[0] == '\0' ? "" : " ", o->standard);
	write_wrapped(out, o->help);
	config_option_range(o, range, sizeof(range));
	fprintf(out, INDENT "Takes: %s\n", range);
	fprintf(out, INDENT "Changed: %s\n\n",
	    o->reload == CONFIG_LIVE ? "by a reload" : "by a restart only");
}

void
config_help_write(FILE *out)
{
	size_t i, j;

	for (i = 0; i < COUNT(sections); i++)
		for (j = 0; j < sections[i].option_count; j++)
			write_option(out, sections[i].word,
			    &sections[i].options[j]);
}
