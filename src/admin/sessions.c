/* SPDX-License-Identifier: ISC */
/*
 * The commands sessions and kick: which sessions a filter matches, and what is
 * shown of each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "admin/worker_query.h"
#include "base/encode.h"
#include "base/unit.h"
#include "session/session.h"
#include "tls/stream_tls.h"

#define LIMIT_DEFAULT 1000
#define WHY_MAX 256

/* What a command's parameters select; every one that is given must match. */
struct filter {
	char *user; /* owned, as the next two; NULL: any */
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
	size_t given; /* number of filters given */
};

/* Reads a decimal number up to `most'. */
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
sessions_age_parse(const char *text, uint64_t *ms)
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

/* Reads the parameters that are not names. NULL, or what is wrong. */
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
	if (from != NULL && !sessions_age_parse(from, &f->min_age_ms))
		return "min_age is a time, such as 30s, 5m, 2h or 1d";
	if (to != NULL && !sessions_age_parse(to, &f->max_age_ms))
		return "max_age is a time, such as 30s, 5m, 2h or 1d";
	if (sid != NULL && !parse_number(sid, UINT64_MAX, &f->sid))
		return "sid is a session's number";
	if (!http_request_limit(r, &f->limit))
		return "limit is a number up to 100000";
	return NULL;
}

/* Frees what the filter owns, not the filter. */
static void
free_filter(void *filter)
{
	struct filter *f = filter;

	free(f->user);
	free(f->client_id);
	free(f->listener);
}

/* Reads a filter from the parameters. NULL on error, and `why' (WHY_MAX bytes)
 * says what is wrong. */
static struct filter *
parse_filter(const struct http_request *r, char *why)
{
	struct filter *f = calloc(1, sizeof(*f));
	const char *wrong = "out of memory";

	if (f != NULL &&
	    take_name(&f->user, http_request_param(r, "user"), &f->given) &&
	    take_name(&f->client_id, http_request_param(r, "client_id"),
		&f->given) &&
	    take_name(&f->listener, http_request_param(r, "listener"),
		&f->given))
		wrong = parse_others(f, r);
	if (wrong == NULL)
		return f;
	snprintf(why, WHY_MAX, "%s", wrong);
	if (f != NULL)
		free_filter(f);
	free(f);
	return NULL;
}

static bool
match_identity(const struct filter *f, const struct session_identity *id)
{
	if (f->user == NULL && f->client_id == NULL && !f->has_sha256)
		return true;
	if (id == NULL)
		return false;
	if (f->user != NULL && !slice_equal(slice_str(f->user), id->username))
		return false;
	if (f->client_id != NULL &&
	    !slice_equal(slice_str(f->client_id), id->client_id))
		return false;
	return !f->has_sha256 ||
	    (id->has_certificate &&
		memcmp(f->sha256, id->sha256, CERT_SHA256_LEN) == 0);
}

/* True if the command means `s'. On the session's own thread. */
static bool
match(const struct filter *f, const struct session *s)
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
	return match_identity(f, s->identity);
}

/* One worker's answer, built on its thread. */
struct found {
	size_t matched;
	json_t *rows; /* owned; NULL: memory ran out */
};

static const char *
level_text(enum mqtt_level level)
{
	switch (level) {
	case MQTT_LEVEL_31:
		return "3.1";
	case MQTT_LEVEL_311:
		return "3.1.1";
	case MQTT_LEVEL_5:
		return "5";
	default:
		return "";
	}
}

/* Adds what is known once the identity has been decided. Non-zero when memory
 * runs out. */
static int
add_identity(json_t *row, const struct session_identity *id)
{
	int bad = 0;

	bad |= json_object_set_new(row, "user", reply_text(id->username));
	bad |= json_object_set_new(row, "client_id", reply_text(id->client_id));
	if (!id->has_certificate)
		return bad;
	bad |= json_object_set_new(row, "cert_sha256",
	    reply_hex(id->sha256, CERT_SHA256_LEN));
	bad |= json_object_set_new(row, "cert_not_after",
	    reply_when(id->not_after));
	return bad;
}

static int
add_tls(json_t *row, const struct session *s)
{
	struct tls_info info;
	int bad = 0;

	tls_stream_info(s->tls, &info);
	bad |= json_object_set_new(row, "tls", json_string(info.version));
	bad |= json_object_set_new(row, "cipher", json_string(info.cipher));
	bad |= json_object_set_new(row, "resumed", json_boolean(info.resumed));
	return bad;
}

/* The row of one session; NULL when memory runs out. */
static json_t *
show(const struct session *s)
{
	uint64_t age = loop_now(s->manager->loop) - s->since;
	bool relayed = s->stage == STAGE_RELAY;
	struct sockaddr_storage peer;
	char address[ADDRESS_TEXT_MAX];
	json_t *row;
	int bad = 0;

	session_peer(s, &peer);
	address_text_port(address, &peer);
	row = json_pack("{s:I,s:s,s:s,s:s,s:I,s:I,s:I,s:s}", "sid",
	    (json_int_t)s->id, "stage", stage_name(s->stage), "listener",
	    s->listener_state->name, "peer", address, "age_s",
	    (json_int_t)(age / 1000), "up",
	    (json_int_t)(relayed ? s->relay.up.bytes : 0), "down",
	    (json_int_t)(relayed ? s->relay.down.bytes : 0), "mqtt",
	    level_text(s->level));
	if (row == NULL)
		return NULL;
	if (s->identity != NULL)
		bad |= add_identity(row, s->identity);
	if (s->tls != NULL && s->stage > STAGE_TLS)
		bad |= add_tls(row, s);
	if (bad == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* Counts a match, and adds its row if the limit allows. */
static void
note(struct found *found, const struct filter *f, const struct session *s)
{
	found->matched++;
	if (found->rows != NULL && json_array_size(found->rows) < f->limit &&
	    json_array_append_new(found->rows, show(s)) == -1) {
		json_decref(found->rows);
		found->rows = NULL;
	}
}

static void
work_list(struct worker *w, const void *question, void *answer)
{
	const struct filter *f = question;
	struct session_manager *m = worker_sessions(w);
	struct found *found = answer;
	struct list *node;
	struct list *next;
	struct session *s;

	found->rows = json_array();
	list_each(node, next, &m->sessions) {
		s = list_entry(node, struct session, node);
		if (match(f, s))
			note(found, f, s);
	}
}

static void
work_kick(struct worker *w, const void *question, void *answer)
{
	const struct filter *f = question;
	struct session_manager *m = worker_sessions(w);
	struct found *found = answer;
	struct list *node;
	struct list *next;
	struct session *s;

	found->rows = json_array();
	list_each(node, next, &m->sessions) {
		s = list_entry(node, struct session, node);
		if (session_is_leaving(s) || !match(f, s))
			continue;
		note(found, f, s);
		session_dismiss(s, REASON_RELAY_KICKED, NULL);
	}
}

static void
free_found(void *answer)
{
	json_decref(((struct found *)answer)->rows);
}

/* Joins the workers' rows, up to the limit. */
static void
answer(struct worker_query *q, unsigned status_of_none)
{
	const struct filter *f = q->question;
	json_t *all = json_array();
	struct found *found;
	size_t matched = 0;
	bool bad = false;
	json_t *row;
	size_t n;
	size_t i;

	for (i = 0; i < q->count; i++) {
		found = worker_query_answer(q, i);
		matched += found->matched;
		if (found->rows == NULL)
			bad = true;
		json_array_foreach(found->rows, n, row)
		{
			if (json_array_size(all) < f->limit)
				bad |= json_array_append(all, row) == -1;
		}
	}
	if (bad || all == NULL) {
		json_decref(all);
		reply_json(q->call, 503, NULL);
		return;
	}
	reply_json(q->call, matched == 0 ? status_of_none : 200,
	    json_pack("{s:I,s:o}", "matched", (json_int_t)matched, "sessions",
		all));
}

static void
done_list(struct worker_query *q)
{
	answer(q, 200);
}

static void
done_kick(struct worker_query *q)
{
	answer(q, 404);
}

static const struct worker_query_kind list_kind = {
	.answer_size = sizeof(struct found),
	.work = work_list,
	.done = done_list,
	.free_answer = free_found,
	.free_question = free_filter,
};
static const struct worker_query_kind kick_kind = {
	.answer_size = sizeof(struct found),
	.work = work_kick,
	.done = done_kick,
	.free_answer = free_found,
	.free_question = free_filter,
};

void
sessions_list_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	char why[WHY_MAX];
	struct filter *f = parse_filter(r, why);

	if (f == NULL)
		reply_error(call, 400, "%s", why);
	else
		worker_query_send(a, call, r, &list_kind, f);
}

void
sessions_kick_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const char *all = http_request_param(r, "all");
	char why[WHY_MAX];
	struct filter *f = parse_filter(r, why);

	if (f == NULL) {
		reply_error(call, 400, "%s", why);
		return;
	}
	if (f->given == 0 && (all == NULL || strcmp(all, "1") != 0)) {
		free_filter(f);
		free(f);
		reply_error(call, 400,
		    "give a filter: user, client_id, cert, peer, listener, "
		    "min_age, max_age or sid; or all (over HTTP, all=1) for "
		    "every session");
		return;
	}
	worker_query_send(a, call, r, &kick_kind, f);
}
