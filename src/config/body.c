#include "config/body.h"

#include <stdio.h>
#include <string.h>

#include "config/nearest.h"
#include "config/value.h"

#define NAMES_MAX 256

/* One body in the list. */
struct config_body {
	struct config_body *next;
	const struct config_section *section;
	void *body;
};

/* Where a listener keeps the name of a profile, and the pointer to it. */
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

/* Makes a section struct be what an empty section means. */
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
		if (config_value_set(&s, config_option_field(s.option, head)) !=
		    OK)
			return ERR_NO_MEMORY;
		config_option_where(s.option, head)->text = s.text;
	}
	return OK;
}

enum err
config_body_begin(struct config *cfg)
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

enum err
config_body_new(struct config *cfg, const struct config_section *section,
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

enum err
config_body_add(struct config_bodies *bodies,
    const struct config_section *section, void *body)
{
	struct config_body *b;

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

struct config_head *
config_body_find(const struct config_bodies *bodies,
    const struct config_section *section, const char *name)
{
	const struct config_body *b;
	struct config_head *head;

	for (b = bodies->first; b != NULL; b = b->next) {
		head = b->body;
		if (b->section == section && strcmp(head->name, name) == 0)
			return head;
	}
	return NULL;
}

static size_t
count_bodies(const struct config_bodies *bodies,
    const struct config_section *section)
{
	const struct config_body *b;
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

/* Makes the profile without a name if a listener wants it and there are none
 * of its kind. */
static enum err
add_default(struct config_bodies *bodies, const struct profile *p)
{
	const struct config_section *section = config_section_find(p->word);
	const struct config_body *b;
	void *body;
	enum err err;

	if (count_bodies(bodies, section) > 0)
		return OK;
	for (b = bodies->first; b != NULL; b = b->next) {
		if (b->section->many != CONFIG_NAMED ||
		    chosen(b->body, p)[0] != '\0')
			continue;
		err = config_body_new(bodies->cfg, section, 0, "", &body);
		if (err != OK)
			return err;
		return config_body_add(bodies, section, body);
	}
	return OK;
}

/* Copies the bodies of one section into its array. */
static enum err
make_array(struct config_bodies *bodies, const struct config_section *section)
{
	size_t count = count_bodies(bodies, section), i = 0;
	const struct config_body *b;
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

/* Says which profiles there are, and which is nearest to the one named. */
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

/* Ties a listener to one of its profiles. */
static void
tie(const struct config *cfg, struct report *r, struct config_listener *l,
    const struct profile *p)
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

enum err
config_body_link(struct config_bodies *bodies, struct report *r)
{
	struct config *cfg = bodies->cfg;
	const struct config_section *sections;
	enum err err = OK;
	size_t count, i, j;

	for (i = 0; i < PROFILE_COUNT && err == OK; i++)
		err = add_default(bodies, &profiles[i]);
	sections = config_sections(&count);
	for (i = 0; i < count && err == OK; i++)
		if (sections[i].many != CONFIG_ONE)
			err = make_array(bodies, &sections[i]);
	if (err != OK)
		return err;
	for (i = 0; i < cfg->listener_count; i++)
		for (j = 0; j < PROFILE_COUNT; j++)
			tie(cfg, r, &cfg->listener[i], &profiles[j]);
	return OK;
}
