#include "config/option.h"

#include <string.h>

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

/* What each TYPE of a row puts into the table: type, least, most, choices. */
#define TYPE_BOOL CONFIG_BOOL, 0, 0, NULL
#define TYPE_UINT(lo, hi) CONFIG_UINT, lo, hi, NULL
#define TYPE_UINT_AUTO(lo, hi) CONFIG_UINT_AUTO, lo, hi, NULL
#define TYPE_MSEC(lo, hi) CONFIG_MSEC, lo, hi, NULL
#define TYPE_MSEC_OFF(lo, hi) CONFIG_MSEC_OFF, lo, hi, NULL
#define TYPE_SIZE(lo, hi) CONFIG_SIZE, lo, hi, NULL
#define TYPE_STR CONFIG_STR, 0, 0, NULL
#define TYPE_TEMPLATE CONFIG_TEMPLATE, 0, 0, NULL
#define TYPE_NAME CONFIG_NAME, 0, 0, NULL
#define TYPE_LIST CONFIG_LIST, 0, 0, NULL
#define TYPE_PATH CONFIG_PATH, 0, 0, NULL
#define TYPE_PATHS CONFIG_PATHS, 0, 0, NULL
#define TYPE_PATHS_OR_DIRS CONFIG_PATHS_OR_DIRS, 0, 0, NULL
#define TYPE_OUTPUT CONFIG_OUTPUT, 0, 0, NULL
#define TYPE_SINK CONFIG_SINK, 0, 0, NULL
#define TYPE_ADDRS CONFIG_ADDRS, 0, 0, NULL
#define TYPE_ENDPOINTS CONFIG_ENDPOINTS, 0, 0, NULL
#define TYPE_NETS CONFIG_NETS, 0, 0, NULL
#define TYPE_ENUM(e) CONFIG_ENUM, 0, 0, e##_choices
#define TYPE_SET(e) CONFIG_SET, 0, 0, e##_choices

#define ROW(section, key, type, standard, reload, help) \
	{ #key, TYPE_##type, standard, CONFIG_##reload, help, \
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

void
config_option_paths(const struct config_option *option,
    struct config_head *body, void (*each)(const char *path, void *arg),
    void *arg)
{
	const struct config_list *list;
	const char *path;
	size_t i;

	switch (option->type) {
	case CONFIG_PATH:
		path = *(const char **)config_option_field(option, body);
		if (path[0] != '\0')
			each(path, arg);
		break;
	case CONFIG_PATHS:
	case CONFIG_PATHS_OR_DIRS:
		list = config_option_field(option, body);
		for (i = 0; i < list->count; i++)
			each(list->items[i], arg);
		break;
	default:
		break;
	}
}
