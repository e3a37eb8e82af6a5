/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "config/arena.h"
#include "config/option.h"

#define COMPLAINT_MAX 1024

struct config *
config_get(struct config *cfg)
{
	atomic_fetch_add_explicit(&cfg->refs, 1, memory_order_relaxed);
	return cfg;
}

void
config_put(struct config *cfg)
{
	if (cfg == NULL)
		return;
	/* The thread that frees must see all that the others did before. */
	if (atomic_fetch_sub_explicit(&cfg->refs, 1, memory_order_acq_rel) == 1)
		config_arena_free(cfg->arena);
}

const char *
config_name(const struct config_head *head)
{
	return head->name[0] == '\0' ? "default" : head->name;
}

void
config_complain(const struct config *cfg, struct report *r,
    const struct config_head *head, const struct config_where *where,
    const char *key, const char *fmt, ...)
{
	unsigned line = where->line != 0 ? where->line : head->line;
	char text[COMPLAINT_MAX];
	va_list ap;

	if (where->state == CONFIG_BAD)
		return; /* one complaint an option: it may explain the rest */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line != 0)
		report_add(r, "%s:%u: %s: %s", cfg->file, line, key, text);
	else
		report_add(r, "%s: [%s]: %s: %s", cfg->file, head->section, key,
		    text);
}

/* The body of that kind and name, or NULL. */
static void *
find_body(const struct config *cfg, const struct config_section *section,
    const char *name)
{
	size_t count = config_section_count(section, cfg), i;
	struct config_head *head;

	for (i = 0; i < count; i++) {
		head = config_section_body(section, cfg, i);
		if (strcmp(head->name, name) == 0)
			return head;
	}
	return NULL;
}

/* Compares the RESTART options of two bodies of one section. */
static void
compare_bodies(const struct config_section *section, void *running,
    const struct config *next, void *body, struct report *r)
{
	const struct config_option *o;
	size_t i;

	for (i = 0; i < section->option_count; i++) {
		o = &section->options[i];
		if (o->reload != CONFIG_RESTART ||
		    strcmp(config_option_where(o, running)->text,
			config_option_where(o, body)->text) == 0)
			continue;
		config_complain(next, r, body, config_option_where(o, body),
		    o->key,
		    "changed from \"%.128s\", which a reload does not put in "
		    "force (restart)",
		    config_option_where(o, running)->text);
	}
}

static void
compare_listeners(const struct config *running, const struct config *next,
    const struct config_section *section, struct report *r)
{
	size_t i;

	for (i = 0; i < running->listener_count; i++)
		if (find_body(next, section, running->listener[i].head.name) ==
		    NULL)
			report_add(r,
			    "%s: [listener %s] is gone: it is closed, its "
			    "sessions are sent away, and only a restart opens "
			    "it again",
			    next->file, running->listener[i].head.name);
	for (i = 0; i < next->listener_count; i++)
		if (find_body(running, section, next->listener[i].head.name) ==
		    NULL)
			report_add(r,
			    "%s:%u: [listener %s] is new and opens with a "
			    "restart",
			    next->file, next->listener[i].head.line,
			    next->listener[i].head.name);
}

void
config_compare(const struct config *running, const struct config *next,
    struct report *r)
{
	const struct config_section *sections;
	struct config_head *body;
	size_t count, i, j;
	void *old;

	sections = config_sections(&count);
	for (i = 0; i < count; i++) {
		for (j = 0; j < config_section_count(&sections[i], next); j++) {
			body = config_section_body(&sections[i], next, j);
			old = find_body(running, &sections[i], body->name);
			if (old != NULL)
				compare_bodies(&sections[i], old, next, body,
				    r);
		}
		if (sections[i].many == CONFIG_NAMED)
			compare_listeners(running, next, &sections[i], r);
	}
}

const struct config_backend *
config_backend_before(const struct config *running, const struct config *next,
    size_t i)
{
	const struct config_section *section = config_section_find("backend");
	struct config_backend *b = &next->backend[i];
	struct config_backend *old = find_body(running, section, b->head.name);
	const struct config_option *o;
	size_t n;

	if (old == NULL || running->timeouts.backend != next->timeouts.backend)
		return NULL;
	for (n = 0; n < section->option_count; n++) {
		o = &section->options[n];
		if (strcmp(config_option_where(o, old)->text,
			config_option_where(o, b)->text) != 0)
			return NULL;
	}
	return old;
}

const char *
config_clientid(const struct config_identity *i)
{
	return strcmp(i->clientid, "username") == 0 ? i->username : i->clientid;
}

/* What config_files() was asked for. */
struct visit {
	void (*each)(const char *path, void *arg);
	void *arg;
};

static void
visit_option(const struct config_option *option, struct config_head *body,
    void *arg)
{
	struct visit *v = arg;

	config_option_paths(option, body, v->each, v->arg);
}

void
config_files(const struct config *cfg,
    void (*each)(const char *path, void *arg), void *arg)
{
	struct visit v = { each, arg };

	each(cfg->file, arg);
	config_option_each(cfg, visit_option, &v);
}
