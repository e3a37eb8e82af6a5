#include "config/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/unit.h"
#include "config/nearest.h"
#include "config/value_address.h"

enum err
config_value_bad(struct config_setting *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return ERR_CONFIG;
}

static enum err
set_bool(struct config_setting *s, void *field)
{
	static const char *const yes[] = { "on", "yes", "true" };
	static const char *const no[] = { "off", "no", "false" };
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(s->text, yes[i]) == 0 ||
		    strcasecmp(s->text, no[i]) == 0) {
			*(bool *)field = strcasecmp(s->text, yes[i]) == 0;
			return OK;
		}
	}
	return config_value_bad(s,
	    "\"%.64s\" is neither on nor off (write on or off)", s->text);
}

/* What a numeric type is measured in. */
static enum unit
unit_of(enum config_type type)
{
	if (type == CONFIG_MSEC || type == CONFIG_MSEC_OFF)
		return UNIT_TIME;
	return type == CONFIG_SIZE ? UNIT_SIZE : UNIT_PLAIN;
}

/* The sentence for a text that is no number of this unit. */
static enum err
bad_number(struct config_setting *s, enum unit unit)
{
	size_t digits = strspn(s->text, "0123456789");

	if (unit == UNIT_TIME && digits > 0 && s->text[digits] == '\0')
		return config_value_bad(s,
		    "%.64s has no unit (write %.32ss for seconds, or %.32sms)",
		    s->text, s->text, s->text);
	if (unit == UNIT_TIME)
		return config_value_bad(s,
		    "\"%.64s\" is not a time (write a whole number with ms, "
		    "s, m, h or d behind it, such as 10s)",
		    s->text);
	if (unit == UNIT_SIZE)
		return config_value_bad(s,
		    "\"%.64s\" is not a size (write a whole number of bytes, "
		    "or one with k, m or g behind it, such as 64k)",
		    s->text);
	return config_value_bad(s,
	    "\"%.64s\" is not a whole number (write digits only)", s->text);
}

/* Parses a number of the option's unit and range. */
static enum err
take_number(struct config_setting *s, uint64_t *out)
{
	const struct config_option *o = s->option;
	enum unit unit = unit_of(o->type);
	char range[CONFIG_WHY_MAX / 2];
	enum err err;

	err = unit_parse(unit, s->text, out);
	if (err == ERR_MALFORMED)
		return bad_number(s, unit);
	if (err == OK && *out == 0 && o->type == CONFIG_MSEC_OFF)
		return OK;
	if (err == OK && *out >= o->least && *out <= o->most)
		return OK;
	config_value_range(o, range, sizeof(range));
	return config_value_bad(s, "%.64s is out of range (write %s)", s->text,
	    range);
}

static enum err
set_uint(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err;

	if (s->option->type == CONFIG_UINT_AUTO &&
	    strcasecmp(s->text, "auto") == 0) {
		*(uint32_t *)field = 0;
		return OK;
	}
	err = take_number(s, &value);
	if (err == OK)
		*(uint32_t *)field = (uint32_t)value;
	return err;
}

static enum err
set_msec(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err = take_number(s, &value);

	if (err == OK)
		*(uint64_t *)field = value;
	return err;
}

static enum err
set_size(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err = take_number(s, &value);

	if (err == OK)
		*(size_t *)field = (size_t)value;
	return err;
}

/* STR and TEMPLATE: the text as it is; who uses it knows its form. */
static enum err
set_text(struct config_setting *s, void *field)
{
	*(const char **)field = s->text;
	return OK;
}

static enum err
set_name(struct config_setting *s, void *field)
{
	size_t i;

	for (i = 0; s->text[i] != '\0'; i++)
		if (!isalnum((unsigned char)s->text[i]) &&
		    strchr("_.-", s->text[i]) == NULL)
			return config_value_bad(s,
			    "\"%.64s\" is not a name (write letters, digits, "
			    "_ . and - only)",
			    s->text);
	if (i > CONFIG_NAME_LEN_MAX)
		return config_value_bad(s,
		    "the name is longer than %d characters",
		    CONFIG_NAME_LEN_MAX);
	return set_text(s, field);
}

/* How many words the text has by its commas; 0 for an empty one. */
static size_t
count_words(const char *text)
{
	size_t count = 1;

	if (*text == '\0')
		return 0;
	for (; *text != '\0'; text++)
		count += *text == ',';
	return count;
}

/* A copy of [begin, end) without the blanks around it; NULL: no memory. */
static const char *
take_word(struct config_setting *s, const char *begin, const char *end)
{
	while (begin < end && isspace((unsigned char)begin[0]))
		begin++;
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	return config_arena_text(s->arena, begin, (size_t)(end - begin));
}

enum err
config_value_split(struct config_setting *s, struct config_list *out)
{
	struct config_list list = { NULL, count_words(s->text) };
	const char *p = s->text, *end;
	size_t i;

	list.items =
	    config_arena_array(s->arena, list.count, sizeof(list.items[0]));
	if (list.items == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < list.count; i++, p = end + 1) {
		end = p + strcspn(p, ",");
		list.items[i] = take_word(s, p, end);
		if (list.items[i] == NULL)
			return ERR_NO_MEMORY;
		if (list.items[i][0] == '\0')
			return config_value_bad(s,
			    "an item of the list is empty (write a, b without "
			    "a comma at either end)");
	}
	*out = list;
	return OK;
}

static enum err
set_list(struct config_setting *s, void *field)
{
	return config_value_split(s, field);
}

/* The absolute form of `path'; NULL: no memory. */
static const char *
absolute(const struct config_setting *s, const char *path)
{
	size_t dir = strlen(s->dir), len = strlen(path);
	char *out;

	if (path[0] == '/' || path[0] == '\0')
		return config_arena_text(s->arena, path, len);
	out = config_arena_alloc(s->arena, dir + 1 + len + 1);
	if (out == NULL)
		return NULL;
	memcpy(out, s->dir, dir);
	out[dir] = '/';
	memcpy(out + dir + 1, path, len);
	return out;
}

static enum err
set_path(struct config_setting *s, void *field)
{
	const char *path = absolute(s, s->text);

	if (path == NULL)
		return ERR_NO_MEMORY;
	*(const char **)field = path;
	return OK;
}

static enum err
set_sink(struct config_setting *s, void *field)
{
	if (s->text[0] == '\0')
		return config_value_bad(s,
		    "is empty (write stderr, syslog or the path of a file)");
	if (strcmp(s->text, "stderr") == 0 || strcmp(s->text, "syslog") == 0)
		return set_text(s, field);
	return set_path(s, field);
}

static enum err
set_paths(struct config_setting *s, void *field)
{
	struct config_list list;
	enum err err;
	size_t i;

	err = config_value_split(s, &list);
	if (err != OK)
		return err;
	for (i = 0; i < list.count; i++) {
		list.items[i] = absolute(s, list.items[i]);
		if (list.items[i] == NULL)
			return ERR_NO_MEMORY;
	}
	*(struct config_list *)field = list;
	return OK;
}

/* Writes "a, b, c" of the option's words. */
static int
put_choices(const struct config_choice *choices, char *out, size_t size)
{
	size_t len = 0, i;

	for (i = 0; choices[i].word != NULL && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		    i == 0 ? "" : ", ", choices[i].word);
	return (int)len;
}

static enum err
take_choice(struct config_setting *s, const char *word, int *constant)
{
	const struct config_choice *c;
	struct config_nearest nearest = { 0 };
	char words[CONFIG_WHY_MAX / 2];

	for (c = s->option->choices; c->word != NULL; c++) {
		if (strcmp(c->word, word) == 0) {
			*constant = c->constant;
			return OK;
		}
		config_nearest_try(&nearest, word, c->word);
	}
	if (nearest.word != NULL)
		return config_value_bad(s, "\"%.64s\" is unknown (write %s)",
		    word, nearest.word);
	put_choices(s->option->choices, words, sizeof(words));
	return config_value_bad(s, "\"%.64s\" is unknown (write one of: %s)",
	    word, words);
}

static enum err
set_enum(struct config_setting *s, void *field)
{
	int constant;
	enum err err = take_choice(s, s->text, &constant);

	if (err == OK)
		*(int *)field = constant;
	return err;
}

static enum err
set_set(struct config_setting *s, void *field)
{
	char words[CONFIG_WHY_MAX / 2];
	struct config_list list;
	unsigned set = 0;
	int constant;
	enum err err;
	size_t i;

	err = config_value_split(s, &list);
	for (i = 0; err == OK && i < list.count; i++) {
		err = take_choice(s, list.items[i], &constant);
		if (err == OK)
			set |= 1u << (unsigned)constant;
	}
	if (err != OK)
		return err;
	if (set == 0) {
		put_choices(s->option->choices, words, sizeof(words));
		return config_value_bad(s, "is empty (write some of: %s)",
		    words);
	}
	*(unsigned *)field = set;
	return OK;
}

enum err
config_value_set(struct config_setting *s, void *field)
{
	static enum err (*const setters[CONFIG_TYPE_COUNT])(
	    struct config_setting *, void *) = {
		[CONFIG_BOOL] = set_bool,
		[CONFIG_UINT] = set_uint,
		[CONFIG_UINT_AUTO] = set_uint,
		[CONFIG_MSEC] = set_msec,
		[CONFIG_MSEC_OFF] = set_msec,
		[CONFIG_SIZE] = set_size,
		[CONFIG_STR] = set_text,
		[CONFIG_TEMPLATE] = set_text,
		[CONFIG_NAME] = set_name,
		[CONFIG_LIST] = set_list,
		[CONFIG_PATH] = set_path,
		[CONFIG_PATHS] = set_paths,
		[CONFIG_PATHS_OR_DIRS] = set_paths,
		[CONFIG_OUTPUT] = set_path,
		[CONFIG_SINK] = set_sink,
		[CONFIG_ADDRS] = config_value_addrs,
		[CONFIG_ENDPOINTS] = config_value_endpoints,
		[CONFIG_NETS] = config_value_nets,
		[CONFIG_ENUM] = set_enum,
		[CONFIG_SET] = set_set,
	};

	return setters[s->option->type](s, field);
}

static int
put_range(const struct config_option *o, char *out, size_t size)
{
	enum unit unit = unit_of(o->type);
	char lo[UNIT_TEXT_MAX], hi[UNIT_TEXT_MAX];
	const char *word = "";

	if (o->type == CONFIG_UINT_AUTO)
		word = "auto, or ";
	if (o->type == CONFIG_MSEC_OFF)
		word = "0, or ";
	unit_write(lo, unit, o->least);
	unit_write(hi, unit, o->most);
	return snprintf(out, size, "%s%s to %s", word, lo, hi);
}

int
config_value_range(const struct config_option *option, char *out, size_t size)
{
	static const char *const kinds[CONFIG_TYPE_COUNT] = {
		[CONFIG_BOOL] = "on, off",
		[CONFIG_STR] = "text",
		[CONFIG_TEMPLATE] = "a template",
		[CONFIG_NAME] = "the name of a profile",
		[CONFIG_LIST] = "a list",
		[CONFIG_PATH] = "a file",
		[CONFIG_PATHS] = "files",
		[CONFIG_PATHS_OR_DIRS] = "files or directories",
		[CONFIG_OUTPUT] = "a path",
		[CONFIG_SINK] = "stderr, syslog, or a file",
		[CONFIG_ADDRS] = "addresses to listen on",
		[CONFIG_ENDPOINTS] = "addresses of brokers",
		[CONFIG_NETS] = "networks",
	};

	if (option->choices != NULL)
		return put_choices(option->choices, out, size);
	if (kinds[option->type] != NULL)
		return snprintf(out, size, "%s", kinds[option->type]);
	return put_range(option, out, size);
}
