/* SPDX-License-Identifier: ISC */
#include "config/ini.h"

#include <ctype.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Distributions that build inih as a shared library make its limits variables;
 * in the original they are constants. Weak: the address is NULL where the
 * variable does not exist.
 */
extern int ini_max_line __attribute__((weak));

#define WHAT_MAX 256
#define HEADING_MAX 64

struct reader {
	const struct config_ini_events *events;
	void *arg;
	const char *next; /* first byte not yet read */
	const char *end;
	unsigned line; /* of the line read last */
};

/* A line without its end and the blanks around it. */
struct line {
	const char *text; /* not ended by a NUL */
	int len;
};

static void complain(struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
complain(struct reader *r, const char *fmt, ...)
{
	char what[WHAT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r->events->error(r->arg, r->line, what);
}

/* Takes the next line; false at the end of the text. Its length fits an int
 * because the loader limits the size of the file. */
static bool
take_line(struct reader *r, struct line *out)
{
	const char *begin = r->next, *end;

	if (begin == r->end)
		return false;
	end = memchr(begin, '\n', (size_t)(r->end - begin));
	if (end == NULL)
		end = r->end;
	r->next = end == r->end ? end : end + 1;
	r->line++;
	while (begin < end && isspace((unsigned char)*begin))
		begin++;
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	out->text = begin;
	out->len = (int)(end - begin);
	return true;
}

/* Complains of the first control byte, which no text has; false if there is
 * none. */
static bool
has_control(struct reader *r, const struct line *l)
{
	unsigned char c;
	int i;

	for (i = 0; i < l->len; i++) {
		c = (unsigned char)l->text[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			complain(r,
			    "holds the control byte 0x%02x: not a line of "
			    "text (delete it)",
			    c);
			return true;
		}
	}
	return false;
}

static int
skip_blanks(const struct line *l, int i)
{
	while (i < l->len && isspace((unsigned char)l->text[i]))
		i++;
	return i;
}

static int
skip_word(const struct line *l, int i)
{
	while (i < l->len &&
	    (isalnum((unsigned char)l->text[i]) ||
		(l->text[i] != '\0' && strchr("_.-", l->text[i]) != NULL)))
		i++;
	return i;
}

/* Copies text[from, to) as a string; false: no room. */
static bool
copy_word(char *out, size_t size, const struct line *l, int from, int to)
{
	size_t len = (size_t)(to - from);

	if (len >= size)
		return false;
	memcpy(out, l->text + from, len);
	out[len] = '\0';
	return true;
}

/* Parses "[word]" or "[word name]", perhaps followed by a comment. Complains if
 * it is neither. */
static bool
parse_heading(struct reader *r, const struct line *l, char word[HEADING_MAX],
    char name[HEADING_MAX])
{
	int word_at, word_end, name_at, name_end, i;

	word_at = skip_blanks(l, 1);
	word_end = skip_word(l, word_at);
	name_at = skip_blanks(l, word_end);
	name_end = skip_word(l, name_at);
	i = skip_blanks(l, name_end);
	if (word_end == word_at || i == l->len || l->text[i] != ']' ||
	    (name_end > name_at && name_at == word_end)) {
		complain(r,
		    "\"%.*s\" is not a heading (write [section] or [section "
		    "name], names of letters, digits, _ . and -)",
		    l->len < 64 ? l->len : 64, l->text);
		return false;
	}
	i = skip_blanks(l, i + 1);
	if (i < l->len && l->text[i] != ';' && l->text[i] != '#') {
		complain(r,
		    "text follows the heading's ] (write it on a "
		    "line of its own)");
		return false;
	}
	if (!copy_word(word, HEADING_MAX, l, word_at, word_end) ||
	    !copy_word(name, HEADING_MAX, l, name_at, name_end)) {
		complain(r, "the heading is too long (write a shorter name)");
		return false;
	}
	return true;
}

static void
take_heading(struct reader *r, const struct line *l)
{
	char word[HEADING_MAX], name[HEADING_MAX];

	if (parse_heading(r, l, word, name))
		r->events->section(r->arg, r->line, word, name);
	else
		r->events->section(r->arg, r->line, NULL, NULL);
}

/* True if it is "key = ..."; else complains. */
static bool
is_setting(struct reader *r, const struct line *l)
{
	int end = skip_word(l, 0), i = skip_blanks(l, end);

	if (end > 0 && i < l->len && l->text[i] == '=')
		return true;
	complain(r,
	    "\"%.*s\" is not understood (write key = value, a [section], or "
	    "; before a comment)",
	    l->len < 64 ? l->len : 64, l->text);
	return false;
}

/* True if inih has to parse the line; all other lines are dealt with here. */
static bool
is_for_inih(struct reader *r, const struct line *l, int room)
{
	if (l->len == 0 || has_control(r, l) || l->text[0] == ';' ||
	    l->text[0] == '#')
		return false;
	if (l->text[0] == '[') {
		take_heading(r, l);
		return false;
	}
	if (!is_setting(r, l))
		return false;
	if (l->len >= room) {
		complain(r,
		    "the line is longer than %d bytes (shorten it, or put "
		    "what it lists into a file)",
		    room - 1);
		return false;
	}
	return true;
}

/* Stands in for fgets(): gives inih the next line, with its newline. */
static char *
next_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	struct line l;

	while (take_line(r, &l)) {
		/* Room for the newline and the NUL. */
		if (!is_for_inih(r, &l, size - 1))
			continue;
		memcpy(out, l.text, (size_t)l.len);
		memcpy(out + l.len, "\n", 2);
		return out;
	}
	return NULL;
}

/* The quotes that people and their editors put around values, in UTF-8. */
static const char *const quotes[] = { "\"", "'", "`", "\u00b4", "\u2018",
	"\u2019", "\u201a", "\u201b", "\u201c", "\u201d", "\u201e", "\u201f",
	"\u2039", "\u203a", "\u00ab", "\u00bb" };

/* True if the value begins or ends with a quote, of whatever kind: one that is
 * missing at the other end is probably a mistake, too. */
static bool
is_quoted(const char *value)
{
	size_t len = strlen(value), n, i;

	for (i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		n = strlen(quotes[i]);
		if (len >= n &&
		    (memcmp(value, quotes[i], n) == 0 ||
			memcmp(value + len - n, quotes[i], n) == 0))
			return true;
	}
	return false;
}

/* A sentence if inih makes something else of the line than its author
 * expects, or NULL. */
static const char *
value_warning(const char *value)
{
	if (value[0] == '#' || strstr(value, " #") != NULL ||
	    strstr(value, "\t#") != NULL)
		return "# begins no comment behind a value (write a blank and "
		       "; instead)";
	if (value[0] == ';')
		return "the value begins with ; (write a blank in front of it "
		       "if it begins a comment)";
	if (is_quoted(value))
		return "quotes would be part of the value (write it without)";
	return NULL;
}

static int
take_value(void *user, const char *section, const char *key, const char *value)
{
	struct reader *r = user;
	const char *odd = value_warning(value);

	(void)section; /* cut to 49 bytes: our own reading is used */
	if (odd != NULL)
		complain(r, "%s: %s", key, odd);
	else
		r->events->value(r->arg, r->line, key, value);
	return 1;
}

static bool
starts_with(const struct reader *r, const char *bytes, size_t len)
{
	return (size_t)(r->end - r->next) >= len &&
	    memcmp(r->next, bytes, len) == 0;
}

enum err
config_ini_read(struct slice text, const struct config_ini_events *events,
    void *arg)
{
	struct reader r = { .events = events, .arg = arg };

	if (text.len == 0)
		return OK;
	r.next = (const char *)text.data;
	r.end = r.next + text.len;
	if (starts_with(&r, "\xff\xfe", 2) || starts_with(&r, "\xfe\xff", 2)) {
		r.line = 1;
		complain(&r, "the file is UTF-16 (save it as UTF-8)");
		return ERR_CONFIG;
	}
	if (starts_with(&r, "\xef\xbb\xbf", 3))
		r.next += 3; /* a byte order mark, which some editors leave */
	if (&ini_max_line != NULL)
		ini_max_line = CONFIG_INI_LINE_MAX;
	return ini_parse_stream(next_line, &r, take_value, &r) == -2
	    ? ERR_NO_MEMORY
	    : OK;
}
