/* SPDX-License-Identifier: ISC */
#include "backend/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/list.h"
#include "base/log.h"
#include "base/ratelimit.h"

/* Linux's default: 32768 to 60999. */
#define PORTS_DEFAULT 28232

/* Percent of the ports in use: a warning is logged at the first, and the next
 * warning not before the number has fallen below the second. */
#define WARN 80
#define CALM 70

struct backend_connect_rate {
	atomic_uint refs;
	struct ratelimit limit;
};

struct backend_connect_rate *
backend_connect_rate_new(uint32_t rate)
{
	struct backend_connect_rate *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	atomic_init(&p->refs, 1);
	ratelimit_init(&p->limit, rate, 0);
	return p;
}

struct backend_connect_rate *
backend_connect_rate_get(struct backend_connect_rate *p)
{
	if (p != NULL)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void
backend_connect_rate_put(struct backend_connect_rate *p)
{
	if (p == NULL ||
	    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p);
}

uint64_t
backend_connect_rate_try(struct backend_connect_rate *p, uint64_t now_ms)
{
	return p == NULL ? 0 : ratelimit_try(&p->limit, now_ms);
}

struct pair {
	struct stream_fd_end end; /* first: what each stream is given */
	struct backend_flows *flows; /* borrowed: the owner */
	struct pair *next;
	struct sockaddr_storage from; /* port 0 */
	struct sockaddr_storage to;
	atomic_uint live;
	atomic_bool warned;
};

/* New pairs are put in front and none is removed before the end, so readers
 * need no lock. */
struct backend_flows {
	pthread_mutex_t lock; /* held while a pair is added */
	_Atomic(struct pair *) first;
	unsigned count; /* guarded by lock */
	uint32_t ports;
};

static uint32_t
ports_of_kernel(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned low = 0, high = 0;
	int n = 0;

	if (file != NULL) {
		n = fscanf(file, "%u %u", &low, &high);
		fclose(file);
	}
	return n == 2 && low <= high && high <= 65535 ? high - low + 1
						      : PORTS_DEFAULT;
}

struct backend_flows *
backend_flows_new(void)
{
	struct backend_flows *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	pthread_mutex_init(&f->lock, NULL);
	f->ports = ports_of_kernel();
	return f;
}

void
backend_flows_free(struct backend_flows *f)
{
	struct pair *p;
	struct pair *next;

	if (f == NULL)
		return;
	for (p = atomic_load(&f->first); p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void
backend_flows_set_ports(struct backend_flows *f, uint32_t ports)
{
	f->ports = ports;
}

static bool
reaches(const struct pair *p, unsigned live, unsigned percent)
{
	return (uint64_t)live * 100 >= (uint64_t)p->flows->ports * percent;
}

static void
closed(struct stream_fd_end *end)
{
	struct pair *p = list_entry(end, struct pair, end);
	unsigned live = atomic_fetch_sub(&p->live, 1) - 1;

	if (atomic_load(&p->warned) && !reaches(p, live, CALM))
		atomic_store(&p->warned, false);
}

static void
warn(struct pair *p, unsigned live)
{
	char from[ADDRESS_TEXT_MAX];
	char to[ADDRESS_TEXT_MAX];

	if (!reaches(p, live, WARN) || atomic_exchange(&p->warned, true))
		return;
	address_text(from, &p->from);
	address_text_port(to, &p->to);
	log_event(LOG_LEVEL_WARN, "backend_ports",
	    "from %s to %s %u of %u local ports are in use; with none left "
	    "devices stay out (give [backend] source more addresses, or reach "
	    "the broker by unix:PATH)",
	    from, to, live, p->flows->ports);
}

static struct pair *
find(const struct backend_flows *f, const struct sockaddr_storage *from,
    const struct sockaddr_storage *to)
{
	struct pair *p;

	for (p = atomic_load(&f->first); p != NULL; p = p->next)
		if (address_equal(&p->to, to) && address_equal(&p->from, from))
			break;
	return p;
}

/* Makes the pair unless another worker just did; NULL when there is no room
 * for it. */
static struct pair *
add(struct backend_flows *f, const struct sockaddr_storage *from,
    const struct sockaddr_storage *to)
{
	struct pair *p;

	pthread_mutex_lock(&f->lock);
	p = find(f, from, to);
	if (p == NULL && f->count < BACKEND_FLOWS_MAX)
		p = calloc(1, sizeof(*p));
	if (p != NULL && p->flows == NULL) {
		p->end.closed = closed;
		p->flows = f;
		p->from = *from;
		p->to = *to;
		p->next = atomic_load(&f->first);
		atomic_store(&f->first, p);
		f->count++;
	}
	pthread_mutex_unlock(&f->lock);
	return p;
}

void
backend_flows_count(struct backend_flows *f, struct stream *broker,
    const struct sockaddr_storage *from, const struct sockaddr_storage *to)
{
	struct sockaddr_storage source = *from;
	struct pair *p;

	if (to->ss_family == AF_UNIX)
		return;
	address_set_port(&source, 0);
	p = find(f, &source, to);
	if (p == NULL)
		p = add(f, &source, to);
	if (p == NULL)
		return;
	stream_fd_set_end(broker, &p->end);
	warn(p, atomic_fetch_add(&p->live, 1) + 1);
}

void
backend_flows_each(struct backend_flows *f,
    void (*each)(const struct backend_flow_status *s, void *arg), void *arg)
{
	char from[ADDRESS_TEXT_MAX];
	char to[ADDRESS_TEXT_MAX];
	struct backend_flow_status s = { .source = from, .endpoint = to };
	struct pair *p;

	for (p = atomic_load(&f->first); p != NULL; p = p->next) {
		address_text(from, &p->from);
		address_text_port(to, &p->to);
		s.flows = atomic_load(&p->live);
		s.ports = f->ports;
		each(&s, arg);
	}
}
