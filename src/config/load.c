/* SPDX-License-Identifier: ISC */
/*
 * From the text of an ini file to a struct config: headings become section
 * structs with their defaults, values are set in them, and at the end the
 * listeners are linked to their profiles and the whole is checked. A fault
 * does not end the load, so that one run reports all of them.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/arena.h"
#include "config/check.h"
#include "config/ini.h"
#include "config/suggest.h"
#include "config/value.h"

/* The largest ini file. */
#define FILE_MAX (1024 * 1024)

/* A file that is no ini file would have one for each line. */
#define COMPLAINTS_SHOWN 100

#define MARK "${env:"
#define MARK_LEN (sizeof(MARK) - 1)

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* One ${env:NAME} found in a text. */
struct found {
	const char *begin; /* of the mark */
	const char *end; /* after the brace */
	const char *value; /* of the variable */
};

/* True if the text holds control bytes, which would make one value look like
 * several lines. */
static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* Looks up the variable of the mark at f->begin. */
static enum err
look_up(struct config_arena *arena, struct found *f, char why[CONFIG_WHY_MAX])
{
	const char *name = f->begin + MARK_LEN;
	size_t len = strspn(name, name_chars);
	char *copy;

	if (len == 0 || name[len] != '}') {
		snprintf(why, CONFIG_WHY_MAX,
		    "\"%.64s\" is not an environment variable (write "
		    "${env:NAME})",
		    f->begin);
		return ERR_CONFIG;
	}
	copy = config_arena_text(arena, name, len);
	if (copy == NULL)
		return ERR_NO_MEMORY;
	f->end = name + len + 1;
	f->value = getenv(copy);
	if (f->value != NULL && !has_control(f->value))
		return OK;
	snprintf(why, CONFIG_WHY_MAX,
	    f->value == NULL
		? "the environment variable %.128s is not set (set it, or "
		  "write "
		  "the value itself)"
		: "the environment variable %.128s holds a line break or a "
		  "control character (take it out)",
	    copy);
	return ERR_CONFIG;
}

/* `head' (`len' bytes) and `tail' joined in the arena; NULL: no memory. */
static char *
join(struct config_arena *arena, const char *head, size_t len, const char *tail)
{
	size_t more = strlen(tail);
	char *out = config_arena_alloc(arena, len + more + 1);

	if (out == NULL)
		return NULL;
	memcpy(out, head, len);
	memcpy(out + len, tail, more);
	return out;
}

/*
 * *out is `text' with each ${env:NAME} replaced by that environment variable,
 * in the arena: this is how a container gets settings that its image cannot
 * contain. The value of a variable is not expanded again, and every other
 * ${...} is left to the templates. ERR_CONFIG: `why' says what is wrong;
 * ERR_NO_MEMORY.
 */
static enum err
expand(struct config_arena *arena, const char *text, const char **out,
    char why[CONFIG_WHY_MAX])
{
	struct found f;
	char *done, *grown;
	enum err err;

	done = config_arena_text(arena, "", 0);
	while (done != NULL && (f.begin = strstr(text, MARK)) != NULL) {
		err = look_up(arena, &f, why);
		if (err != OK)
			return err;
		grown =
		    config_arena_text(arena, text, (size_t)(f.begin - text));
		if (grown == NULL)
			return ERR_NO_MEMORY;
		done = join(arena, done, strlen(done), grown);
		if (done == NULL)
			return ERR_NO_MEMORY;
		done = join(arena, done, strlen(done), f.value);
		text = f.end;
	}
	if (done != NULL)
		done = join(arena, done, strlen(done), text);
	*out = done;
	return done == NULL ? ERR_NO_MEMORY : OK;
}

#define NAMES_MAX 256

/* A section's struct while the file is read. */
struct body {
	struct body *next;
	const struct config_section *section;
	void *body; /* in the arena */
};

/* All bodies of the array sections, in the order of their headings. */
struct bodies {
	struct config *cfg; /* borrowed; its arena holds the list */
	struct body *first;
	struct body *last;
};

/* Offsets in a listener: the name of a profile, where it was written, and the
 * pointer to the profile. */
struct profile {
	const char *word;
	size_t name;
	size_t where;
	size_t pointer;
};

#define PROFILE(word) \
	{ \
#word, offsetof(struct config_listener, word), \
		    offsetof(struct config_listener, where.word), \
		    offsetof(struct config_listener, word##_profile) \
	}

static const struct profile profiles[] = {
	PROFILE(tls),
	PROFILE(identity),
	PROFILE(backend),
};

#define PROFILE_COUNT (sizeof(profiles) / sizeof(profiles[0]))

/* Fills a section's struct with the defaults. */
static enum err
set_defaults(struct config *cfg, const struct config_section *section,
    struct config_head *head)
{
	struct config_setting s = { .dir = cfg->dir, .arena = cfg->arena };
	size_t i;

	head->section = section->word;
	head->name = "";
	for (i = 0; i < section->option_count; i++) {
		s.option = &section->options[i];
		s.text = s.option->standard;
		/* A default is always good: t/unit/config_option.c. */
		if (s.option->set(&s, config_option_field(s.option, head)) !=
		    OK)
			return ERR_NO_MEMORY;
		config_option_where(s.option, head)->text = s.text;
	}
	return OK;
}

/* Fills the sections that exist once with their defaults. */
static enum err
set_all_defaults(struct config *cfg)
{
	const struct config_section *sections;
	enum err err = OK;
	size_t count, i;

	sections = config_sections(&count);
	for (i = 0; i < count && err == OK; i++)
		if (sections[i].many == CONFIG_ONE)
			err = set_defaults(cfg, &sections[i],
			    config_section_body(&sections[i], cfg, 0));
	return err;
}

/* *out is a struct of `section' with its defaults, in the arena. Unless it is
 * added to the list, the values put into it are checked and forgotten. */
static enum err
new_body(struct config *cfg, const struct config_section *section,
    unsigned line, const char *name, void **out)
{
	struct config_head *head;

	head = config_arena_alloc(cfg->arena, section->size);
	if (head == NULL || set_defaults(cfg, section, head) != OK)
		return ERR_NO_MEMORY;
	head->line = line;
	head->name = config_arena_text(cfg->arena, name, strlen(name));
	if (head->name == NULL)
		return ERR_NO_MEMORY;
	*out = head;
	return OK;
}

/* Adds a body to the list. No other of its section has its name. */
static enum err
add_body(struct bodies *bodies, const struct config_section *section,
    void *body)
{
	struct body *b;

	b = config_arena_alloc(bodies->cfg->arena, sizeof(*b));
	if (b == NULL)
		return ERR_NO_MEMORY;
	b->section = section;
	b->body = body;
	if (bodies->last == NULL)
		bodies->first = b;
	else
		bodies->last->next = b;
	bodies->last = b;
	return OK;
}

/* The body of that section and name, or NULL. */
static struct config_head *
find_body(const struct bodies *bodies, const struct config_section *section,
    const char *name)
{
	const struct body *b;
	struct config_head *head;

	for (b = bodies->first; b != NULL; b = b->next) {
		head = b->body;
		if (b->section == section && strcmp(head->name, name) == 0)
			return head;
	}
	return NULL;
}

static size_t
count_bodies(const struct bodies *bodies, const struct config_section *section)
{
	const struct body *b;
	size_t count = 0;

	for (b = bodies->first; b != NULL; b = b->next)
		count += b->section == section;
	return count;
}

/* The name of the profile that a listener chose. */
static const char *
chosen(const struct config_listener *l, const struct profile *p)
{
	return *(const char *const *)(const void *)((const char *)l + p->name);
}

/* Adds the profile without a name if a listener uses it and the file has no
 * profile of its kind. If there are some with a name, leaving out a word in a
 * listener must not fall back to the looser rules of the defaults. */
static enum err
add_default(struct bodies *bodies, const struct profile *p)
{
	const struct config_section *section = config_section_find(p->word);
	const struct body *b;
	void *body;
	enum err err;

	if (count_bodies(bodies, section) > 0)
		return OK;
	for (b = bodies->first; b != NULL; b = b->next) {
		if (b->section->many != CONFIG_NAMED ||
		    chosen(b->body, p)[0] != '\0')
			continue;
		err = new_body(bodies->cfg, section, 0, "", &body);
		if (err != OK)
			return err;
		return add_body(bodies, section, body);
	}
	return OK;
}

/* Copies the bodies of one section into its array. */
static enum err
make_array(struct bodies *bodies, const struct config_section *section)
{
	size_t count = count_bodies(bodies, section), i = 0;
	const struct body *b;
	struct config_head *head;
	char *array;

	array = config_arena_array(bodies->cfg->arena, count, section->size);
	if (array == NULL)
		return ERR_NO_MEMORY;
	for (b = bodies->first; b != NULL; b = b->next) {
		if (b->section != section)
			continue;
		head = b->body;
		head->index = i;
		memcpy(array + i++ * section->size, head, section->size);
	}
	memcpy((char *)bodies->cfg + section->offset, &array, sizeof(array));
	memcpy((char *)bodies->cfg + section->count, &count, sizeof(count));
	return OK;
}

/* Complains of a profile that does not exist, and names the nearest one or
 * all of them. */
static void
unknown_profile(const struct config *cfg, struct report *r,
    struct config_listener *l, const struct profile *p)
{
	const struct config_section *section = config_section_find(p->word);
	struct config_where *where;
	struct config_nearest nearest = { 0 };
	const struct config_head *head;
	char names[NAMES_MAX] = "";
	size_t i, len = 0;

	for (i = 0; i < config_section_count(section, cfg); i++) {
		head = config_section_body(section, cfg, i);
		config_nearest_try(&nearest, chosen(l, p), head->name);
		if (head->name[0] != '\0' && len < sizeof(names))
			len +=
			    (size_t)snprintf(names + len, sizeof(names) - len,
				"%s%s", len == 0 ? "" : ", ", head->name);
	}
	where = (void *)((char *)l + p->where);
	if (chosen(l, p)[0] == '\0')
		config_complain(cfg, r, &l->head, where, p->word,
		    "is empty and there is no [%s] (write one of: %s)", p->word,
		    names);
	else if (nearest.word != NULL && nearest.word[0] != '\0')
		config_complain(cfg, r, &l->head, where, p->word,
		    "there is no [%s %s] (write %s)", p->word, chosen(l, p),
		    nearest.word);
	else if (len > 0)
		config_complain(cfg, r, &l->head, where, p->word,
		    "there is no [%s %s] (write one of: %s)", p->word,
		    chosen(l, p), names);
	else
		config_complain(cfg, r, &l->head, where, p->word,
		    "there is no [%s %s] (add that section, or leave this "
		    "line out to use [%s])",
		    p->word, chosen(l, p), p->word);
	where->state = CONFIG_BAD;
}

/* Links a listener to one of its profiles. */
static void
link_profile(const struct config *cfg, struct report *r,
    struct config_listener *l, const struct profile *p)
{
	const struct config_section *section = config_section_find(p->word);
	const struct config_head *head;
	size_t i;

	for (i = 0; i < config_section_count(section, cfg); i++) {
		head = config_section_body(section, cfg, i);
		if (strcmp(head->name, chosen(l, p)) == 0) {
			memcpy((char *)l + p->pointer, &head, sizeof(head));
			return;
		}
	}
	unknown_profile(cfg, r, l, p);
}

static enum err
make_arrays(struct bodies *bodies)
{
	const struct config_section *sections;
	enum err err = OK;
	size_t count, i;

	sections = config_sections(&count);
	for (i = 0; i < count && err == OK; i++)
		if (sections[i].many != CONFIG_ONE)
			err = make_array(bodies, &sections[i]);
	return err;
}

/* Makes the arrays of the configuration and links each listener to its
 * profiles. The pointer to a profile that does not exist stays NULL. */
static enum err
link_bodies(struct bodies *bodies, struct report *r)
{
	struct config *cfg = bodies->cfg;
	enum err err = OK;
	size_t i, j;

	for (i = 0; i < PROFILE_COUNT && err == OK; i++)
		err = add_default(bodies, &profiles[i]);
	if (err == OK)
		err = make_arrays(bodies);
	if (err != OK)
		return err;
	for (i = 0; i < cfg->listener_count; i++)
		for (j = 0; j < PROFILE_COUNT; j++)
			link_profile(cfg, r, &cfg->listener[i], &profiles[j]);
	return OK;
}

/* One load in progress. */
struct load {
	struct config *cfg; /* owned until it is handed over */
	const struct config_wanted *wanted; /* NULL: all options */
	struct report *r; /* borrowed */
	size_t complaints; /* about the text; those of the checks not counted */
	struct bodies bodies;
	const struct config_section *section; /* NULL: values are skipped */
	void *body; /* of `section': takes the values */
	bool headed; /* a heading was seen */
	bool listens; /* ... that of a listener, good or bad */
	enum err err; /* ERR_NO_MEMORY ends it */
};

static void complain(struct load *l, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
complain(struct load *l, unsigned line, const char *fmt, ...)
{
	char text[CONFIG_SUGGEST_MAX + CONFIG_WHY_MAX];
	va_list ap;

	if (++l->complaints > COMPLAINTS_SHOWN)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_add(l->r, "%s:%u: %s", l->cfg->file, line, text);
}

/* The section of an earlier heading with that word and name, or NULL. */
static struct config_head *
earlier(struct load *l, const struct config_section *section, const char *name)
{
	struct config_head *head;

	if (section->many != CONFIG_ONE)
		return find_body(&l->bodies, section, name);
	head = config_section_body(section, l->cfg, 0);
	return head->line != 0 ? head : NULL;
}

/* True if the heading is allowed there; else complains. */
static bool
heading_fits(struct load *l, const struct config_section *section,
    unsigned line, const char *name)
{
	const struct config_head *before = earlier(l, section, name);

	if (section->many == CONFIG_NAMED && name[0] == '\0')
		complain(l, line,
		    "[%s]: needs a name (write [%s NAME] with any word)",
		    section->word, section->word);
	else if (section->many == CONFIG_ONE && name[0] != '\0')
		complain(l, line, "[%s %s]: takes no name (write [%s])",
		    section->word, name, section->word);
	else if (strlen(name) > CONFIG_NAME_LEN_MAX)
		complain(l, line,
		    "[%s %s]: the name is longer than %d characters",
		    section->word, name, CONFIG_NAME_LEN_MAX);
	else if (before != NULL)
		complain(l, line,
		    "[%s%s%s]: exists already, on line %u (put both into one)",
		    section->word, name[0] == '\0' ? "" : " ", name,
		    before->line);
	else
		return true;
	return false;
}

/* Prepares for the values of a section. Those of a bad section are checked,
 * too, and then forgotten. */
static enum err
open_section(struct load *l, const struct config_section *section,
    unsigned line, const char *name)
{
	bool fits = heading_fits(l, section, line, name);
	struct config_head *head;
	enum err err;

	if (fits && section->many == CONFIG_ONE) {
		head = config_section_body(section, l->cfg, 0);
		head->line = line;
		l->body = head;
		return OK;
	}
	err = new_body(l->cfg, section, line, name, &l->body);
	if (err != OK || !fits)
		return err;
	return add_body(&l->bodies, section, l->body);
}

static void
take_section(void *arg, unsigned line, const char *word, const char *name)
{
	const struct config_section *section;
	char instead[CONFIG_SUGGEST_MAX];
	struct load *l = arg;

	l->headed = true;
	l->section = NULL;
	if (l->err != OK || word == NULL)
		return;
	section = config_section_find(word);
	if (section == NULL) {
		config_suggest_section(instead, word);
		complain(l, line, "[%s]: no such section (%s)", word, instead);
		return;
	}
	if (section->many == CONFIG_NAMED)
		l->listens = true;
	l->err = open_section(l, section, line, name);
	if (l->err == OK)
		l->section = section;
}

/* True if this load reads the option. */
static bool
is_wanted(const struct load *l, const struct config_option *o)
{
	const struct config_wanted *w = l->wanted;

	if (w == NULL)
		return true;
	for (; w->section != NULL; w++)
		if (strcmp(w->section, l->section->word) == 0 &&
		    (w->key == NULL || strcmp(w->key, o->key) == 0))
			return true;
	return false;
}

/* True for a section of another program, whose environment the daemon does not
 * have: a password in it is not for the daemon. */
static bool
is_foreign(const struct load *l)
{
	return l->wanted == NULL && strcmp(l->section->word, "fetch") == 0;
}

/* Sets the field of an option. */
static void
set_value(struct load *l, const struct config_option *o, unsigned line,
    const char *text)
{
	struct config_where *where = config_option_where(o, l->body);
	struct config_setting s = { .option = o };
	enum err err;

	s.dir = l->cfg->dir;
	s.arena = l->cfg->arena;
	where->line = line;
	err = expand(s.arena, text, &s.text, s.why);
	if (err == ERR_CONFIG && is_foreign(l)) {
		((struct config_head *)l->body)->bad = true;
		return;
	}
	if (err == OK) {
		where->text = s.text;
		err = o->set(&s, config_option_field(o, l->body));
	}
	if (err != OK)
		where->state = CONFIG_BAD;
	if (err == ERR_CONFIG)
		complain(l, line, "%s: %s", o->key, s.why);
	else
		l->err = err;
}

static void
take_value(void *arg, unsigned line, const char *key, const char *value)
{
	char instead[CONFIG_SUGGEST_MAX];
	const struct config_option *o;
	struct config_where *where;
	struct load *l = arg;

	if (!l->headed)
		complain(l, line,
		    "%s: is before the first [section] (move it into one)",
		    key);
	if (l->section == NULL || l->err != OK)
		return;
	o = config_option_find(l->section, key);
	if (o == NULL) {
		config_suggest_key(instead, l->section, key);
		complain(l, line, "%s: no such key in [%s] (%s)", key,
		    l->section->word, instead);
		return;
	}
	where = config_option_where(o, l->body);
	if (where->line != 0) {
		complain(l, line, "%s: is set already, on line %u (keep one)",
		    key, where->line);
		return;
	}
	if (is_wanted(l, o))
		set_value(l, o, line, value);
}

static void
take_error(void *arg, unsigned line, const char *what)
{
	complain(arg, line, "%s", what);
}

/* The directory of `file' as an absolute path. Symbolic links are kept: one of
 * them may be changed to point to another directory before the next load.
 * NULL: no memory. */
static const char *
find_dir(struct config_arena *arena, const char *file)
{
	const char *slash = strrchr(file, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - file);
	char cwd[PATH_MAX], *dir;

	if (file[0] == '/' && len == 0)
		return "/";
	if (file[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return config_arena_text(arena, file, len);
	if (len == 0)
		return config_arena_text(arena, cwd, strlen(cwd));
	dir = config_arena_alloc(arena, strlen(cwd) + 1 + len + 1);
	if (dir != NULL)
		sprintf(dir, "%s/%.*s", cwd, (int)len, file);
	return dir;
}

/* An empty configuration; NULL: no memory. */
static struct config *
make_config(const char *file)
{
	struct config_arena *arena = config_arena_new();
	struct config *cfg = NULL;

	if (arena != NULL)
		cfg = config_arena_alloc(arena, sizeof(*cfg));
	if (cfg != NULL) {
		atomic_init(&cfg->refs, 1);
		cfg->arena = arena;
		cfg->file = config_arena_text(arena, file, strlen(file));
		cfg->dir = find_dir(arena, file);
		if (cfg->file != NULL && cfg->dir != NULL)
			return cfg;
	}
	config_arena_free(arena);
	return NULL;
}

/* Checks what can only be checked after the last line. */
static enum err
finish(struct load *l)
{
	enum err err;

	if (l->complaints > COMPLAINTS_SHOWN)
		report_add(l->r, "%s: %zu more complaints like these",
		    l->cfg->file, l->complaints - COMPLAINTS_SHOWN);
	if (l->wanted != NULL) {
		err = make_arrays(&l->bodies);
		if (err == OK)
			config_check_fetch(l->cfg, l->r);
		return err;
	}
	if (!l->listens)
		report_add(l->r,
		    "%s: there is no listener (add a section [listener "
		    "mqtts] with bind = 0.0.0.0:8883)",
		    l->cfg->file);
	err = link_bodies(&l->bodies, l->r);
	if (err == OK)
		config_check(l->cfg, l->r);
	return err;
}

/* Reads `text' into l->cfg, which has been made. */
static enum err
load_text(struct load *l, struct slice text)
{
	static const struct config_ini_events events = {
		.section = take_section,
		.value = take_value,
		.error = take_error,
	};
	size_t before = l->r->count;
	enum err err;

	l->bodies.cfg = l->cfg;
	err = set_all_defaults(l->cfg);
	if (err == OK)
		err = config_ini_read(text, &events, l);
	if (err == OK)
		err = l->err;
	if (err == OK)
		err = finish(l);
	if (err == OK && l->r->count != before)
		err = ERR_CONFIG;
	return err;
}

/* Makes a configuration of the contents of `file'. */
static enum err
make_draft(struct load *l, const char *file, struct slice text)
{
	enum err err = ERR_NO_MEMORY;

	l->cfg = make_config(file);
	if (l->cfg != NULL)
		err = load_text(l, text);
	if (err == ERR_NO_MEMORY) {
		report_add(l->r, "%s: out of memory", file);
		config_put(l->cfg);
		l->cfg = NULL;
	}
	return err;
}

enum err
config_load(const char *file, struct config **out, struct report *r)
{
	return config_load_part(file, NULL, out, r);
}

enum err
config_load_part(const char *file, const struct config_wanted *wanted,
    struct config **out, struct report *r)
{
	struct load l = { .wanted = wanted, .r = r };
	uint8_t *text;
	size_t len;
	enum err err;

	*out = NULL;
	err = file_read(&text, &len, file, FILE_MAX);
	if (err == ERR_LIMIT)
		report_add(r, "%s: is larger than %d bytes (is it this file?)",
		    file, FILE_MAX);
	else if (err != OK)
		report_add(r,
		    "%s: cannot be read: %s (name the configuration with -c)",
		    file, file_error(err));
	if (err != OK)
		return ERR_CONFIG;
	err = make_draft(&l, file, slice_make(text, len));
	*out = l.cfg;
	free(text);
	return err;
}
