/* SPDX-License-Identifier: ISC */
/* A deny list made of text, for unit tests, fuzzers and benchmarks. */
#ifndef LIB_DENYLIST_H
#define LIB_DENYLIST_H

#include "identity/denylist.h"

/* The list that `text' says, to be put; NULL: it has bad rows, which `r' names,
 * or out of memory. */
static inline struct identity_denylist *
denylist_make(struct slice text, const char *name, struct report *r)
{
	struct identity_deny_base *base, *old = NULL;
	struct identity_denylist *l;

	if (identity_denylist_new(&l) != OK)
		return NULL;
	if (identity_deny_base_parse(&base, identity_denylist_hash(l), text,
		name, r) != OK) {
		identity_denylist_put(l);
		return NULL;
	}
	if (identity_denylist_replace(l, base, NULL, &old) != OK) {
		identity_deny_base_free(base);
		identity_denylist_put(l);
		return NULL;
	}
	identity_deny_base_free(old);
	return l;
}

#endif
