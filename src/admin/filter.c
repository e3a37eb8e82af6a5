#include "admin/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 1000

static bool
parse_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= most;
}

bool
filter_age_parse(const char *text, uint64_t *ms)
{
	static const char units[] = "smhd";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };
	char digits[16];
	size_t len = strspn(text, "0123456789");
	const char *unit = "";
	uint64_t n;

	if (len == 0 || len > 9 || strlen(text + len) > 1)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!parse_number(digits, UINT32_MAX, &n))
		return false;
	if (text[len] != '\0')
		unit = strchr(units, text[len]);
	if (unit == NULL)
		return false;
	*ms = n * 1000 * (text[len] == '\0' ? 1 : seconds[unit - units]);
	return true;
}

/* 64 hex digits, with or without colons. */
static bool
parse_sha256(const char *text, uint8_t out[CERT_SHA256_LEN])
{
	size_t digits = 0;
	unsigned digit;

	memset(out, 0, CERT_SHA256_LEN);
	for (; *text != '\0'; text++) {
		if (*text == ':' && digits > 0 && digits % 2 == 0)
			continue;
		if (sscanf((const char[]){ *text, '\0' }, "%1x", &digit) != 1 ||
		    digits == 2 * CERT_SHA256_LEN)
			return false;
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | digit);
		digits++;
	}
	return digits == 2 * CERT_SHA256_LEN;
}

/* Copies a name; false: memory ran out. */
static bool
take(char **to, const char *value, size_t *given)
{
	if (value == NULL)
		return true;
	*to = strdup(value);
	(*given)++;
	return *to != NULL;
}

/* The parameters that are not names. NULL, or what is wrong. */
static const char *
parse_others(struct filter *f, const struct http_request *r)
{
	const char *cert = http_request_param(r, "cert");
	const char *peer = http_request_param(r, "peer");
	const char *from = http_request_param(r, "min_age");
	const char *to = http_request_param(r, "max_age");
	const char *sid = http_request_param(r, "sid");

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
	if (from != NULL && !filter_age_parse(from, &f->min_age_ms))
		return "min_age is a time, such as 30s, 5m, 2h or 1d";
	if (to != NULL && !filter_age_parse(to, &f->max_age_ms))
		return "max_age is a time, such as 30s, 5m, 2h or 1d";
	if (sid != NULL && !parse_number(sid, UINT64_MAX, &f->sid))
		return "sid is a session's number";
	if (!http_request_limit(r, &f->limit))
		return "limit is a number up to 100000";
	return NULL;
}

struct filter *
filter_parse(const struct http_request *r, char *why)
{
	struct filter *f = calloc(1, sizeof(*f));
	const char *wrong = "out of memory";

	if (f != NULL &&
	    take(&f->user, http_request_param(r, "user"), &f->given) &&
	    take(&f->client_id, http_request_param(r, "client_id"),
		&f->given) &&
	    take(&f->listener, http_request_param(r, "listener"), &f->given))
		wrong = parse_others(f, r);
	if (wrong == NULL)
		return f;
	snprintf(why, FILTER_WHY_MAX, "%s", wrong);
	if (f != NULL)
		filter_fini(f);
	free(f);
	return NULL;
}

void
filter_fini(void *filter)
{
	struct filter *f = filter;

	free(f->user);
	free(f->client_id);
	free(f->listener);
}

static bool
match_who(const struct filter *f, const struct session_identity *w)
{
	if (f->user == NULL && f->client_id == NULL && !f->has_sha256)
		return true;
	if (w == NULL)
		return false;
	if (f->user != NULL && !slice_equal(slice_str(f->user), w->username))
		return false;
	if (f->client_id != NULL &&
	    !slice_equal(slice_str(f->client_id), w->client_id))
		return false;
	return !f->has_sha256 ||
	    (w->has_certificate &&
		memcmp(f->sha256, w->sha256, CERT_SHA256_LEN) == 0);
}

bool
filter_match(const struct filter *f, const struct session *s)
{
	uint64_t age = loop_now(s->manager->loop) - s->since;
	struct sockaddr_storage peer;

	if (f->has_sid && f->sid != s->id)
		return false;
	if (f->listener != NULL &&
	    strcmp(f->listener, s->listener_state->name) != 0)
		return false;
	if (age < f->min_age_ms || age > f->max_age_ms)
		return false;
	if (f->has_peer) {
		session_peer(s, &peer);
		if (!address_net_match(&f->peer, 1, &peer))
			return false;
	}
	return match_who(f, s->identity);
}
