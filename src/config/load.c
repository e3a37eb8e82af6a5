#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/arena.h"
#include "config/body.h"
#include "config/check.h"
#include "config/expand.h"
#include "config/ini.h"
#include "config/suggest.h"
#include "config/value.h"

/* A file that is no ini file at all would have one for each line. */
#define COMPLAINTS_SHOWN 100

/* One load under way. */
struct load {
	struct config *cfg; /* owned until it is handed over */
	struct report *r; /* borrowed */
	size_t complaints; /* of the text, as against the checks */
	struct config_bodies bodies;
	const struct config_section *section; /* NULL: values are skipped */
	void *body; /* of `section': where values go */
	bool headed; /* there was a heading */
	bool listens; /* ... of a listener, good or bad */
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

/* What an earlier heading of that section and name made, or NULL. */
static struct config_head *
earlier(struct load *l, const struct config_section *section, const char *name)
{
	struct config_head *head;

	if (section->many != CONFIG_ONE)
		return config_body_find(&l->bodies, section, name);
	head = config_section_body(section, l->cfg, 0);
	return head->line != 0 ? head : NULL;
}

/* Is it a heading that may stand there? Complains if not. */
static bool
heading_fits(struct load *l, const struct config_section *section,
    unsigned line, const char *name)
{
	const struct config_head *before = earlier(l, section, name);

	if (section->many == CONFIG_NAMED && name[0] == '\0')
		complain(l, line,
		    "[%s]: has to have a name (write [%s NAME], any word)",
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
		    "[%s%s%s]: is on line %u already (put both into one)",
		    section->word, name[0] == '\0' ? "" : " ", name,
		    before->line);
	else
		return true;
	return false;
}

/* Makes ready for the values of a section. Those of a bad one are checked
 * all the same; they end nowhere. */
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
	err = config_body_new(l->cfg, section, line, name, &l->body);
	if (err != OK || !fits)
		return err;
	return config_body_add(&l->bodies, section, l->body);
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

/* Puts a text into the field it is for. */
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
	err = config_expand(s.arena, text, &s.text, s.why);
	if (err == OK) {
		where->text = s.text;
		err = config_value_set(&s, config_option_field(o, l->body));
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
		    "%s: stands in front of the first [section] (move it "
		    "into one)",
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
		complain(l, line, "%s: is on line %u already (keep one)", key,
		    where->line);
		return;
	}
	set_value(l, o, line, value);
}

static void
take_error(void *arg, unsigned line, const char *what)
{
	complain(arg, line, "%s", what);
}

/* The directory of `file', absolute but with its symlinks: a directory that
 * is swapped by one must be found anew at each load. NULL: no memory. */
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

/* An empty configuration, all defaults; NULL: no memory. */
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

/* After the last line: what can only be said of the whole. */
static enum err
finish(struct load *l)
{
	enum err err;

	if (l->complaints > COMPLAINTS_SHOWN)
		report_add(l->r, "%s: %zu more complaints like these",
		    l->cfg->file, l->complaints - COMPLAINTS_SHOWN);
	if (!l->listens)
		report_add(l->r,
		    "%s: there is no listener (add a section [listener "
		    "mqtts] with bind = 0.0.0.0:8883)",
		    l->cfg->file);
	err = config_body_link(&l->bodies, l->r);
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
	err = config_body_begin(l->cfg);
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

/* As config_load_draft(), for a text. */
static enum err
load_draft(const char *file, struct slice text, struct config **out,
    struct report *r)
{
	struct load l = { .cfg = make_config(file), .r = r };
	enum err err = ERR_NO_MEMORY;

	if (l.cfg != NULL)
		err = load_text(&l, text);
	if (err == ERR_NO_MEMORY) {
		report_add(r, "%s: out of memory", file);
		config_put(l.cfg);
		l.cfg = NULL;
	}
	*out = l.cfg;
	return err;
}

/* Whoever wants no draft gets none. */
static enum err
drop_draft(enum err err, struct config **cfg)
{
	if (err != OK) {
		config_put(*cfg);
		*cfg = NULL;
	}
	return err;
}

enum err
config_load_text(const char *file, struct slice text, struct config **out,
    struct report *r)
{
	return drop_draft(load_draft(file, text, out, r), out);
}

/* Reads up to `size' bytes of `fd'; -1 and errno on failure. */
static ssize_t
read_all(int fd, char *mem, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size) {
		n = read(fd, mem + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* The whole file into memory: *mem is the caller's to free. */
static enum err
read_file(const char *file, char **mem, size_t *len, struct report *r)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = -1;

	*mem = malloc(CONFIG_LOAD_MAX + 1);
	if (fd >= 0 && *mem != NULL)
		n = read_all(fd, *mem, CONFIG_LOAD_MAX + 1);
	if (n < 0)
		report_add(r,
		    "%s: cannot be read: %s (name the configuration with -c)",
		    file, strerror(*mem == NULL ? ENOMEM : errno));
	else if (n > CONFIG_LOAD_MAX)
		report_add(r, "%s: is larger than %d bytes (is it this file?)",
		    file, CONFIG_LOAD_MAX);
	if (fd >= 0)
		close(fd);
	*len = n < 0 ? 0 : (size_t)n;
	return n < 0 || n > CONFIG_LOAD_MAX ? ERR_CONFIG : OK;
}

enum err
config_load_draft(const char *file, struct config **out, struct report *r)
{
	char *mem = NULL;
	size_t len;
	enum err err;

	*out = NULL;
	err = read_file(file, &mem, &len, r);
	if (err == OK)
		err = load_draft(file, slice_make(mem, len), out, r);
	free(mem);
	return err;
}

enum err
config_load(const char *file, struct config **out, struct report *r)
{
	return drop_draft(config_load_draft(file, out, r), out);
}
