/* SPDX-License-Identifier: ISC */
/*
 * What there is to do: from the [fetch] sections and the distribution points of
 * the client CAs to one source for each file, with the CAs that may sign it,
 * and when each is asked for again.
 */
#ifndef FETCH_PLAN_H
#define FETCH_PLAN_H

#include "base/err.h"
#include "base/report.h"
#include "config/config.h"
#include "tls/crl_download.h"

/* One file, and where its list comes from. */
struct plan_source {
	const struct config_fetch *section; /* borrowed from the plan */
	char *path; /* owned */
	char **urls; /* owned, each owned: mirrors of one list */
	size_t url_count;
	struct crl_signers signers; /* `trusts' is owned, its items borrowed */
	uint64_t due; /* clock_mono_ms() of the next download */
	unsigned failures; /* since the last success */
};

struct plan {
	struct config *config; /* counted */
	struct tls_trust **trusts; /* owned; of each [tls]; NULL: not needed */
	struct plan_source *sources; /* owned */
	size_t count;
};

/* The options that sallyport-fetch reads. */
extern const struct config_wanted plan_wanted[];

/*
 * Makes a plan of `config', whose count it takes over also after an error.
 * ERR_CONFIG with complaints; ERR_NO_MEMORY. *out is NULL then.
 */
enum err plan_make(struct plan **out, struct config *config,
    struct report *why) MUST_CHECK;

/* NULL is allowed. */
void plan_free(struct plan *p);

/* The index of the source of that file; p->count if no source has it. */
size_t plan_find(const struct plan *p, const char *path);

/* The shortest pause, unless `interval' is shorter; and the first one after a
 * failure. */
#define PLAN_PAUSE_LEAST_MS 60000

/* What the next download depends on. */
struct plan_pause {
	uint64_t interval; /* milliseconds */
	unsigned failures; /* since the last success; 0: that was one */
	int64_t next_update; /* of the list in the file; INT64_MAX: none */
	int64_t now; /* seconds since 1970, as next_update */
	uint64_t random; /* any number */
};

/*
 * Returns the milliseconds after which sallyport-fetch --stay asks for a list
 * again: `interval', or half of the time that is left until nextUpdate; after a
 * failure less, each time twice as long, up to `interval'. It is up to a tenth
 * shorter or longer, so that a fleet that was started at once does not ask at
 * once. Pure.
 */
uint64_t plan_pause(const struct plan_pause *p);

#define PLAN_URL_MAX 512

/* Writes a URL without its user, password and query, which may be secret. It is
 * cut where it does not fit. */
void plan_show_url(char out[PLAN_URL_MAX], const char *url);

#endif
