/*
 * Which sessions a command means: everything that is given must match.
 */
#ifndef ADMIN_FILTER_H
#define ADMIN_FILTER_H

#include "admin/http.h"
#include "base/address.h"
#include "session/session.h"

struct filter {
	char *user; /* owned, as the others; NULL: any */
	char *client_id;
	char *listener;
	uint8_t sha256[CERT_SHA256_LEN];
	bool has_sha256;
	struct address_net peer;
	bool has_peer;
	uint64_t sid;
	bool has_sid;
	uint64_t min_age_ms;
	uint64_t max_age_ms; /* UINT64_MAX: any */
	size_t limit; /* rows to show */
	size_t given; /* how many filters there are */
};

/*
 * Reads a filter from a request's parameters. NULL: `why' (at least
 * FILTER_WHY_MAX bytes) says what is wrong. Free it with filter_fini() and
 * free().
 */
#define FILTER_WHY_MAX 256
struct filter *filter_parse(const struct http_request *r, char *why);

/* Frees what the filter owns. */
void filter_fini(void *filter);

/* Is `s' meant? On the session's own thread. */
bool filter_match(const struct filter *f, const struct session *s);

/* Reads "30s", "5m", "2h", "1d", or a plain number of seconds. */
bool filter_age_parse(const char *text, uint64_t *ms);

#endif
