/* SPDX-License-Identifier: ISC */
#include "backend/outage.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/list.h"

struct backend_outages {
	pthread_mutex_t lock;
	struct list list; /* of outages: few at a time */
};

struct backend_outage {
	struct list node;
	struct backend_outages *all;
	unsigned users; /* endpoints that are DOWN */
	bool told; /* the last line in the log says that it is down */
	char *section; /* owned */
	char endpoint[ADDRESS_TEXT_MAX];
};

struct backend_outages *
backend_outages_new(void)
{
	struct backend_outages *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	list_init(&all->list);
	if (pthread_mutex_init(&all->lock, NULL) != 0) {
		free(all);
		return NULL;
	}
	return all;
}

void
backend_outages_free(struct backend_outages *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* Finds the outage of this endpoint, or adds one. NULL: out of memory. Call it
 * with the lock. */
static struct backend_outage *
find_or_add(struct backend_outages *all, const char *section,
    const char *endpoint)
{
	struct backend_outage *o;
	struct list *node, *safe;

	list_each(node, safe, &all->list) {
		o = list_entry(node, struct backend_outage, node);
		if (strcmp(o->endpoint, endpoint) == 0 &&
		    strcmp(o->section, section) == 0)
			return o;
	}
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	o->section = strdup(section);
	if (o->section == NULL) {
		free(o);
		return NULL;
	}
	snprintf(o->endpoint, sizeof(o->endpoint), "%s", endpoint);
	o->all = all;
	list_append(&all->list, &o->node);
	return o;
}

bool
backend_outage_begin(struct backend_outages *all, struct backend_outage **own,
    const char *section, const char *endpoint)
{
	bool tell = true;

	if (all == NULL || *own != NULL)
		return true;
	pthread_mutex_lock(&all->lock);
	*own = find_or_add(all, section, endpoint);
	if (*own != NULL) {
		tell = !(*own)->told;
		(*own)->told = true;
		(*own)->users++;
	}
	pthread_mutex_unlock(&all->lock);
	return tell;
}

/* Counts one user less; with the last one the outage is over. Call it with the
 * lock. */
static void
drop(struct backend_outage **own)
{
	struct backend_outage *o = *own;

	*own = NULL;
	if (--o->users > 0)
		return;
	list_remove(&o->node);
	free(o->section);
	free(o);
}

bool
backend_outage_end(struct backend_outage **own)
{
	struct backend_outages *all;
	bool tell;

	if (*own == NULL)
		return true;
	all = (*own)->all;
	pthread_mutex_lock(&all->lock);
	tell = (*own)->told;
	(*own)->told = false;
	drop(own);
	pthread_mutex_unlock(&all->lock);
	return tell;
}

void
backend_outage_forget(struct backend_outage **own)
{
	struct backend_outages *all;

	if (*own == NULL)
		return;
	all = (*own)->all;
	pthread_mutex_lock(&all->lock);
	drop(own);
	pthread_mutex_unlock(&all->lock);
}
