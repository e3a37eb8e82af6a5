/*
 * Section structs while a configuration is being loaded: made with their
 * defaults, found by their heading, at last put into the arrays of struct
 * config and tied to each other.
 */
#ifndef CONFIG_BODY_H
#define CONFIG_BODY_H

#include "config/option.h"

struct config_body;

/* All bodies of the array sections, in the order of their headings. Lives in
 * the arena of `cfg'; zero it but for that. */
struct config_bodies {
	struct config *cfg; /* borrowed */
	struct config_body *first;
	struct config_body *last;
};

/* Puts the defaults into all sections there is one of. ERR_NO_MEMORY. */
enum err config_body_begin(struct config *cfg) MUST_CHECK;

/*
 * *out is a struct of `section' with its defaults, in the arena, known to
 * nobody else: values put into it end nowhere unless it is added.
 * ERR_NO_MEMORY.
 */
enum err config_body_new(struct config *cfg,
    const struct config_section *section, unsigned line, const char *name,
    void **out) MUST_CHECK;

/* Adds a body to its array; its name must be new. ERR_NO_MEMORY. */
enum err config_body_add(struct config_bodies *bodies,
    const struct config_section *section, void *body) MUST_CHECK;

/* The body added under that section and name, or NULL. */
struct config_head *config_body_find(const struct config_bodies *bodies,
    const struct config_section *section, const char *name);

/*
 * Makes the arrays of bodies->cfg, and ties each listener to its profiles;
 * one without a name that the file leaves out is made with its defaults, but
 * only where there are none with a name: a listener must not fall back to
 * looser rules by leaving out a word. Complains to `r' about names that do
 * not exist; the pointers to those stay NULL. ERR_NO_MEMORY.
 */
enum err config_body_link(struct config_bodies *bodies,
    struct report *r) MUST_CHECK;

#endif
