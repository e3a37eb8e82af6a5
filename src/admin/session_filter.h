/* SPDX-License-Identifier: ISC */
/*
 * Which sessions the parameters of a command select, and by what they are
 * sorted.
 */
#ifndef ADMIN_SESSION_FILTER_H
#define ADMIN_SESSION_FILTER_H

#include "admin/http.h"
#include "base/address.h"
#include "session/session.h"

#define SESSION_FILTER_WHY_MAX 256

/* What sessions can be sorted by, and the field of a row that has it. */
struct session_sort_key {
	const char *name;
	const char *field;
	uint64_t (*number)(const struct session *s); /* NULL: by text */
	struct slice (*text)(const struct session *s);
};

/* What a command's parameters select; every one that is given must match. */
struct session_filter {
	char *user; /* owned, as the next three; NULL: any */
	char *client_id;
	char *listener;
	char *backend; /* the profile's name, or the broker's address */
	uint8_t sha256[CERT_SHA256_LEN];
	bool has_sha256;
	struct address_net peer;
	bool has_peer;
	uint64_t sid;
	bool has_sid;
	uint64_t min_age_ms;
	uint64_t max_age_ms; /* UINT64_MAX: any */
	size_t limit; /* rows to show */
	const struct session_sort_key *sort; /* NULL: oldest first by worker */
	bool descending;
	size_t given; /* number of filters given */
};

/* Reads a filter from the parameters; the caller frees it with free(), after
 * session_filter_free(). NULL on error, and `why' says what is wrong. */
struct session_filter *session_filter_parse(const struct http_request *r,
    char why[SESSION_FILTER_WHY_MAX]);

/* Frees what a struct session_filter owns, not the filter itself. */
void session_filter_free(void *filter);

/* The field of a row that `sort' means, "user" or "-up"; NULL: none. */
const char *session_filter_sort_field(const char *sort, bool *descending);

/* Reads "30s", "5m", "2h", "1d", or a plain number of seconds. */
bool session_filter_age_parse(const char *text, uint64_t *ms);

/* True if the command means `s'. On the session's own thread, as all of the
 * following. */
bool session_filter_matches(const struct session_filter *f,
    const struct session *s);

/* What a session is selected by, sorted by and shown with. */

/* The [backend NAME] of its listener, as it is configured now. */
const char *session_filter_backend(const struct session *s);

/* Writes the broker's address; "" before the session is relayed. */
void session_filter_broker(const struct session *s,
    char text[ADDRESS_TEXT_MAX]);

/* Milliseconds since it was accepted. */
uint64_t session_filter_age(const struct session *s);

/* The bytes that it has relayed from and to the client. */
uint64_t session_filter_up(const struct session *s);
uint64_t session_filter_down(const struct session *s);

#endif
