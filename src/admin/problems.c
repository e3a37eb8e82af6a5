/* SPDX-License-Identifier: ISC */
#include "admin/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/reply.h"
#include "base/clock.h"
#include "base/time.h"

#define DAY 86400
/* A certificate is a warning this long before it expires, and bad for the last
 * part of that time. */
#define CERT_WARN (30 * DAY)
#define CERT_BAD (3 * DAY)
/* A CRL that is due soon: the next one should have been fetched by then. */
#define CRL_WARN (DAY / 4)
#define TEXT_MAX 1024
/* As many brokers that are down are named. */
#define DOWN_MAX 3
/* Local ports in use towards one broker, in percent. */
#define PORTS_WARN 80

/* The list while it is made. */
struct problems {
	json_t *bad;
	json_t *warn;
};

__attribute__((format(printf, 3, 4))) static void
add(json_t *to, const char *what, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(to,
	    json_pack("{s:s,s:o}", "what", what, "text",
		reply_text(slice_str(text))));
}

/* Appends ": 192.0.2.1:1883: Connection refused" to `text', which has room for
 * TEXT_MAX bytes; no more than DOWN_MAX of them. */
static void
add_endpoint(char *text, const struct totals_endpoint *e, size_t nth)
{
	size_t len = strlen(text);

	if (nth > DOWN_MAX)
		return;
	if (nth == DOWN_MAX)
		snprintf(text + len, TEXT_MAX - len, "; ...");
	else
		snprintf(text + len, TEXT_MAX - len, "%s%s%s%s",
		    nth == 0 ? ": " : "; ",
		    e->endpoint[0] != '\0' ? e->endpoint : e->address,
		    e->error[0] == '\0' ? "" : ": ", e->error);
}

/* "1 of 3 brokers is down", with the last errors; bad if a worker has none that
 * is up. */
static void
add_backend(struct problems *p, const struct totals *t,
    const struct totals_pool *pool)
{
	const struct totals_endpoint *e;
	char down[TEXT_MAX] = "";
	size_t count = 0;
	size_t up = 0;
	size_t i;

	for (i = 0; i < t->endpoint_count; i++) {
		e = &t->endpoints[i];
		if (strcmp(e->backend, pool->backend) != 0)
			continue;
		if (!e->up)
			add_endpoint(down, e, count - up);
		count++;
		up += e->up;
	}
	if (up == count)
		return;
	add(pool->up ? p->warn : p->bad,
	    pool->up ? "broker_down" : "no_broker_up",
	    "[backend %s]: %zu of %zu broker%s %s down%s", pool->backend,
	    count - up, count, count == 1 ? "" : "s",
	    count - up == 1 ? "is" : "are", down);
}

static void
add_backends(struct problems *p, const struct totals *t)
{
	const struct totals_pool *pool;
	const struct totals_flow *f;
	size_t i;

	for (i = 0; i < t->pool_count; i++) {
		pool = &t->pools[i];
		add_backend(p, t, pool);
		if (pool->counts.waiting > 0)
			add(p->warn, "waiting",
			    "[backend %s]: %llu CONNECT%s for a broker",
			    pool->backend,
			    (unsigned long long)pool->counts.waiting,
			    pool->counts.waiting == 1 ? " waits" : "s wait");
	}
	for (i = 0; i < t->flow_count; i++) {
		f = &t->flows[i];
		if (f->ports > 0 && f->flows * 100 >= f->ports * PORTS_WARN)
			add(f->flows >= f->ports ? p->bad : p->warn, "ports",
			    "%llu of %llu local ports from %s to %s are in use",
			    (unsigned long long)f->flows,
			    (unsigned long long)f->ports, f->source,
			    f->endpoint);
	}
}

/* "in 3 days", "in 5 h", "2 days ago". */
static void
write_distance(char out[32], int64_t s)
{
	int64_t distance = s < 0 ? -s : s;
	bool days = distance >= 2 * DAY;

	snprintf(out, 32, "%s%lld %s%s", s < 0 ? "" : "in ",
	    (long long)(days ? distance / DAY : distance / 3600),
	    days ? "days" : "h", s < 0 ? " ago" : "");
}

static void
add_certificates(struct problems *p, const struct totals *t, int64_t now)
{
	const struct totals_cert *c;
	const struct totals_crl *r;
	char when[32];
	int64_t left;
	size_t i;

	for (i = 0; i < t->cert_count; i++) {
		c = &t->certs[i];
		left = c->not_after - now;
		if (left > CERT_WARN)
			continue;
		write_distance(when, left);
		add(left <= CERT_BAD ? p->bad : p->warn, "certificate",
		    "[tls %s]: a %s %s %s: %s", c->profile,
		    c->role == TLS_CERT_SERVER ? "server certificate"
					       : "client CA",
		    left < 0 ? "expired" : "expires", when, c->file);
	}
	for (i = 0; i < t->crl_count; i++) {
		r = &t->crls[i];
		left = r->next_update - now;
		if (r->next_update == 0 || left > CRL_WARN)
			continue;
		write_distance(when, left);
		add(left < 0 ? p->bad : p->warn, "crl",
		    "[tls %s]: the next CRL %s due %s: %s", r->profile,
		    left < 0 ? "was" : "is", when, r->file);
	}
}

/* Adds the problems of the last ten minutes. */
static void
add_recent(struct problems *p, const struct history_ring *r)
{
	const struct history_point *point;
	unsigned pauses = 0;
	unsigned shed = 0;
	unsigned lost = 0;
	size_t i;

	for (i = 0; i < r->count; i++) {
		point = history_point(r, i);
		pauses += point->accept_pauses;
		shed += point->accept_shed;
		lost += point->log_dropped;
	}
	if (lost > 0)
		add(p->warn, "log_dropped",
		    "%u log lines were lost within 10 minutes: the reader of "
		    "the log is too slow, or stuck",
		    lost);
	if (shed > 0)
		add(p->bad, "accept_shed",
		    "%u connections were closed unread within 10 minutes: "
		    "descriptors or memory are short",
		    shed);
	else if (pauses > 0)
		add(p->warn, "accept_pauses",
		    "accepting paused %u times within 10 minutes: descriptors "
		    "or memory are short",
		    pauses);
}

static void
add_daemon(struct problems *p, const struct master *m)
{
	char when[TIME_TEXT_MAX];

	if (m->reload_failed) {
		time_write(m->reload_ended_at, when);
		add(p->bad, "reload_refused",
		    "the reload at %s was refused, the old configuration "
		    "stays in force: %s",
		    when, m->reload_complaint);
	}
	if (denylist_is_refused(m->denylist))
		add(p->bad, "denylist_refused",
		    "%s has errors, the old deny list stays in force: see the "
		    "log",
		    m->snapshot->config->denylist.file);
	if (m->state == MASTER_REPLACED)
		add(p->warn, "replaced",
		    "another program has taken over, and the sessions of this "
		    "one are leaving");
	else if (m->state != MASTER_SERVING)
		add(p->warn, "draining", "the daemon is draining");
}

static void
add_fleet(struct problems *p, const struct fleet *f)
{
	struct fleet_status s;

	if (f == NULL)
		return;
	fleet_get_status(f, &s);
	if (!s.online)
		add(p->bad, "fleet_away",
		    "the fleet's Redis server cannot be reached, and changes "
		    "of the deny list made elsewhere are not known here: %s",
		    s.why[0] == '\0' ? "connecting" : s.why);
	if (!s.sessions.ready)
		add(p->warn, "fleet_alone",
		    "sessions of a certificate on other replicas are not known "
		    "here; see [fleet] when_down");
	if (s.waiting > 0 && !s.online)
		add(p->warn, "fleet_waiting",
		    "%zu changes of the deny list wait to be sent to the fleet",
		    s.waiting);
	if (s.copy_failed)
		add(p->bad, "fleet_copy",
		    "the copy of the fleet's deny list cannot be written: see "
		    "the log");
}

/* Moves the rows of `from' to `all', with their level. */
static void
take(json_t *all, json_t *from, const char *level)
{
	json_t *row;
	size_t i;

	json_array_foreach(from, i, row)
	{
		json_object_set_new(row, "level", json_string(level));
		json_array_append(all, row);
	}
	json_decref(from);
}

json_t *
problems_list(const struct admin *a, const struct totals *t)
{
	struct problems p = { json_array(), json_array() };
	json_t *all = json_array();

	add_backends(&p, t);
	add_daemon(&p, a->master);
	add_fleet(&p, a->master->fleet);
	add_certificates(&p, t, clock_wall_s());
	add_recent(&p, &a->history.fine);
	take(all, p.bad, "bad");
	take(all, p.warn, "warn");
	return all;
}
