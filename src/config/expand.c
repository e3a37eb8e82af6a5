#include "config/expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "${env:"
#define MARK_LEN (sizeof(MARK) - 1)

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* One ${env:NAME} found in a text. */
struct found {
	const char *begin; /* of the mark */
	const char *end; /* behind the brace */
	const char *value; /* of the variable */
};

/* Control bytes would make one value look like several lines. */
static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* Looks at the mark that f->begin points at. */
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

enum err
config_expand(struct config_arena *arena, const char *text, const char **out,
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
