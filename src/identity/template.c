#include "identity/template.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/suggest.h"
#include "identity/text.h"

/* A run of literal text, or a variable. */
struct part {
	struct slice literal; /* into the text; of a variable: data is NULL */
	enum identity_variable v;
};

struct identity_template {
	struct slice text; /* behind the parts, in the same allocation */
	size_t count;
	struct part parts[];
};

/* A text being cut into parts. */
struct cutter {
	struct slice text;
	size_t pos;
	char *why;
};

/* Complains about the character at byte `pos'. */
__attribute__((format(printf, 3, 4))) static enum err
bad(const struct cutter *c, size_t pos, const char *fmt, ...)
{
	size_t i, column = 1;
	va_list ap;
	int n;

	for (i = 0; i < pos; i++)
		column += (c->text.data[i] & 0xc0) != 0x80;
	n = snprintf(c->why, IDENTITY_WHY_MAX, "column %zu: ", column);
	va_start(ap, fmt);
	vsnprintf(c->why + n, IDENTITY_WHY_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return ERR_CONFIG;
}

/* Words of other systems, and what says the same here. */
static const struct {
	const char *word;
	const char *here;
} elsewhere[] = {
	{ "disabled", "none" },
	{ "username", "client.username" },
	{ "clientid", "client.clientid" },
	{ "commonname", "cn" },
	{ "subject", "dn" },
	{ "identity", "cn" },
};

/* Remembers `known' if `typed' is nearer to it than to *best. Of two letters
 * one may be wrong, or too many: that is how cnn and cm come about. */
static void
consider(const char *typed, const char *known, size_t *distance,
    const char **best)
{
	size_t d = config_nearest_distance(typed, known);
	size_t len = strlen(known);

	if (d > (len / 3 > 0 ? len / 3 : len - 1) || d >= *distance)
		return;
	*distance = d;
	*best = known;
}

/* The variable, or `none', that `typed' was likely meant to be; or NULL. */
static const char *
nearest(struct slice typed)
{
	size_t i, distance = CONFIG_NEAREST_MAX;
	const char *best = NULL;
	char word[CONFIG_NEAREST_MAX];

	if (typed.len >= sizeof(word))
		return NULL;
	for (i = 0; i < typed.len; i++)
		word[i] = (char)tolower(typed.data[i]);
	word[i] = '\0';
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strcmp(word, elsewhere[i].word) == 0)
			return elsewhere[i].here;
	}
	consider(word, "none", &distance, &best);
	for (i = 0; i < IDENTITY_VARIABLE_COUNT; i++)
		consider(word,
		    identity_variable_name((enum identity_variable)i),
		    &distance, &best);
	return best;
}

/* All variables, for whoever meant none that we know. */
static const char every[] =
#define V(id, name, trust, help) " " name
    IDENTITY_VARIABLES(V)
#undef V
    ;

static enum err
unknown(const struct cutter *c, struct slice name)
{
	const char *near = nearest(name);

	if (near != NULL && strcmp(near, "none") != 0)
		return bad(c, c->pos, "no such variable (did you mean ${%s}?)",
		    near);
	return bad(c, c->pos, "no such variable (there are%s)", every);
}

/* The variable at c->pos, where `${' stands. */
static enum err
take_variable(struct cutter *c, struct part *part)
{
	const uint8_t *begin = c->text.data + c->pos + 2;
	size_t left = c->text.len - c->pos - 2;
	const uint8_t *end = left == 0 ? NULL : memchr(begin, '}', left);
	struct slice name;

	if (end == NULL)
		return bad(c, c->pos, "${ without } (write ${cn})");
	name = slice_make(begin, (size_t)(end - begin));
	if (!identity_variable_find(name, &part->v))
		return unknown(c, name);
	part->literal = slice_make(NULL, 0);
	c->pos += name.len + 3;
	return OK;
}

/* One part at c->pos. A $$ makes a part of the one $. */
static enum err
take_part(struct cutter *c, struct part *part)
{
	const uint8_t *p = c->text.data + c->pos;
	size_t left = c->text.len - c->pos;
	const uint8_t *end;
	size_t len;

	if (*p == '$') {
		if (left > 1 && p[1] == '{')
			return take_variable(c, part);
		if (left < 2 || p[1] != '$')
			return bad(c, c->pos,
			    "$ alone (write $$ for the sign, ${cn} for a "
			    "variable)");
		part->literal = slice_make(p, 1);
		c->pos += 2;
		return OK;
	}
	end = memchr(p, '$', left);
	len = end == NULL ? left : (size_t)(end - p);
	part->literal = slice_make(p, len);
	c->pos += len;
	return OK;
}

/* Cuts the text of `t', whose parts have room for it. */
static enum err
cut(struct identity_template *t, char *why)
{
	struct cutter c = { t->text, 0, why };
	const char *near = NULL;
	enum err err;

	if (identity_variable_find(t->text, &t->parts[0].v)) {
		t->count = 1;
		return OK;
	}
	/* A misspelt variable would give every client the same name. */
	if (memchr(t->text.data, '$', t->text.len) == NULL)
		near = nearest(t->text);
	if (near != NULL)
		return bad(&c, 0, "a bare word (did you mean %s?)", near);
	while (c.pos < t->text.len) {
		err = take_part(&c, &t->parts[t->count]);
		if (err != OK)
			return err;
		t->count++;
	}
	return OK;
}

/* Is the text one that may stand in a name at all? */
static enum err
check_text(struct slice text, char *why)
{
	struct cutter c = { text, 0, why };
	struct slice in = text;
	uint32_t code;

	if (text.len == 0)
		return bad(&c, 0, "empty (write none to leave the client's)");
	if (text.len > IDENTITY_NAME_MAX)
		return bad(&c, 0, "over 65,535 bytes");
	while (in.len > 0) {
		c.pos = text.len - in.len;
		if (identity_text_next(CERT_STRING_UTF8, &in, &code) !=
		    IDENTITY_TEXT_OK)
			return bad(&c, c.pos, "not UTF-8, or a NUL");
		if (identity_text_is_control(code))
			return bad(&c, c.pos, "a control character");
	}
	return OK;
}

/* The most parts `text' can have: each $ ends one and begins one. */
static size_t
most_parts(struct slice text)
{
	size_t i, n = 1;

	for (i = 0; i < text.len; i++)
		n += text.data[i] == '$' ? 2 : 0;
	return n;
}

enum err
identity_template_compile(struct identity_template **out, struct slice text,
    char why[IDENTITY_WHY_MAX])
{
	struct identity_template *t;
	size_t most;
	uint8_t *copy;
	enum err err;

	*out = NULL;
	err = check_text(text, why);
	if (err != OK || slice_equal(text, slice_str("none")))
		return err;
	most = most_parts(text);
	t = calloc(1, sizeof(*t) + most * sizeof(t->parts[0]) + text.len);
	if (t == NULL)
		return ERR_NO_MEMORY;
	copy = (uint8_t *)&t->parts[most];
	memcpy(copy, text.data, text.len);
	t->text = slice_make(copy, text.len);
	err = cut(t, why);
	if (err != OK) {
		identity_template_free(t);
		return err;
	}
	*out = t;
	return OK;
}

void
identity_template_free(struct identity_template *t)
{
	free(t);
}

struct slice
identity_template_text(const struct identity_template *t)
{
	return t->text;
}

bool
identity_template_is_constant(const struct identity_template *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (t->parts[i].literal.data == NULL)
			return false;
	}
	return true;
}

static enum reason
put_literal(struct slice s, struct identity_name *out, char *why)
{
	if (s.len > IDENTITY_NAME_MAX - out->len) {
		snprintf(why, IDENTITY_WHY_MAX,
		    "the text around the "
		    "variables makes it longer than 65,535 bytes");
		return REASON_IDENTITY_TOO_LONG;
	}
	memcpy(out->bytes + out->len, s.data, s.len);
	out->len += s.len;
	return REASON_NONE;
}

enum reason
identity_template_render(const struct identity_template *t,
    const struct identity_input *in, enum config_unsafe unsafe,
    struct identity_name *out, char why[IDENTITY_WHY_MAX])
{
	const struct part *part;
	enum reason reason = REASON_NONE;

	out->len = 0;
	for (part = t->parts; part < t->parts + t->count; part++) {
		if (part->literal.data != NULL)
			reason = put_literal(part->literal, out, why);
		else
			reason = identity_variable_append(part->v, in, unsafe,
			    out, why);
		if (reason != REASON_NONE)
			return reason;
	}
	return REASON_NONE;
}
