/*
 * A template says how a name is made: text with variables in it, as in
 * "${cn}-${client.clientid}". A variable's name alone is shorthand for it in
 * ${}; "none" makes no name; $$ is a dollar sign.
 *
 * Compiled once, then never written: any thread may render it. Rendering
 * allocates nothing. What is absent, empty, several or not text refuses and
 * is named; nothing is ever left out or put in its place.
 */
#ifndef IDENTITY_TEMPLATE_H
#define IDENTITY_TEMPLATE_H

#include "base/err.h"
#include "identity/variable.h"

struct identity_template;

/*
 * Compiles `text' and stores the template, which identity_template_free()
 * frees, or NULL where `text' is "none". ERR_CONFIG: `why' says at which
 * column (in characters, from 1) what is wrong and names the variable that
 * was likely meant. ERR_NO_MEMORY. *out is NULL on error.
 *
 * Refused are: an empty text; ${ without }; an unknown variable; a $ before
 * anything but { and $; controls, NUL and bad UTF-8; over 65,535 bytes; and a
 * bare word that is a variable but for its case or a letter, which would
 * otherwise silently give every client the same name.
 */
enum err identity_template_compile(struct identity_template **out,
    struct slice text, char why[IDENTITY_WHY_MAX]) MUST_CHECK;

/* Frees; NULL is fine. */
void identity_template_free(struct identity_template *t);

/* The text it was compiled from; lives as long as `t'. */
struct slice identity_template_text(const struct identity_template *t);

/* Has it no variable, so that it gives every client the same name? */
bool identity_template_is_constant(const struct identity_template *t);

/*
 * Renders into `out'. REASON_NONE: out->len is 1 or more and the bytes are
 * UTF-8 without NUL. Otherwise `out' means nothing, `why' names the variable
 * and what is wrong with it, and the reason is IDENTITY_MISSING, _AMBIGUOUS,
 * _EMPTY, _ENCODING, _UNSAFE or _TOO_LONG.
 *
 * What `unsafe' means for each variable: see identity/variable.h.
 */
enum reason identity_template_render(const struct identity_template *t,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX]);

#endif
