/* SPDX-License-Identifier: ISC */
#include "fetch/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "config/check.h"
#include "tls/trust.h"

/* A configuration with thousands is a mistake. */
#define SOURCES_MAX 1000

const struct config_wanted plan_wanted[] = {
	{ "daemon", "user" },
	{ "daemon", "group" },
	{ "daemon", "log_level" },
	{ "daemon", "log_format" },
	{ "tls", "client_ca" },
	{ "tls", "crl" },
	{ "fetch", NULL },
	{ NULL, NULL },
};

/* A plan while it is made. */
struct plan_builder {
	struct plan *plan;
	struct report *why;
	const struct config_tls *tls; /* whose files are read */
	struct config_fetch *section; /* whose sources are added */
	enum err err;
};

void
plan_show_url(char out[PLAN_URL_MAX], const char *url)
{
	const char *host = strstr(url, "://");
	size_t len, prefix;
	const char *at;

	host = host == NULL ? url : host + 3;
	prefix = (size_t)(host - url);
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at != NULL)
		host = at + 1;
	len = strcspn(host, "?#");
	snprintf(out, PLAN_URL_MAX, "%.*s%.*s%s", (int)prefix, url, (int)len,
	    host, host[len] == '\0' ? "" : "?...");
}

/* Adds an error of a file that [tls] names. */
static void
take_refusal(void *arg, const char *option, const char *text)
{
	struct plan_builder *m = arg;
	unsigned line = m->tls->where.client_ca.line;

	report_add(m->why, "%s:%u: %s: %s", m->plan->config->file, line, option,
	    text);
}

/* The daemon warns of the same. */
static void
drop_warning(void *arg, const char *option, const char *text)
{
	(void)arg;
	(void)option;
	(void)text;
}

/* Loads the client CAs of one profile, once. */
static enum err
need_trust(struct plan_builder *m, size_t i)
{
	struct tls_load_report say = { take_refusal, drop_warning, m };
	struct plan *p = m->plan;

	m->tls = &p->config->tls[i];
	if (p->trusts[i] != NULL)
		return OK;
	if (m->tls->client_ca.count == 0) {
		CONFIG_COMPLAIN(p->config, m->why, m->tls, client_ca,
		    "is missing (name the CA of the devices, a PEM file)");
		return ERR_CONFIG;
	}
	return tls_trust_load(&p->trusts[i], &m->tls->client_ca, &say);
}

/* Loads the client CAs of all profiles that read `path'. Their number and
 * the array go to *out. */
static enum err
find_signers(struct plan_builder *m, struct crl_signers *out, const char *path,
    enum config_fetch_kind kind)
{
	const struct config *cfg = m->plan->config;
	const struct tls_trust **found =
	    calloc(cfg->tls_count + 1, sizeof(*found));
	enum err err = found == NULL ? ERR_NO_MEMORY : OK;
	size_t i, count = 0;

	for (i = 0; err == OK && i < cfg->tls_count; i++) {
		if (!config_fetch_is_read(&cfg->tls[i], path, kind))
			continue;
		err = need_trust(m, i);
		if (err == OK)
			found[count++] = m->plan->trusts[i];
	}
	if (err != OK) {
		free(found);
		return err;
	}
	out->trusts = found;
	out->count = count;
	return OK;
}

static void
source_fini(struct plan_source *s)
{
	size_t i;

	for (i = 0; i < s->url_count; i++)
		free(s->urls[i]);
	free(s->urls);
	free(s->path);
	free((void *)(uintptr_t)s->signers.trusts);
}

/* Copies the URLs that can be fetched. */
static enum err
copy_urls(struct plan_source *s, char *const *urls, size_t count)
{
	size_t i;

	s->urls = calloc(count + 1, sizeof(*s->urls));
	if (s->urls == NULL)
		return ERR_NO_MEMORY;
	for (i = 0; i < count; i++) {
		if (strncasecmp(urls[i], "http://", 7) != 0 &&
		    strncasecmp(urls[i], "https://", 8) != 0)
			continue;
		s->urls[s->url_count] = strdup(urls[i]);
		if (s->urls[s->url_count] == NULL)
			return ERR_NO_MEMORY;
		s->url_count++;
	}
	return OK;
}

size_t
plan_find(const struct plan *p, const char *path)
{
	size_t i = 0;

	while (i < p->count && strcmp(p->sources[i].path, path) != 0)
		i++;
	return i;
}

/* Adds a source whose path and signers are set, and which is taken over. One
 * without a URL that can be fetched is dropped. */
static enum err
add_source(struct plan_builder *m, struct plan_source *s, char *const *urls,
    size_t count)
{
	struct plan *p = m->plan;
	struct plan_source *more;
	enum err err = copy_urls(s, urls, count);

	if (err == OK && s->url_count > 0 && p->count < SOURCES_MAX &&
	    plan_find(p, s->path) == p->count) {
		more = realloc(p->sources, (p->count + 1) * sizeof(*more));
		if (more != NULL) {
			p->sources = more;
			s->section = m->section;
			p->sources[p->count++] = *s;
			return OK;
		}
		err = ERR_NO_MEMORY;
	}
	source_fini(s);
	return err;
}

/* Adds the list that `url' of a section names. */
static enum err
add_named(struct plan_builder *m)
{
	const struct config_fetch *f = m->section;
	struct plan_source s = { .path = strdup(f->file) };
	enum err err = ERR_NO_MEMORY;

	if (s.path != NULL)
		err = find_signers(m, &s.signers, f->file, CONFIG_FETCH_FILE);
	if (err != OK) {
		source_fini(&s);
		return err;
	}
	return add_source(m, &s, (char *const *)(uintptr_t)f->url.items,
	    f->url.count);
}

/* Adds the list of one distribution point. Its file has the name of a hash of
 * the first URL, so that it is the same each time. */
static enum err
take_point(char *const *urls, size_t count, void *arg)
{
	struct plan_builder *m = arg;
	struct plan_source s = { 0 };
	enum err err;

	if (asprintf(&s.path, "%s/point-%016llx.crl", m->section->points_folder,
		(unsigned long long)hash_fnv(HASH_FNV_BEGIN,
		    slice_str(urls[0]))) == -1)
		return ERR_NO_MEMORY;
	err = find_signers(m, &s.signers, m->section->points_folder,
	    CONFIG_FETCH_FOLDER);
	if (err != OK) {
		source_fini(&s);
		return err;
	}
	return add_source(m, &s, urls, count);
}

/* Adds the lists of the distribution points of a section. */
static enum err
add_points(struct plan_builder *m)
{
	const char *folder = m->section->points_folder;
	const struct config *cfg = m->plan->config;
	enum err err = OK;
	size_t i;

	for (i = 0; err == OK && i < cfg->tls_count; i++) {
		if (!config_fetch_is_read(&cfg->tls[i], folder,
			CONFIG_FETCH_FOLDER))
			continue;
		err = need_trust(m, i);
		if (err == OK)
			err = crl_download_points(m->plan->trusts[i],
			    take_point, m);
	}
	return err;
}

static enum err
add_all(struct plan_builder *m)
{
	const struct config *cfg = m->plan->config;
	enum err err, worst = OK;
	size_t i;

	for (i = 0; i < cfg->fetch_count; i++) {
		m->section = &m->plan->config->fetch[i];
		err = m->section->url.count > 0 ? add_named(m) : OK;
		if (err != OK)
			worst = err;
		err = m->section->points_folder[0] != '\0' ? add_points(m) : OK;
		if (err != OK)
			worst = err;
	}
	if (worst == OK && m->plan->count == 0) {
		report_add(m->why,
		    "%s: there is nothing to fetch (add a section [fetch NAME] "
		    "with url and file)",
		    cfg->file);
		worst = ERR_CONFIG;
	}
	return worst;
}

enum err
plan_make(struct plan **out, struct config *config, struct report *why)
{
	struct plan_builder m = { .plan = calloc(1, sizeof(struct plan)),
		.why = why };
	enum err err = ERR_NO_MEMORY;

	*out = NULL;
	if (m.plan == NULL) {
		config_put(config);
		return err;
	}
	m.plan->config = config;
	m.plan->trusts = calloc(config->tls_count + 1, sizeof(*m.plan->trusts));
	if (m.plan->trusts != NULL)
		err = add_all(&m);
	if (err != OK) {
		plan_free(m.plan);
		return err;
	}
	*out = m.plan;
	return OK;
}

void
plan_free(struct plan *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->count; i++)
		source_fini(&p->sources[i]);
	free(p->sources);
	for (i = 0; p->trusts != NULL && i < p->config->tls_count; i++)
		tls_trust_free(p->trusts[i]);
	free(p->trusts);
	config_put(p->config);
	free(p);
}

/* 2^20 minutes are more than any interval. */
#define DOUBLED_MAX 20

static uint64_t
after_failure(const struct plan_pause *p, uint64_t least)
{
	unsigned doubled = p->failures - 1;

	return least << (doubled < DOUBLED_MAX ? doubled : DOUBLED_MAX);
}

static uint64_t
after_success(const struct plan_pause *p)
{
	uint64_t left;

	if (p->next_update == INT64_MAX)
		return p->interval;
	left = p->next_update > p->now
	    ? (uint64_t)(p->next_update - p->now) * 1000
	    : 0;
	return left / 2 < p->interval ? left / 2 : p->interval;
}

uint64_t
plan_pause(const struct plan_pause *p)
{
	uint64_t least = p->interval < PLAN_PAUSE_LEAST_MS
	    ? p->interval
	    : PLAN_PAUSE_LEAST_MS;
	uint64_t pause =
	    p->failures > 0 ? after_failure(p, least) : after_success(p);

	if (pause > p->interval)
		pause = p->interval;
	if (pause < least)
		pause = least;
	return pause - pause / 10 + p->random % (pause / 5 + 1);
}
