/* SPDX-License-Identifier: ISC */
#include "backend/resolve.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* evdns names these options with their colon. */
static const struct {
	const char *name;
	const char *value;
} tuning[] = {
	{ "timeout:", "2" }, /* seconds for a nameserver to answer */
	{ "attempts:", "3" },
	/* Some nameservers never answer AAAA: having A, wait no longer. */
	{ "getaddrinfo-allow-skew:", "0.5" },
};

struct backend_resolver {
	struct loop *loop; /* borrowed */
	struct evdns_base *dns; /* owned; NULL until the first lookup */
	char *nameserver; /* owned; NULL: those in resolv.conf */
	struct timespec changed; /* mtime of resolv.conf when read */
	unsigned lookups; /* that evdns still has to answer */
};

struct backend_lookup {
	struct backend_resolver *resolver; /* borrowed */
	struct evdns_getaddrinfo_request *request; /* evdns's */
	backend_lookup_done *done; /* NULL once cancelled */
	void *arg; /* borrowed: the owner */
	bool starting;
	bool answered; /* while starting */
};

struct backend_resolver *
backend_resolver_new(struct loop *loop, const char *nameserver)
{
	struct backend_resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = loop;
	if (nameserver != NULL) {
		r->nameserver = strdup(nameserver);
		if (r->nameserver == NULL) {
			free(r);
			return NULL;
		}
	}
	return r;
}

void
backend_resolver_free(struct backend_resolver *r)
{
	if (r == NULL)
		return;
	if (r->dns != NULL)
		evdns_base_free(r->dns, 1);
	/* evdns answers what was cut off, ours to free, in the next turns. */
	if (r->lookups > 0)
		event_base_loop(loop_base(r->loop), EVLOOP_NONBLOCK);
	free(r->nameserver);
	free(r);
}

static void
log_evdns(int is_warning, const char *text)
{
	(void)is_warning;
	log_event(LOG_LEVEL_DEBUG, "backend_resolver", "%s", text);
}

/* evdns would write to stderr by itself; there is one setting for all. */
static void
quieten(void)
{
	evdns_set_log_fn(log_evdns);
}

static void
tune(struct backend_resolver *r)
{
	size_t i;

	for (i = 0; i < sizeof(tuning) / sizeof(tuning[0]); i++)
		evdns_base_set_option(r->dns, tuning[i].name, tuning[i].value);
}

static struct timespec
changed_at(void)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	if (stat(RESOLV_CONF, &st) == -1)
		memset(&st, 0, sizeof(st));
	return st.st_mtim;
}

/* A laptop moves, a VPN comes up: the old nameservers would never answer. */
static void
reread(struct backend_resolver *r)
{
	struct timespec now = changed_at();
	int fd;

	if (r->nameserver != NULL ||
	    (now.tv_sec == r->changed.tv_sec &&
		now.tv_nsec == r->changed.tv_nsec))
		return;
	/* Inside a sandbox it may be out of reach: keep what we have then. */
	fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	close(fd);
	r->changed = now;
	evdns_base_clear_nameservers_and_suspend(r->dns);
	evdns_base_search_clear(r->dns);
	evdns_base_resolv_conf_parse(r->dns,
	    DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC,
	    RESOLV_CONF);
	evdns_base_resume(r->dns);
}

static enum err
prepare(struct backend_resolver *r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (r->dns != NULL) {
		reread(r);
		return OK;
	}
	(void)pthread_once(&once, quieten);
	r->dns = evdns_base_new(loop_base(r->loop),
	    EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (r->dns == NULL)
		return ERR_NO_MEMORY;
	tune(r);
	if (r->nameserver != NULL) {
		evdns_base_nameserver_ip_add(r->dns, r->nameserver);
		evdns_base_load_hosts(r->dns, "/etc/hosts");
		return OK;
	}
	r->changed = changed_at();
	/* Errors leave a default nameserver and the hosts file: enough. */
	evdns_base_resolv_conf_parse(r->dns, DNS_OPTIONS_ALL, RESOLV_CONF);
	return OK;
}

/* Copies the list; returns how many there were. */
static size_t
collect(struct sockaddr_storage *list, const struct evutil_addrinfo *ai)
{
	size_t n = 0;

	for (; ai != NULL && n < BACKEND_LOOKUP_MAX; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof(list[n]))
			continue;
		memset(&list[n], 0, sizeof(list[n]));
		memcpy(&list[n++], ai->ai_addr, ai->ai_addrlen);
	}
	return n;
}

static void
answered(int result, struct evutil_addrinfo *ai, void *arg)
{
	struct backend_lookup *l = arg;
	struct sockaddr_storage list[BACKEND_LOOKUP_MAX];
	size_t count = result == 0 ? collect(list, ai) : 0;

	if (ai != NULL)
		evutil_freeaddrinfo(ai);
	l->resolver->lookups--;
	if (l->done != NULL)
		l->done(l->arg, count > 0 ? OK : ERR_RESOLVE, list, count,
		    count > 0         ? ""
			: result == 0 ? "no addresses"
				      : evutil_gai_strerror(result));
	if (l->starting)
		l->answered = true;
	else
		free(l);
}

enum err
backend_lookup_start(struct backend_lookup **out, struct backend_resolver *r,
    const char *host, uint16_t port, backend_lookup_done *done, void *arg)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM };
	struct backend_lookup *l = calloc(1, sizeof(*l));
	char service[8];

	*out = NULL;
	if (l == NULL || prepare(r) != OK) {
		free(l);
		return ERR_NO_MEMORY;
	}
	l->resolver = r;
	l->done = done;
	l->arg = arg;
	l->starting = true;
	r->lookups++;
	snprintf(service, sizeof(service), "%u", port);
	l->request =
	    evdns_getaddrinfo(r->dns, host, service, &hints, answered, l);
	l->starting = false;
	if (l->answered)
		free(l);
	else
		*out = l;
	return OK;
}

void
backend_lookup_cancel(struct backend_lookup *l)
{
	if (l == NULL)
		return;
	l->done = NULL;
	evdns_getaddrinfo_cancel(l->request); /* l goes in a later turn */
}
