/* SPDX-License-Identifier: ISC */
/*
 * The commands sessions and kick: what is shown of each session that a filter
 * matches, and in which order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "admin/session_filter.h"
#include "admin/worker_query.h"
#include "base/clock.h"
#include "base/heap.h"
#include "identity/text.h"
#include "session/session.h"
#include "tls/stream_tls.h"

/* A worker's sessions wait no longer than this for a query. */
#define SLICE_MS 1
#define ISSUER_MAX 512

/* A row of an answer. */
struct row {
	uint64_t sid;
	uint64_t number; /* what it is sorted by, if that is a number */
	char *text; /* owned; what it is sorted by, if that is text, or NULL */
	size_t text_len;
	char *json; /* owned; NULL: not made yet, or its session has ended */
};

enum found_state {
	FOUND_START,
	FOUND_PICKING, /* the rows that come first in the order asked for */
	FOUND_SHOWING
};

/* One worker's answer, built on its thread in slices. */
struct found {
	enum found_state state;
	struct session_walk walk;
	size_t matched;
	struct row *rows; /* owned; while PICKING a heap, the last row in the
			   * order asked for on top */
	size_t count;
	size_t room;
	size_t shown; /* in SHOWING: the rows before this one are done */
	bool failed; /* memory ran out */
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

	bad |= json_object_set_new(row, "user",
	    reply_text(session_identity_username(id)));
	bad |= json_object_set_new(row, "client_id",
	    reply_text(session_identity_client_id(id)));
	bad |=
	    json_object_set_new(row, "identity", json_string(id->rules->name));
	if (!id->has_certificate)
		return bad;
	bad |= json_object_set_new(row, "cert_sha256",
	    reply_hex(id->sha256, CERT_SHA256_LEN));
	bad |= json_object_set_new(row, "cert_not_after",
	    reply_when(id->not_after));
	return bad;
}

/* Adds the certificate's issuer, which is read from the certificate again: a
 * session keeps only its hash. */
static int
add_issuer(json_t *row, const struct session *s)
{
	uint8_t text[ISSUER_MAX];
	struct identity_text_out out = { text, sizeof(text), 0 };
	struct cert *cert = NULL;
	int bad = 0;

	if (s->identity == NULL || !s->identity->has_certificate ||
	    tls_stream_make_cert(s->tls, NULL, &cert) != OK)
		return 0;
	if (identity_dn_append(cert->issuer, cert->issuer_count,
		IDENTITY_DN_EMQX, &out, NULL) == IDENTITY_TEXT_OK)
		bad = json_object_set_new(row, "issuer",
		    reply_text(slice_make(text, out.len)));
	tls_facts_free(cert);
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
	struct sockaddr_storage peer;
	char address[ADDRESS_TEXT_MAX];
	char broker[ADDRESS_TEXT_MAX];
	json_t *row;
	int bad = 0;

	session_peer(s, &peer);
	address_text_port(address, &peer);
	session_filter_broker(s, broker);
	row = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:s}", "sid",
	    (json_int_t)s->id, "stage", stage_name(s->stage), "listener",
	    s->listener_state->name, "peer", address, "backend",
	    session_filter_backend(s), "broker", broker, "age_s",
	    (json_int_t)(session_filter_age(s) / 1000), "up",
	    (json_int_t)session_filter_up(s), "down",
	    (json_int_t)session_filter_down(s), "mqtt", level_text(s->level));
	if (row == NULL)
		return NULL;
	if (s->identity != NULL)
		bad |= add_identity(row, s->identity);
	if (s->tls != NULL && s->stage > STAGE_TLS)
		bad |= add_tls(row, s) | add_issuer(row, s);
	if (bad == 0)
		return row;
	json_decref(row);
	return NULL;
}

static void
free_row(struct row *row)
{
	free(row->text);
	free(row->json);
}

/* A new row for the session; NULL when memory runs out. */
static struct row *
add_row(struct found *found, const struct session *s)
{
	size_t room = found->room == 0 ? 64 : 2 * found->room;
	struct row *rows;

	if (found->count == found->room) {
		rows = realloc(found->rows, room * sizeof(*rows));
		if (rows == NULL) {
			found->failed = true;
			return NULL;
		}
		found->rows = rows;
		found->room = room;
	}
	rows = &found->rows[found->count++];
	memset(rows, 0, sizeof(*rows));
	rows->sid = s->id;
	return rows;
}

static void
show_row(struct found *found, struct row *row, const struct session *s)
{
	row->json = reply_write(show(s));
	found->failed = found->failed || row->json == NULL;
}

/* Counts a match, and adds its row if the limit allows. */
static void
note(struct found *found, const struct session_filter *f,
    const struct session *s)
{
	struct row *row;

	found->matched++;
	if (found->failed || found->count >= f->limit)
		return;
	row = add_row(found, s);
	if (row != NULL)
		show_row(found, row, s);
}

/*
 * Sorting. A first walk picks the rows that come first, a second one shows
 * them; so the cost of a long list of sessions depends on the limit.
 */

static int
compare_rows(const struct session_filter *f, const struct row *a,
    const struct row *b)
{
	size_t len = a->text_len < b->text_len ? a->text_len : b->text_len;
	int order = (a->number > b->number) - (a->number < b->number);

	if (order == 0 && len > 0)
		order = memcmp(a->text, b->text, len);
	if (order == 0)
		order =
		    (a->text_len > b->text_len) - (a->text_len < b->text_len);
	if (f->descending)
		order = -order;
	return order != 0 ? order : (a->sid > b->sid) - (a->sid < b->sid);
}

/* Reads what the row is sorted by. False when memory runs out. */
static bool
take_key(struct row *row, const struct session_filter *f,
    const struct session *s)
{
	struct slice text;

	if (f->sort->number != NULL) {
		row->number = f->sort->number(s);
		return true;
	}
	text = f->sort->text(s);
	if (text.len == 0)
		return true;
	row->text = malloc(text.len);
	if (row->text == NULL)
		return false;
	memcpy(row->text, text.data, text.len);
	row->text_len = text.len;
	return true;
}

static void
swap_rows(struct row *a, struct row *b)
{
	struct row t = *a;

	*a = *b;
	*b = t;
}

/* The last of the rows that come first is on top of the heap. */
static int
compare_for_heap(const void *a, const void *b, const void *filter)
{
	return compare_rows(filter, b, a);
}

/* Counts a match, and keeps it if it is among the first. */
static void
pick(struct found *found, const struct session_filter *f,
    const struct session *s)
{
	struct row key = { .sid = s->id };
	struct heap heap = { NULL, sizeof(key), compare_for_heap, f };
	struct row *row;

	found->matched++;
	if (found->failed || f->limit == 0)
		return;
	if (!take_key(&key, f, s)) {
		found->failed = true;
		return;
	}
	if (found->count < f->limit) {
		row = add_row(found, s);
		if (row != NULL) {
			swap_rows(row, &key);
			heap.entries = found->rows;
			heap_push(&heap, found->count);
		}
	} else if (compare_rows(f, &key, &found->rows[0]) < 0) {
		swap_rows(&found->rows[0], &key);
		heap.entries = found->rows;
		heap_replace(&heap, found->count);
	}
	free_row(&key);
}

static int
compare_sids(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->sid > y->sid) - (x->sid < y->sid);
}

/* Shows the session if it was picked. Sessions and rows come in the order of
 * their numbers. */
static void
show_picked(struct found *found, const struct session *s)
{
	struct row *row;

	while (found->shown < found->count) {
		row = &found->rows[found->shown];
		if (row->sid > s->id)
			return;
		found->shown++;
		if (row->sid == s->id)
			show_row(found, row, s);
	}
}

/*
 * The work.
 */

/* Begins the next walk, if there is one. */
static bool
next_walk(const struct session_filter *f, struct session_manager *m,
    struct found *found)
{
	if (found->state == FOUND_START && f->sort != NULL) {
		found->state = FOUND_PICKING;
	} else if (found->state == FOUND_SHOWING || found->failed) {
		return false;
	} else {
		if (found->state == FOUND_PICKING && found->count > 0)
			qsort(found->rows, found->count, sizeof(struct row),
			    compare_sids);
		found->state = FOUND_SHOWING;
	}
	session_walk_start(m, &found->walk);
	return true;
}

static void
list_one(const struct session_filter *f, struct found *found, struct session *s)
{
	if (found->state == FOUND_PICKING) {
		if (session_filter_matches(f, s))
			pick(found, f, s);
	} else if (f->sort != NULL) {
		show_picked(found, s);
	} else if (session_filter_matches(f, s)) {
		note(found, f, s);
	}
}

static void
kick_one(const struct session_filter *f, struct found *found, struct session *s)
{
	if (session_is_leaving(s) || !session_filter_matches(f, s))
		return;
	note(found, f, s);
	session_dismiss(s, REASON_RELAY_KICKED, NULL);
}

/* One slice of a walk over all sessions; true when all is done. */
static bool
work(struct worker *w, const struct session_filter *f, struct found *found,
    void (
	*one)(const struct session_filter *, struct found *, struct session *))
{
	struct session_manager *m = worker_sessions(w);
	uint64_t end = clock_mono_ms() + SLICE_MS;
	struct session *s;

	if (found->state == FOUND_START)
		next_walk(f, m, found);
	do {
		while ((s = session_walk_next(m, &found->walk)) != NULL) {
			one(f, found, s);
			if (clock_mono_ms() >= end)
				return false;
		}
	} while (next_walk(f, m, found));
	return true;
}

static bool
work_list(struct worker *w, const void *question, void *answer)
{
	return work(w, question, answer, list_one);
}

static bool
work_kick(struct worker *w, const void *question, void *answer)
{
	return work(w, question, answer, kick_one);
}

static void
free_found(void *answer)
{
	struct found *found = answer;
	size_t i;

	for (i = 0; i < found->count; i++)
		free_row(&found->rows[i]);
	free(found->rows);
}

/*
 * The answer, on the main thread.
 */

static int
compare_in_order(const void *a, const void *b, void *arg)
{
	return compare_rows(arg, *(const struct row *const *)a,
	    *(const struct row *const *)b);
}

/* Joins the workers' rows, sorted if that was asked for. NULL: out of memory.
 * The rows are borrowed from the workers' answers. */
static const struct row **
join(const struct worker_query *q, size_t *count, size_t *matched)
{
	const struct session_filter *f = q->question;
	const struct found *found;
	const struct row **all;
	size_t total = 0;
	size_t n;
	size_t i;

	*count = 0;
	*matched = 0;
	for (i = 0; i < q->count; i++) {
		found = worker_query_answer(q, i);
		if (found->failed)
			return NULL;
		total += found->count;
		*matched += found->matched;
	}
	all = calloc(total + 1, sizeof(all[0]));
	if (all == NULL)
		return NULL;
	for (i = 0; i < q->count; i++) {
		found = worker_query_answer(q, i);
		for (n = 0; n < found->count; n++)
			if (found->rows[n].json != NULL)
				all[(*count)++] = &found->rows[n];
	}
	if (f->sort != NULL)
		qsort_r(all, *count, sizeof(all[0]), compare_in_order,
		    (void *)f);
	return all;
}

static bool
append(struct buf *body, const char *text)
{
	return buf_append(body, text, strlen(text)) == OK;
}

/* Answers with the workers' rows, up to the limit. */
static void
answer(struct worker_query *q, unsigned status_of_none)
{
	const struct session_filter *f = q->question;
	size_t matched;
	size_t count;
	const struct row **all = join(q, &count, &matched);
	char head[64];
	struct buf rows;
	size_t i;
	bool good = all != NULL;

	buf_init(&rows, 0);
	snprintf(head, sizeof(head), "{\"matched\":%zu,\"sessions\":[",
	    matched);
	for (i = 0; good && i < count && i < f->limit; i++)
		good = (i == 0 || append(&rows, ",")) &&
		    append(&rows, all[i]->json);
	good = good && append(&rows, "]}");
	free(all);
	reply_long(q->call, matched == 0 ? status_of_none : 200,
	    good ? head : NULL, &rows);
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
	.costly = true,
	.work = work_list,
	.done = done_list,
	.free_answer = free_found,
	.free_question = session_filter_free,
};
static const struct worker_query_kind kick_kind = {
	.answer_size = sizeof(struct found),
	.work = work_kick,
	.done = done_kick,
	.free_answer = free_found,
	.free_question = session_filter_free,
};

/* A name that is looked for. */
struct lookup {
	const char *name;
	bool found;
};

static void
look_at_listener(const struct listener_state *l, void *arg)
{
	struct lookup *lookup = arg;

	if (strcmp(l->name, lookup->name) == 0)
		lookup->found = true;
}

/* Refuses a listener or backend that does not exist: a misspelt name must not
 * look like one without sessions. True if the call has been answered. */
static bool
refuse_unknown(struct admin *a, struct http_call *call,
    const struct session_filter *f)
{
	const struct config *cfg = a->master->snapshot->config;
	struct lookup listener = { f->listener, false };
	bool found = false;
	size_t i;

	if (f->listener != NULL && strpbrk(f->listener, "*?") == NULL) {
		for (i = 0; i < a->master->worker_count; i++)
			worker_each_listener(a->master->workers[i],
			    look_at_listener, &listener);
		if (!listener.found) {
			reply_error(call, 404, "there is no [listener %s]",
			    f->listener);
			return true;
		}
	}
	if (f->backend == NULL || strpbrk(f->backend, "*?:/") != NULL)
		return false;
	for (i = 0; i < cfg->backend_count; i++)
		found = found ||
		    strcmp(config_name(&cfg->backend[i].head), f->backend) == 0;
	if (!found)
		reply_error(call, 404,
		    "there is no [backend %s]; a broker's address has a port",
		    f->backend);
	return !found;
}

/* Sends the query, which takes over the filter, unless a name is unknown. */
static void
send_query(struct admin *a, struct http_call *call,
    const struct http_request *r, const struct worker_query_kind *kind,
    struct session_filter *f)
{
	if (!refuse_unknown(a, call, f)) {
		worker_query_send(a, call, r, kind, f);
		return;
	}
	session_filter_free(f);
	free(f);
}

void
sessions_list_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	char why[SESSION_FILTER_WHY_MAX];
	struct session_filter *f = session_filter_parse(r, why);

	if (f == NULL)
		reply_error(call, 400, "%s", why);
	else
		send_query(a, call, r, &list_kind, f);
}

void
sessions_kick_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	const char *all = http_request_param(r, "all");
	char why[SESSION_FILTER_WHY_MAX];
	struct session_filter *f = session_filter_parse(r, why);

	if (f == NULL) {
		reply_error(call, 400, "%s", why);
		return;
	}
	if (f->given == 0 && (all == NULL || strcmp(all, "1") != 0)) {
		session_filter_free(f);
		free(f);
		reply_error(call, 400,
		    "give a filter, such as --user NAME (user=NAME over "
		    "HTTP), or --all (all=1) for every session");
		return;
	}
	send_query(a, call, r, &kick_kind, f);
}
