/* SPDX-License-Identifier: ISC */
#include "admin/session_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/unit.h"
#include "io/stream_fd.h"

#define LIMIT_DEFAULT 1000
#define SORT_LIMIT_MAX 10000

/* Reads a decimal number up to `max'. */
static bool
parse_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

bool
session_filter_age_parse(const char *text, uint64_t *ms)
{
	if (parse_number(text, UINT32_MAX, ms)) {
		*ms *= 1000;
		return true;
	}
	return unit_parse(UNIT_TIME, text, ms) == OK;
}

/* Reads 64 hex digits, with or without colons between bytes. */
static bool
parse_sha256(const char *text, uint8_t out[CERT_SHA256_LEN])
{
	size_t digits = 0;
	int digit;

	memset(out, 0, CERT_SHA256_LEN);
	for (; *text != '\0'; text++) {
		if (*text == ':' && digits > 0 && digits % 2 == 0)
			continue;
		digit = encode_hex_value((uint8_t)*text);
		if (digit == -1 || digits == 2 * CERT_SHA256_LEN)
			return false;
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | digit);
		digits++;
	}
	return digits == 2 * CERT_SHA256_LEN;
}

/* Copies a name if it is given. False when memory runs out. */
static bool
take_name(char **to, const char *value, size_t *given)
{
	if (value == NULL)
		return true;
	*to = strdup(value);
	(*given)++;
	return *to != NULL;
}

const char *
session_filter_backend(const struct session *s)
{
	const struct config *cfg = s->manager->snapshot->config;
	size_t section = s->listener_state->section;

	if (section == LISTENER_REMOVED)
		return "";
	return config_name(&cfg->listener[section].backend_profile->head);
}

void
session_filter_broker(const struct session *s, char text[ADDRESS_TEXT_MAX])
{
	struct sockaddr_storage broker;

	text[0] = '\0';
	if (s->broker != NULL && stream_fd_peer(s->broker, &broker) == OK)
		address_text_port(text, &broker);
}

static uint64_t
number_sid(const struct session *s)
{
	return s->id;
}

uint64_t
session_filter_age(const struct session *s)
{
	return loop_now(s->manager->loop) - s->accepted_ms;
}

uint64_t
session_filter_up(const struct session *s)
{
	return s->stage == STAGE_RELAY ? s->relay.up.bytes : 0;
}

uint64_t
session_filter_down(const struct session *s)
{
	return s->stage == STAGE_RELAY ? s->relay.down.bytes : 0;
}

static struct slice
text_user(const struct session *s)
{
	return s->identity == NULL ? slice_str("")
				   : session_identity_username(s->identity);
}

static struct slice
text_client_id(const struct session *s)
{
	return s->identity == NULL ? slice_str("")
				   : session_identity_client_id(s->identity);
}

static struct slice
text_listener(const struct session *s)
{
	return slice_str(s->listener_state->name);
}

static struct slice
text_backend(const struct session *s)
{
	return slice_str(session_filter_backend(s));
}

static struct slice
text_stage(const struct session *s)
{
	return slice_str(stage_name(s->stage));
}

static const struct session_sort_key sort_keys[] = {
	{ "sid", "sid", number_sid, NULL },
	{ "age", "age_s", session_filter_age, NULL },
	{ "up", "up", session_filter_up, NULL },
	{ "down", "down", session_filter_down, NULL },
	{ "user", "user", NULL, text_user },
	{ "client_id", "client_id", NULL, text_client_id },
	{ "listener", "listener", NULL, text_listener },
	{ "backend", "backend", NULL, text_backend },
	{ "stage", "stage", NULL, text_stage },
};

/* Reads "user", or "-up" for descending order. */
static const struct session_sort_key *
find_sort_key(const char *text, bool *descending)
{
	size_t i;

	*descending = text[0] == '-';
	text += *descending;
	for (i = 0; i < sizeof(sort_keys) / sizeof(sort_keys[0]); i++)
		if (strcmp(sort_keys[i].name, text) == 0)
			return &sort_keys[i];
	return NULL;
}

const char *
session_filter_sort_field(const char *sort, bool *descending)
{
	const struct session_sort_key *k = find_sort_key(sort, descending);

	return k == NULL ? NULL : k->field;
}

static bool
parse_sort(struct session_filter *f, const char *text)
{
	f->sort = find_sort_key(text, &f->descending);
	return f->sort != NULL;
}

/* Reads the parameters that are not names. NULL, or what is wrong. */
static const char *
parse_others(struct session_filter *f, const struct http_request *r)
{
	const char *cert = http_request_param(r, "cert");
	const char *peer = http_request_param(r, "peer");
	const char *from = http_request_param(r, "min_age");
	const char *to = http_request_param(r, "max_age");
	const char *sid = http_request_param(r, "sid");
	const char *sort = http_request_param(r, "sort");

	f->limit = LIMIT_DEFAULT;
	f->max_age_ms = UINT64_MAX;
	f->has_sha256 = cert != NULL;
	f->has_peer = peer != NULL;
	f->has_sid = sid != NULL;
	f->given += (cert != NULL) + (peer != NULL) + (sid != NULL) +
	    (from != NULL) + (to != NULL);
	if (cert != NULL && !parse_sha256(cert, f->sha256))
		return "cert is a SHA-256, 64 hex digits";
	if (peer != NULL && address_net_parse(&f->peer, peer) != OK)
		return "peer is an address or a network, such as 192.0.2.0/24";
	if (from != NULL && !session_filter_age_parse(from, &f->min_age_ms))
		return "min_age is a time, such as 30s, 5m, 2h or 1d";
	if (to != NULL && !session_filter_age_parse(to, &f->max_age_ms))
		return "max_age is a time, such as 30s, 5m, 2h or 1d";
	if (sid != NULL && !parse_number(sid, UINT64_MAX, &f->sid))
		return "sid is a session's number";
	if (!http_request_limit(r, &f->limit) ||
	    (sort != NULL && f->limit > SORT_LIMIT_MAX))
		return "limit is a number up to 100000, with sort up to 10000";
	if (sort != NULL && !parse_sort(f, sort))
		return "sort is sid, age, up, down, user, client_id, listener, "
		       "backend or stage, with - for descending order";
	return NULL;
}

void
session_filter_free(void *filter)
{
	struct session_filter *f = filter;

	free(f->user);
	free(f->client_id);
	free(f->listener);
	free(f->backend);
}

struct session_filter *
session_filter_parse(const struct http_request *r,
    char why[SESSION_FILTER_WHY_MAX])
{
	struct session_filter *f = calloc(1, sizeof(*f));
	const char *wrong = "out of memory";

	if (f != NULL &&
	    take_name(&f->user, http_request_param(r, "user"), &f->given) &&
	    take_name(&f->client_id, http_request_param(r, "client_id"),
		&f->given) &&
	    take_name(&f->listener, http_request_param(r, "listener"),
		&f->given) &&
	    take_name(&f->backend, http_request_param(r, "backend"), &f->given))
		wrong = parse_others(f, r);
	if (wrong == NULL)
		return f;
	snprintf(why, SESSION_FILTER_WHY_MAX, "%s", wrong);
	if (f != NULL)
		session_filter_free(f);
	free(f);
	return NULL;
}

/* True if `text' is `pattern', in which * stands for any characters and ? for
 * one byte. Any other character stands for itself, so every name without these
 * two matches only itself. */
static bool
match_glob(const char *pattern, struct slice text)
{
	const char *retry = NULL; /* after the last * */
	size_t from = 0; /* what that * has taken so far ends here */
	size_t i = 0;

	while (i < text.len) {
		if (*pattern == '*') {
			retry = ++pattern;
			from = i;
		} else if (*pattern != '\0' &&
		    (*pattern == '?' || (uint8_t)*pattern == text.data[i])) {
			pattern++;
			i++;
		} else if (retry != NULL) {
			pattern = retry;
			i = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
match_identity(const struct session_filter *f,
    const struct session_identity *id)
{
	if (f->user == NULL && f->client_id == NULL && !f->has_sha256)
		return true;
	if (id == NULL)
		return false;
	if (f->user != NULL &&
	    !match_glob(f->user, session_identity_username(id)))
		return false;
	if (f->client_id != NULL &&
	    !match_glob(f->client_id, session_identity_client_id(id)))
		return false;
	return !f->has_sha256 ||
	    (id->has_certificate &&
		(memcmp(f->sha256, id->sha256, CERT_SHA256_LEN) == 0 ||
		    memcmp(f->sha256, session_identity_other_form(id),
			CERT_SHA256_LEN) == 0 ||
		    memcmp(f->sha256, id->tbs_sha256, CERT_SHA256_LEN) == 0));
}

static bool
match_backend(const struct session_filter *f, const struct session *s)
{
	char broker[ADDRESS_TEXT_MAX];

	if (f->backend == NULL || match_glob(f->backend, text_backend(s)))
		return true;
	session_filter_broker(s, broker);
	return broker[0] != '\0' && match_glob(f->backend, slice_str(broker));
}

bool
session_filter_matches(const struct session_filter *f, const struct session *s)
{
	uint64_t age = loop_now(s->manager->loop) - s->accepted_ms;
	struct sockaddr_storage peer;

	if (f->has_sid && f->sid != s->id)
		return false;
	if (f->listener != NULL && !match_glob(f->listener, text_listener(s)))
		return false;
	if (age < f->min_age_ms || age > f->max_age_ms)
		return false;
	if (f->has_peer) {
		session_peer(s, &peer);
		if (!address_net_match(&f->peer, 1, &peer))
			return false;
	}
	return match_identity(f, s->identity) && match_backend(f, s);
}
