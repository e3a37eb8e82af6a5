/*
 * The regular expressions of a deny list: PCRE2, as EMQX's are PCRE. They are
 * searched for in a name, not anchored. Strangers choose the names, so each
 * trial is bounded, and a name on which no verdict is reached is denied:
 * otherwise it would pay to send such a one.
 */
#ifndef IDENTITY_DENY_REGEX_H
#define IDENTITY_DENY_REGEX_H

#include "base/err.h"
#include "base/slice.h"

#define IDENTITY_DENY_REGEX_MAX 1000 /* expressions in one list */
#define IDENTITY_DENY_REGEX_LEN 1024 /* bytes of one expression */
/* Longer names are not tried: the cost may grow with the square of it. */
#define IDENTITY_DENY_REGEX_NAME_MAX 1024
/* Backtracking steps from one position of the name, and memory. */
#define IDENTITY_DENY_REGEX_STEPS 5000
#define IDENTITY_DENY_REGEX_KIB 256

struct identity_deny_regex;

/* ERR_CONFIG: `why' says what is wrong and at which byte. ERR_NO_MEMORY. */
enum err identity_deny_regex_new(struct identity_deny_regex **out,
    struct slice text, char *why, size_t why_size) MUST_CHECK;

/* Frees; NULL is fine. */
void identity_deny_regex_free(struct identity_deny_regex *re);

enum identity_deny_regex_verdict {
	IDENTITY_DENY_REGEX_NO,
	IDENTITY_DENY_REGEX_YES,
	IDENTITY_DENY_REGEX_GAVE_UP /* over its bounds, or out of memory */
};

/* Does `name' contain what `re' describes? Any thread. */
enum identity_deny_regex_verdict identity_deny_regex_match(
    const struct identity_deny_regex *re, struct slice name);

#endif
