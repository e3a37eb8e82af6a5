/* SPDX-License-Identifier: ISC */
#include "session/sweep.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tls/stream_tls.h"

/*
 * A sweep is divided into slices with a pause after each, so that other
 * sessions' data waits for one slice at most. Judging a session takes up to
 * 10 us (its certificate is decoded and its chain verified again), so a slice
 * of 47 out of 5,000 sessions takes about 0.5 ms. The number of slices is
 * fixed, so that a sweep takes about half a second; only if a worker has so
 * many sessions that a slice would take more than SLICE_MS are there more
 * slices.
 */
#define SLICE_LEAST 8
#define SLICES 128
#define PAUSE_MS 1

/* How many more filters there is room for than needed. */
#define FILTERS_MIN 16

/* A slice ends early after this long: a list of regular expressions may take
 * milliseconds for one session. */
#define SLICE_MS 2

/* The section in force of the listener that accepted the session; NULL: it was
 * removed. */
static const struct config_listener *
listener_of(const struct session_manager *m, const struct session *s)
{
	if (s->listener_state->section == LISTENER_REMOVED)
		return NULL;
	return &m->snapshot->config->listener[s->listener_state->section];
}

bool
sweep_is_expired(const struct session *s, int64_t now)
{
	const struct config_listener *l = listener_of(s->manager, s);

	return s->identity->not_after < now && l != NULL &&
	    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_DISCONNECT;
}

/*
 * The reason for a live session when the certificate would now be refused for
 * `reason'. A CRL that is missing or out of date does not end a session in the
 * relay: otherwise one late file would disconnect every device.
 */
static enum reason
live_reason(const struct session *s, enum reason reason)
{
	switch (reason) {
	case REASON_NONE:
		return REASON_NONE;
	case REASON_TLS_NO_CERTIFICATE: /* a rule for new connections */
		return s->stage == STAGE_RELAY ? REASON_NONE
					       : REASON_RELAY_UNTRUSTED;
	case REASON_TLS_CRL_UNAVAILABLE:
		return s->stage == STAGE_RELAY ? REASON_NONE
					       : REASON_RELAY_REVOKED;
	case REASON_TLS_REVOKED:
		return REASON_RELAY_REVOKED;
	case REASON_TLS_EXPIRED:
		return REASON_RELAY_EXPIRED;
	default:
		return REASON_RELAY_UNTRUSTED;
	}
}

/* REASON_RELAY_DENIED if the list `l' (NULL: none) denies a session that has an
 * identity. */
static enum reason
judge_denied(struct session *s, struct identity_denylist *l,
    const struct tls_ctx *ctx, struct client_check_detail *detail)
{
	int64_t now = clock_wall_s();
	struct sockaddr_storage peer;
	struct cert *cert = NULL;
	enum reason reason;

	if (l == NULL)
		return REASON_NONE;
	session_peer(s, &peer);
	reason = client_check_peer(l, &peer, now, detail);
	if (reason == REASON_NONE)
		reason = client_check_names(l,
		    session_identity_username(s->identity),
		    session_identity_client_id(s->identity), now, detail);
	if (reason == REASON_NONE && s->identity->has_certificate) {
		if (tls_stream_make_cert(s->tls, ctx, &cert) != OK)
			return REASON_RELAY_DENIED; /* in doubt, it ends */
		reason = client_check_cert(l, cert, now, detail);
		tls_facts_free(cert);
	}
	return reason == REASON_NONE ? REASON_NONE : REASON_RELAY_DENIED;
}

/* Verifies the certificate again. The CAs in force may have other expiry
 * dates. */
static enum reason
judge_tls(struct session *s, const struct tls_ctx *ctx, bool keeps_expired,
    const char **why)
{
	int64_t end;
	enum reason reason =
	    live_reason(s, tls_stream_recheck(s->tls, ctx, &end, why));

	if (reason == REASON_RELAY_EXPIRED && keeps_expired)
		reason = REASON_NONE;
	if (reason == REASON_NONE)
		s->identity->not_after = end;
	return reason;
}

enum reason
sweep_judge(struct session *s, unsigned what,
    struct client_check_detail *detail)
{
	const struct session_manager *m = s->manager;
	const struct config_listener *l = listener_of(m, s);
	const struct tls_ctx *ctx;
	const char *why = NULL;
	enum reason reason = REASON_NONE;

	detail->text[0] = '\0';
	/* The listener was removed: no profile is left to judge by. */
	if (l == NULL)
		return REASON_RELAY_DRAINED;
	ctx = m->snapshot->tls[l->tls_profile->head.index];
	if ((what & SWEEP_TLS) != 0)
		reason = judge_tls(s, ctx,
		    l->tls_profile->on_expiry == CONFIG_ON_EXPIRY_KEEP, &why);
	if (reason == REASON_NONE && (what & SWEEP_DENYLIST) != 0)
		return judge_denied(s, m->snapshot->denylist, ctx, detail);
	if (why != NULL)
		snprintf(detail->text, sizeof(detail->text), "%s", why);
	return reason;
}

static void
sweep_one(struct session *s, unsigned what)
{
	struct client_check_detail detail;
	enum reason reason;

	if ((s->stage != STAGE_RELAY && s->stage != STAGE_BACKEND) ||
	    session_is_leaving(s))
		return;
	reason = sweep_judge(s, what, &detail);
	if (reason == REASON_NONE)
		return;
	s->manager->swept++;
	session_dismiss(s, reason, detail.text);
}

struct deny_filter {
	struct identity_deny_filter filter;
	struct session *session; /* borrowed */
};

/* Gives the array another length, at least its count. */
static enum err
resize_filters(struct deny_filters *f, size_t room)
{
	struct deny_filter *all = realloc(f->all, room * sizeof(*all));

	if (all == NULL)
		return ERR_NO_MEMORY;
	f->all = all;
	f->room = room;
	return OK;
}

enum err
sweep_add_filter(struct session *s, const struct identity_deny_filter *filter)
{
	struct deny_filters *f = &s->manager->deny_filters;

	if (f->count == f->room &&
	    resize_filters(f, f->room + f->room / 2 + FILTERS_MIN) != OK)
		return ERR_NO_MEMORY;
	f->all[f->count].filter = *filter;
	f->all[f->count++].session = s;
	s->deny_filter = (uint32_t)f->count;
	return OK;
}

void
sweep_remove_filter(struct session *s)
{
	struct deny_filters *f = &s->manager->deny_filters;
	size_t at = s->deny_filter;

	if (at == 0)
		return;
	f->all[at - 1] = f->all[--f->count];
	f->all[at - 1].session->deny_filter = (uint32_t)at;
	s->deny_filter = 0;
	/* If it cannot be made smaller, it stays as it is. */
	if (f->room > 4 * f->count + FILTERS_MIN)
		(void)resize_filters(f, 2 * f->count + FILTERS_MIN);
}

static bool
hits_one(const struct identity_deny_filter *client,
    const struct sweep_entries *e)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (identity_deny_filter_hits(client, &e->filters[i]))
			return true;
	return false;
}

/* Goes from the last session to the first. When a session has ended, the last
 * one has taken its place: that one was judged already, or it began after the
 * entries were in force. */
bool
sweep_entries(struct session_manager *m, struct sweep_entries *e)
{
	const struct deny_filters *f = &m->deny_filters;
	uint64_t end = 0;
	size_t i;

	while (e->left > 0 && f->count > 0) {
		if (e->left > f->count)
			e->left = f->count;
		i = --e->left;
		if (!hits_one(&f->all[i].filter, e))
			continue;
		sweep_one(f->all[i].session, SWEEP_DENYLIST);
		if (end == 0)
			end = clock_mono_ms() + SLICE_MS;
		else if (clock_mono_ms() >= end)
			return false;
	}
	return true;
}

void
sweep_step(void *arg)
{
	struct session_manager *m = arg;
	size_t slice = SLICE_LEAST + m->session_count / SLICES;
	uint64_t end = clock_mono_ms() + SLICE_MS;
	struct session *s;
	size_t n;

	for (n = 0; n < slice && m->sweep_next != &m->sessions &&
	     (n == 0 || clock_mono_ms() < end);
	     n++) {
		s = list_entry(m->sweep_next, struct session, node);
		m->sweep_next = s->node.next;
		sweep_one(s, m->sweep_what);
	}
	if (m->sweep_next == &m->sessions && m->sweep_again) {
		m->sweep_again = false;
		m->sweep_next = m->sessions.next;
	}
	if (m->sweep_next != &m->sessions)
		timer_start(&m->sweep, PAUSE_MS);
	else
		m->sweep_what = 0;
}

/* True if the list `l' denies a session. */
static bool
is_denied(struct session *s, struct identity_denylist *l)
{
	const struct session_manager *m = s->manager;
	const struct config_listener *listener = listener_of(m, s);
	struct client_check_detail detail;

	return s->identity != NULL && !session_is_leaving(s) &&
	    listener != NULL &&
	    judge_denied(s, l,
		m->snapshot->tls[listener->tls_profile->head.index],
		&detail) != REASON_NONE;
}

bool
sweep_count(struct session_manager *m, struct identity_denylist *l,
    struct sweep_cursor *c)
{
	uint64_t end = clock_mono_ms() + SLICE_MS;
	struct list *node;
	struct list *next;
	struct session *s;
	bool first = true;

	list_each(node, next, &m->sessions) {
		s = list_entry(node, struct session, node);
		if (s->id <= c->last)
			continue;
		if (!first && clock_mono_ms() >= end)
			return false;
		first = false;
		c->last = s->id;
		c->denied += is_denied(s, l);
	}
	return true;
}

/* True if for each listener both snapshots judge certificates alike. */
static bool
tls_alike(const struct snapshot *a, const struct snapshot *b)
{
	const struct config *x = a->config;
	const struct config *y = b->config;
	size_t i;

	if (x->tls_count != y->tls_count ||
	    x->listener_count != y->listener_count)
		return false;
	for (i = 0; i < x->tls_count; i++)
		if (x->tls[i].on_expiry != y->tls[i].on_expiry ||
		    !tls_ctx_judges_alike(a->tls[i], b->tls[i]))
			return false;
	for (i = 0; i < x->listener_count; i++)
		if (strcmp(x->listener[i].head.name,
			y->listener[i].head.name) != 0 ||
		    x->listener[i].tls_profile->head.index !=
			y->listener[i].tls_profile->head.index)
			return false;
	return true;
}

unsigned
sweep_find(const struct snapshot *old, const struct snapshot *next)
{
	unsigned what = tls_alike(old, next) ? 0 : SWEEP_TLS;

	return old->denylist == next->denylist ? what : what | SWEEP_DENYLIST;
}

void
sweep_start(struct session_manager *m, unsigned what)
{
	bool runs = m->sweep_what != 0;

	m->sweep_what |= what;
	m->sweep_again = runs;
	if (runs)
		return;
	m->sweep_next = m->sessions.next;
	timer_start(&m->sweep, PAUSE_MS);
}
