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
/* Backtracking steps one expression may take on a name: from all positions
 * together, so that its cost is some ten milliseconds at the worst, and from
 * one of them. And what memory it may take for them. */
#define IDENTITY_DENY_REGEX_STEPS 500000
#define IDENTITY_DENY_REGEX_STEPS_AT 5000
#define IDENTITY_DENY_REGEX_KIB 1024

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

/* A name, ready to be tried with one expression after the other. */
struct identity_deny_subject {
	struct slice name; /* borrowed */
	void *data; /* owned: PCRE2's, of the trial */
	void *bounds; /* owned */
};

/* Makes `s' of `name'; end it with identity_deny_subject_fini(). Without
 * memory every trial will give up. */
void identity_deny_subject_init(struct identity_deny_subject *s,
    struct slice name);

/* Frees what `s' owns; the name stays its owner's. */
void identity_deny_subject_fini(struct identity_deny_subject *s);

/* Does the name contain what `re' describes? `re' may be of use to several
 * threads, each with a subject of its own. */
enum identity_deny_regex_verdict identity_deny_regex_match(
    const struct identity_deny_regex *re, struct identity_deny_subject *s);

#endif
