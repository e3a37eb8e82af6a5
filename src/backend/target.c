#include "backend/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* How soon a failed or doubted lookup is made again. */
#define RETRY_MS 1000

enum err
backend_address_check(const char *text)
{
	struct sockaddr_storage fixed;
	char host[ADDRESS_HOST_MAX];
	uint16_t port;

	if (address_parse(&fixed, text) == OK)
		return fixed.ss_family == AF_UNIX || address_port(&fixed) != 0
		    ? OK
		    : ERR_MALFORMED;
	if (text[0] == '[' || address_split(text, host, &port) != OK ||
	    port == 0)
		return ERR_MALFORMED;
	/* Only digits and dots, yet no address: no name looks like that. */
	return strspn(host, "0123456789.") == strlen(host) ? ERR_MALFORMED : OK;
}

static void
again(void *arg)
{
	backend_target_start(arg);
}

enum err
backend_target_init(struct backend_target *t, struct loop *loop,
    const char *text)
{
	memset(t, 0, sizeof(*t));
	timer_init(&t->timer, loop, again, t);
	t->loop = loop;
	t->text = strdup(text);
	if (t->text == NULL)
		return ERR_NO_MEMORY;
	if (backend_address_check(text) != OK)
		return ERR_CONFIG;
	if (address_parse(&t->fixed, text) == OK)
		return OK;
	memset(&t->fixed, 0, sizeof(t->fixed));
	return address_split(text, t->host, &t->port) == OK ? OK : ERR_CONFIG;
}

/* Logged once a change, not once a try. */
static void
note_error(struct backend_target *t, const char *why)
{
	bool changed = strncmp(t->error, why, sizeof(t->error) - 1) != 0;

	snprintf(t->error, sizeof(t->error), "%s", why);
	if (!changed)
		return;
	if (why[0] == '\0')
		log_event(LOG_LEVEL_INFO, "backend_resolved", "%s", t->text);
	else
		log_event(LOG_LEVEL_WARN, "backend_resolve_failed", "%s: %s%s",
		    t->text, why,
		    t->good ? "; the last good answer is kept" : "");
}

static void
looked_up(void *arg, enum err err, const struct sockaddr_storage *list,
    size_t count, const char *why)
{
	struct backend_target *t = arg;

	t->lookup = NULL;
	note_error(t, why);
	timer_start(&t->timer, err == OK || t->good ? t->refresh_ms : RETRY_MS);
	if (err == OK) {
		t->good = true;
		t->found(t, list, count);
	} else {
		t->failed(t);
	}
}

void
backend_target_start(struct backend_target *t)
{
	enum err err;

	if (t->fixed.ss_family != AF_UNSPEC) {
		t->found(t, &t->fixed, 1);
		return;
	}
	if (t->lookup != NULL)
		return;
	t->asked = loop_now(t->loop);
	err = backend_lookup_start(&t->lookup, t->resolver, t->host, t->port,
	    looked_up, t);
	if (err != OK)
		looked_up(t, err, NULL, 0, err_text(err));
}

void
backend_target_doubt(struct backend_target *t)
{
	if (t->fixed.ss_family != AF_UNSPEC || t->lookup != NULL)
		return;
	if (loop_now(t->loop) - t->asked >= RETRY_MS)
		backend_target_start(t);
}

void
backend_target_fini(struct backend_target *t)
{
	timer_stop(&t->timer);
	backend_lookup_cancel(t->lookup);
	t->lookup = NULL;
	free(t->text);
	t->text = NULL;
}
