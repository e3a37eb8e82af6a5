/* SPDX-License-Identifier: ISC */
/*
 * The regular expressions of a deny list: PCRE2, as EMQX's are PCRE. They are
 * searched for anywhere in a name.
 *
 * Clients choose the names, so the cost of a name is bounded: for each
 * expression by a number of steps, and for all of them together by CPU time.
 * A name that cannot be matched within these bounds is denied, since otherwise
 * a client could send such a name to get in.
 *
 * A set is immutable and counted. A thread takes a count and matches without
 * a lock, so a slow name delays only its own worker, and no change of the list.
 */
#ifndef IDENTITY_DENY_PATTERN_H
#define IDENTITY_DENY_PATTERN_H

#include "base/err.h"
#include "identity/deny_key.h"

#define IDENTITY_DENY_PATTERNS_MAX 1000 /* expressions in one list */
#define IDENTITY_DENY_PATTERN_LEN 1024 /* bytes of one expression */
/* Longer names are not tried: the cost may grow with the square of it. */
#define IDENTITY_DENY_PATTERN_NAME_MAX 1024
/* Backtracking steps that one expression may take on a name from all positions
 * together, and from one of them; and the memory for them. */
#define IDENTITY_DENY_PATTERN_STEPS 500000
#define IDENTITY_DENY_PATTERN_STEPS_AT 5000
#define IDENTITY_DENY_PATTERN_KIB 1024
/* CPU time after which no further expression is tried on a name. */
#define IDENTITY_DENY_PATTERN_MS 10

struct identity_deny_patterns;

/* One expression; read only. */
struct identity_deny_pattern {
	enum identity_deny_kind kind;
	struct slice text;
	struct slice reason;
	int64_t until;
};

/* Checks an expression. ERR_CONFIG: `why' says what is wrong, and at which
 * byte. ERR_NO_MEMORY. */
enum err identity_deny_pattern_check(struct slice text, char *why,
    size_t why_size) MUST_CHECK;

/*
 * Replaces *set (NULL: an empty one) by one in which the expression `p' is
 * added, changed, or removed if its until is INT64_MIN; `p' is copied.
 * ERR_LIMIT: there are 1,000 already; ERR_CONFIG: not an expression;
 * ERR_NO_MEMORY; *set is unchanged then.
 */
enum err identity_deny_patterns_set(struct identity_deny_patterns **set,
    const struct identity_deny_pattern *p) MUST_CHECK;

/* Takes a count more and returns `set'; NULL is allowed. Any thread. */
struct identity_deny_patterns *identity_deny_patterns_get(
    struct identity_deny_patterns *set);

/* Gives a count back; the last one frees. Any thread; NULL is allowed. */
void identity_deny_patterns_put(struct identity_deny_patterns *set);

/* The number of expressions of `kind'. */
size_t identity_deny_patterns_count(const struct identity_deny_patterns *set,
    enum identity_deny_kind kind);

enum identity_deny_match {
	IDENTITY_DENY_MATCH_NO,
	IDENTITY_DENY_MATCH_YES,
	IDENTITY_DENY_MATCH_GAVE_UP /* over the bounds, or out of memory */
};

/* Tries the expressions of `kind' that are in force at `now' on `name'. Unless
 * the answer is IDENTITY_DENY_MATCH_NO, *found is the one that matched or on
 * which it gave up; it lives as long as `set'. */
enum identity_deny_match identity_deny_patterns_match(
    const struct identity_deny_patterns *set, enum identity_deny_kind kind,
    struct slice name, int64_t now, const struct identity_deny_pattern **found);

#endif
