/*
 * The just-in-time compiler is left out: it needs memory that is writable and
 * executable, in a process that strangers talk to.
 */
#include "identity/deny_regex.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct identity_deny_regex {
	pcre2_code *code; /* owned */
};

static enum err
compile(struct identity_deny_regex *re, struct slice text, char *why,
    size_t why_size)
{
	PCRE2_UCHAR message[128];
	PCRE2_SIZE at;
	int error;

	re->code = pcre2_compile(text.data, text.len,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
	if (re->code != NULL)
		return OK;
	if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
		return ERR_NO_MEMORY;
	if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
		message[0] = '\0';
	snprintf(why, why_size, "at byte %zu: %s", at + 1, (char *)message);
	return ERR_CONFIG;
}

enum err
identity_deny_regex_new(struct identity_deny_regex **out, struct slice text,
    char *why, size_t why_size)
{
	struct identity_deny_regex *re;
	enum err err;

	*out = NULL;
	if (text.len > IDENTITY_DENY_REGEX_LEN) {
		snprintf(why, why_size, "it is over %d bytes",
		    IDENTITY_DENY_REGEX_LEN);
		return ERR_CONFIG;
	}
	re = calloc(1, sizeof(*re));
	if (re == NULL)
		return ERR_NO_MEMORY;
	err = compile(re, text, why, why_size);
	if (err != OK) {
		free(re);
		return err;
	}
	*out = re;
	return OK;
}

void
identity_deny_regex_free(struct identity_deny_regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	free(re);
}

/* PCRE2 counts the steps from each position anew. */
static uint32_t
steps_at(size_t positions)
{
	size_t steps = IDENTITY_DENY_REGEX_STEPS / positions;

	return (uint32_t)(steps < IDENTITY_DENY_REGEX_STEPS_AT
		? steps
		: IDENTITY_DENY_REGEX_STEPS_AT);
}

void
identity_deny_subject_init(struct identity_deny_subject *s, struct slice name)
{
	s->name = name;
	s->data = NULL;
	s->bounds = NULL;
	if (name.len > IDENTITY_DENY_REGEX_NAME_MAX)
		return;
	s->data = pcre2_match_data_create(1, NULL);
	s->bounds = pcre2_match_context_create(NULL);
	if (s->bounds == NULL)
		return;
	pcre2_set_match_limit(s->bounds, steps_at(name.len + 1));
	pcre2_set_heap_limit(s->bounds, IDENTITY_DENY_REGEX_KIB);
}

void
identity_deny_subject_fini(struct identity_deny_subject *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->bounds);
}

enum identity_deny_regex_verdict
identity_deny_regex_match(const struct identity_deny_regex *re,
    struct identity_deny_subject *s)
{
	int rc;

	if (s->data == NULL || s->bounds == NULL)
		return IDENTITY_DENY_REGEX_GAVE_UP;
	rc = pcre2_match(re->code, s->name.data, s->name.len, 0, 0, s->data,
	    s->bounds);
	if (rc >= 0)
		return IDENTITY_DENY_REGEX_YES;
	return rc == PCRE2_ERROR_NOMATCH ? IDENTITY_DENY_REGEX_NO
					 : IDENTITY_DENY_REGEX_GAVE_UP;
}
