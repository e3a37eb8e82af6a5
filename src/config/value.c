/* SPDX-License-Identifier: ISC */
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/unit.h"
#include "config/key_uri.h"
#include "config/suggest.h"

static enum err bad(struct config_setting *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes s->why, cut to fit, and returns ERR_CONFIG. */
static enum err
bad(struct config_setting *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return ERR_CONFIG;
}

enum err
config_set_bool(struct config_setting *s, void *field)
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
	return bad(s, "\"%.64s\" is neither on nor off (write on or off)",
	    s->text);
}

/* The sentence for a text that is no number of this unit. */
static enum err
bad_number(struct config_setting *s, enum unit unit)
{
	size_t digits = strspn(s->text, "0123456789");

	if (unit == UNIT_TIME && digits > 0 && s->text[digits] == '\0')
		return bad(s,
		    "%.64s has no unit (write %.32ss for seconds, or %.32sms)",
		    s->text, s->text, s->text);
	if (unit == UNIT_TIME)
		return bad(s,
		    "\"%.64s\" is not a time (write a whole number with ms, "
		    "s, m, h or d behind it, such as 10s)",
		    s->text);
	if (unit == UNIT_SIZE)
		return bad(s,
		    "\"%.64s\" is not a size (write a whole number of bytes, "
		    "or one with k, m or g behind it, such as 64k)",
		    s->text);
	return bad(s, "\"%.64s\" is not a whole number (write digits only)",
	    s->text);
}

/* Parses a number in the range of the option. Where the option has a word for
 * 0, that is taken too. */
static enum err
take_number(struct config_setting *s, enum unit unit, uint64_t *out)
{
	const struct config_option *o = s->option;
	char range[CONFIG_WHY_MAX / 2];
	enum err err;

	*out = 0;
	if (o->takes != NULL && strcasecmp(s->text, o->takes) == 0)
		return OK;
	err = unit_parse(unit, s->text, out);
	if (err == ERR_MALFORMED)
		return bad_number(s, unit);
	if (err == OK && *out == 0 && o->takes != NULL && o->takes[0] == '0')
		return OK; /* "0s" */
	if (err == OK && *out >= o->min && *out <= o->max)
		return OK;
	config_option_range(o, range, sizeof(range));
	return bad(s, "%.64s is out of range (write %s)", s->text, range);
}

enum err
config_set_uint(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err = take_number(s, UNIT_PLAIN, &value);

	if (err == OK)
		*(uint32_t *)field = (uint32_t)value;
	return err;
}

enum err
config_set_msec(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err = take_number(s, UNIT_TIME, &value);

	if (err == OK)
		*(uint64_t *)field = value;
	return err;
}

enum err
config_set_size(struct config_setting *s, void *field)
{
	uint64_t value;
	enum err err = take_number(s, UNIT_SIZE, &value);

	if (err == OK)
		*(size_t *)field = (size_t)value;
	return err;
}

/* STR and TEMPLATE: stores the text as it is; the code that uses it checks its
 * form. */
enum err
config_set_text(struct config_setting *s, void *field)
{
	*(const char **)field = s->text;
	return OK;
}

enum err
config_set_name(struct config_setting *s, void *field)
{
	size_t i;

	for (i = 0; s->text[i] != '\0'; i++)
		if (!isalnum((unsigned char)s->text[i]) &&
		    strchr("_.-", s->text[i]) == NULL)
			return bad(s,
			    "\"%.64s\" is not a name (write letters, digits, "
			    "_ . and - only)",
			    s->text);
	if (i > CONFIG_NAME_LEN_MAX)
		return bad(s, "the name is longer than %d characters",
		    CONFIG_NAME_LEN_MAX);
	return config_set_text(s, field);
}

/* Returns how many words, separated by commas, the text has; 0 if it is empty.
 */
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

/* Splits s->text at its commas into trimmed words that live in the arena. An
 * empty text is an empty list. ERR_CONFIG: a word is empty. */
static enum err
split(struct config_setting *s, struct config_list *out)
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
			return bad(s,
			    "an item of the list is empty (write a, b without "
			    "a comma at either end)");
	}
	*out = list;
	return OK;
}

enum err
config_set_list(struct config_setting *s, void *field)
{
	return split(s, field);
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

enum err
config_set_path(struct config_setting *s, void *field)
{
	const char *path = absolute(s, s->text);

	if (path == NULL)
		return ERR_NO_MEMORY;
	*(const char **)field = path;
	return OK;
}

enum err
config_set_sink(struct config_setting *s, void *field)
{
	if (s->text[0] == '\0')
		return bad(s,
		    "is empty (write stderr, syslog or the path of a file)");
	if (strcmp(s->text, "stderr") == 0 || strcmp(s->text, "syslog") == 0)
		return config_set_text(s, field);
	return config_set_path(s, field);
}

enum err
config_set_paths(struct config_setting *s, void *field)
{
	struct config_list list;
	enum err err;
	size_t i;

	err = split(s, &list);
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

enum err
config_set_keys(struct config_setting *s, void *field)
{
	struct config_list list;
	const char *fault;
	enum err err;
	size_t i;

	err = split(s, &list);
	if (err != OK)
		return err;
	for (i = 0; i < list.count; i++) {
		if (config_key_uri_is(list.items[i])) {
			fault = config_key_uri_fault(list.items[i]);
			if (fault != NULL)
				return bad(s, "the pkcs11: URI: %s", fault);
			continue;
		}
		list.items[i] = absolute(s, list.items[i]);
		if (list.items[i] == NULL)
			return ERR_NO_MEMORY;
	}
	*(struct config_list *)field = list;
	return OK;
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
		return bad(s, "\"%.64s\" is unknown (write %s)", word,
		    nearest.word);
	config_option_words(s->option, words, sizeof(words));
	return bad(s, "\"%.64s\" is unknown (write one of: %s)", word, words);
}

enum err
config_set_enum(struct config_setting *s, void *field)
{
	int constant;
	enum err err = take_choice(s, s->text, &constant);

	if (err == OK)
		*(int *)field = constant;
	return err;
}

enum err
config_set_set(struct config_setting *s, void *field)
{
	char words[CONFIG_WHY_MAX / 2];
	struct config_list list;
	unsigned set = 0;
	int constant;
	enum err err;
	size_t i;

	err = split(s, &list);
	for (i = 0; err == OK && i < list.count; i++) {
		err = take_choice(s, list.items[i], &constant);
		if (err == OK)
			set |= 1u << (unsigned)constant;
	}
	if (err != OK)
		return err;
	if (set == 0) {
		config_option_words(s->option, words, sizeof(words));
		return bad(s, "is empty (write some of: %s)", words);
	}
	*(unsigned *)field = set;
	return OK;
}

#define UNIX_PREFIX "unix:"

/* "8883" or ":8883": the port, or NULL when there is more than that. */
static const char *
port_only(const char *text)
{
	if (*text == ':')
		text++;
	return text[strspn(text, "0123456789")] == '\0' ? text : NULL;
}

static enum err
parse_addr(struct config_setting *s, const char *text, struct config_addr *out)
{
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 ||
	    address_parse(&out->sa, text) != OK)
		return bad(s,
		    "\"%.64s\" is not an address to listen on (write numbers, "
		    "such as 0.0.0.0:8883, [::]:8883 or 127.0.0.1:0)",
		    text);
	out->text = text;
	out->len = address_len(&out->sa);
	return OK;
}

/* A port alone is both families; `out' has room for the two. */
static enum err
parse_port_only(struct config_setting *s, const char *port,
    struct config_addr *out)
{
	static const char *const hosts[] = { "0.0.0.0:", "[::]:" };
	char text[ADDRESS_TEXT_MAX];
	const char *copy;
	enum err err;
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s%.64s", hosts[i], port);
		copy = config_arena_text(s->arena, text, strlen(text));
		if (copy == NULL)
			return ERR_NO_MEMORY;
		err = parse_addr(s, copy, &out[i]);
		if (err != OK)
			return err;
	}
	out[1].optional = true;
	return OK;
}

enum err
config_set_addrs(struct config_setting *s, void *field)
{
	struct config_addrs addrs = { 0 };
	struct config_list list;
	const char *port;
	enum err err;
	size_t i;

	err = split(s, &list);
	if (err != OK)
		return err;
	addrs.items = config_arena_array(s->arena, list.count,
	    2 * sizeof(addrs.items[0]));
	if (addrs.items == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < list.count && err == OK; i++) {
		port = port_only(list.items[i]);
		if (port != NULL) {
			err =
			    parse_port_only(s, port, &addrs.items[addrs.count]);
			addrs.count += 2;
		} else {
			err = parse_addr(s, list.items[i],
			    &addrs.items[addrs.count++]);
		}
	}
	if (err == OK)
		*(struct config_addrs *)field = addrs;
	return err;
}

static enum err
bad_endpoint(struct config_setting *s, const char *text)
{
	const char *scheme = strstr(text, "://");

	if (scheme != NULL)
		return bad(s,
		    "\"%.64s\" is a URL (write %.64s: the broker is dialled "
		    "in plaintext)",
		    text, scheme[3] != '\0' ? scheme + 3 : "host:port");
	if (strchr(text, ':') == NULL && strlen(text) < ADDRESS_HOST_MAX)
		return bad(s,
		    "\"%.64s\" has no port (write %.64s:1883, or where it "
		    "listens)",
		    text, text);
	return bad(s,
	    "\"%.64s\" is not a broker's address (write host:port, "
	    "[IPv6]:port or unix:/path)",
	    text);
}

static enum err
parse_unix(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	const char *path = text + strlen(UNIX_PREFIX);
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (path[0] != '/')
		return bad(s,
		    "\"%.64s\" does not begin with / (write unix:/path)", text);
	if (strlen(path) > max)
		return bad(s,
		    "the path of a unix socket is longer than %zu bytes", max);
	out->path = path;
	return OK;
}

/* Only digits and dots, and yet no address: nothing a resolver would know. */
static bool
broken_number(const char *host)
{
	struct in_addr addr;

	return host[strspn(host, "0123456789.")] == '\0' &&
	    inet_pton(AF_INET, host, &addr) != 1;
}

/* In brackets there has to be an IPv6 address. */
static bool
broken_brackets(const char *text)
{
	struct sockaddr_storage sa;

	return text[0] == '[' && address_parse(&sa, text) != OK;
}

static enum err
parse_host(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	char host[ADDRESS_HOST_MAX];

	if (address_split(text, host, &out->port) != OK ||
	    broken_number(host) || broken_brackets(text))
		return bad_endpoint(s, text);
	if (out->port == 0)
		return bad(s,
		    "\"%.64s\" has port 0, where nothing listens (write the "
		    "broker's port, such as 1883)",
		    text);
	out->host = config_arena_text(s->arena, host, strlen(host));
	return out->host == NULL ? ERR_NO_MEMORY : OK;
}

static enum err
parse_endpoint(struct config_setting *s, const char *text,
    struct config_endpoint *out)
{
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(s, text, out);
	return parse_host(s, text, out);
}

enum err
config_set_endpoints(struct config_setting *s, void *field)
{
	struct config_endpoints endpoints = { 0 };
	struct config_list list;
	enum err err;
	size_t i;

	err = split(s, &list);
	if (err != OK)
		return err;
	if (list.count == 0)
		return bad(s, "is empty (write host:port or unix:/path)");
	endpoints.items = config_arena_array(s->arena, list.count,
	    sizeof(endpoints.items[0]));
	if (endpoints.items == NULL)
		return ERR_NO_MEMORY;
	endpoints.texts = list.items;
	endpoints.count = list.count;
	for (i = 0; i < list.count && err == OK; i++)
		err = parse_endpoint(s, list.items[i], &endpoints.items[i]);
	if (err == OK)
		*(struct config_endpoints *)field = endpoints;
	return err;
}

enum err
config_set_endpoints_or_none(struct config_setting *s, void *field)
{
	if (s->text[strspn(s->text, " \t,")] != '\0')
		return config_set_endpoints(s, field);
	memset(field, 0, sizeof(struct config_endpoints));
	return OK;
}

enum err
config_set_nets(struct config_setting *s, void *field)
{
	struct config_nets nets = { 0 };
	struct config_list list;
	enum err err;
	size_t i;

	err = split(s, &list);
	if (err != OK)
		return err;
	nets.count = list.count;
	nets.items =
	    config_arena_array(s->arena, list.count, sizeof(nets.items[0]));
	if (nets.items == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < list.count; i++)
		if (address_net_parse(&nets.items[i], list.items[i]) != OK)
			return bad(s,
			    "\"%.64s\" is not a network (write 10.0.0.0/8, "
			    "2001:db8::/32 or one address; the bits behind "
			    "the length must be 0)",
			    list.items[i]);
	*(struct config_nets *)field = nets;
	return OK;
}
