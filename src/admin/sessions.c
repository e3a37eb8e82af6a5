#include "admin/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "admin/filter.h"
#include "admin/reply.h"
#include "admin/worker_query.h"
#include "session/session.h"
#include "tls/stream_tls.h"

/* One worker's answer. Made on its thread, then handed over whole. */
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

/* What is known once the verdict is there. */
static int
add_who(json_t *row, const struct session_identity *w)
{
	int bad = 0;

	bad |= json_object_set_new(row, "user", reply_text(w->username));
	bad |= json_object_set_new(row, "client_id", reply_text(w->client_id));
	if (!w->has_certificate)
		return bad;
	bad |= json_object_set_new(row, "cert_sha256",
	    reply_hex(w->sha256, CERT_SHA256_LEN));
	bad |= json_object_set_new(row, "cert_not_after",
	    reply_when(w->not_after));
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
		bad |= add_who(row, s->identity);
	if (s->tls != NULL && s->stage > STAGE_TLS)
		bad |= add_tls(row, s);
	if (bad == 0)
		return row;
	json_decref(row);
	return NULL;
}

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
	struct session_manager *d = worker_sessions(w);
	struct found *found = answer;
	struct list *node;
	struct list *next;
	struct session *s;

	found->rows = json_array();
	list_each(node, next, &d->sessions) {
		s = list_entry(node, struct session, node);
		if (filter_match(f, s))
			note(found, f, s);
	}
}

static void
work_kick(struct worker *w, const void *question, void *answer)
{
	const struct filter *f = question;
	struct session_manager *d = worker_sessions(w);
	struct found *found = answer;
	struct list *node;
	struct list *next;
	struct session *s;

	found->rows = json_array();
	list_each(node, next, &d->sessions) {
		s = list_entry(node, struct session, node);
		if (session_is_leaving(s) || !filter_match(f, s))
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

/* Puts the workers' rows together, up to the limit. */
static void
answer(struct worker_query *a, unsigned status_of_none)
{
	const struct filter *f = a->question;
	json_t *all = json_array();
	struct found *found;
	size_t matched = 0;
	bool bad = false;
	json_t *row;
	size_t n;
	size_t i;

	for (i = 0; i < a->count; i++) {
		found = worker_query_answer(a, i);
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
		reply_json(a->call, 503, NULL);
		return;
	}
	reply_json(a->call, matched == 0 ? status_of_none : 200,
	    json_pack("{s:I,s:o}", "matched", (json_int_t)matched, "sessions",
		all));
}

static void
done_list(struct worker_query *a)
{
	answer(a, 200);
}

static void
done_kick(struct worker_query *a)
{
	answer(a, 404);
}

static const struct worker_query_kind list_kind = {
	.answer_size = sizeof(struct found),
	.work = work_list,
	.done = done_list,
	.free_answer = free_found,
	.free_question = filter_fini,
};
static const struct worker_query_kind kick_kind = {
	.answer_size = sizeof(struct found),
	.work = work_kick,
	.done = done_kick,
	.free_answer = free_found,
	.free_question = filter_fini,
};

void
sessions_list_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	char why[FILTER_WHY_MAX];
	struct filter *f = filter_parse(r, why);

	if (f == NULL)
		reply_error(call, 400, "%s", why);
	else
		worker_query_send(a, call, r, &list_kind, f, 0);
}

void
sessions_kick_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const char *all = http_request_param(r, "all");
	char why[FILTER_WHY_MAX];
	struct filter *f = filter_parse(r, why);

	if (f == NULL) {
		reply_error(call, 400, "%s", why);
		return;
	}
	if (f->given == 0 && (all == NULL || strcmp(all, "1") != 0)) {
		filter_fini(f);
		free(f);
		reply_error(call, 400,
		    "say whom: user, client_id, cert, peer, listener, min_age, "
		    "max_age or sid; all (with 1 over HTTP) for everybody");
		return;
	}
	worker_query_send(a, call, r, &kick_kind, f, 0);
}
