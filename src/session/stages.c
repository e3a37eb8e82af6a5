#include "session/stages.h"

#include <assert.h>

#include "session/steps.h"

/*
 * The table.
 */

#define AFTER(stage) (1U << (stage))

static uint64_t
deadline_tls(const struct config_timeouts *t)
{
	return t->tls;
}

static uint64_t
deadline_ws(const struct config_timeouts *t)
{
	return t->ws;
}

static uint64_t
deadline_mqtt(const struct config_timeouts *t)
{
	return t->mqtt;
}

static const struct stage_def stages[STAGE_COUNT] = {
	/* A PROXY header has as long as the handshake behind it. */
	[STAGE_ACCEPT] = { 0, deadline_tls, REASON_ACCEPT_TIMEOUT,
	    steps_accept_start, steps_accept_cancel },
	[STAGE_TLS] = { AFTER(STAGE_ACCEPT), deadline_tls, REASON_TLS_TIMEOUT,
	    steps_tls_start, steps_tls_cancel },
	[STAGE_WS] = { AFTER(STAGE_TLS), deadline_ws, REASON_WS_TIMEOUT,
	    steps_ws_start, steps_ws_cancel },
	[STAGE_MQTT] = { AFTER(STAGE_TLS) | AFTER(STAGE_WS), deadline_mqtt,
	    REASON_MQTT_TIMEOUT, steps_mqtt_start, steps_mqtt_cancel },
	[STAGE_IDENTITY] = { AFTER(STAGE_MQTT), NULL, REASON_NONE,
	    steps_identity_start, NULL },
	/* Dialling keeps its own deadline, over all its tries. */
	[STAGE_BACKEND] = { AFTER(STAGE_IDENTITY), NULL, REASON_NONE,
	    steps_backend_start, steps_backend_cancel },
	[STAGE_RELAY] = { AFTER(STAGE_BACKEND), NULL, REASON_NONE,
	    steps_relay_start, NULL },
};

const struct stage_def *
stage_def(enum stage stage)
{
	return &stages[stage];
}

static void
too_late(void *arg)
{
	struct session *s = arg;

	session_dismiss(s, stages[s->stage].late, NULL);
}

static void
run(struct session *s)
{
	const struct stage_def *def = &stages[s->stage];
	struct session_setup *a = s->setup;

	if (def->deadline != NULL)
		timer_start(&a->deadline,
		    def->deadline(&a->snapshot->config->timeouts));
	else
		timer_stop(&a->deadline);
	def->start(s); /* s may be gone */
}

void
stage_begin(struct session *s)
{
	timer_init(&s->setup->deadline, s->manager->loop, too_late, s);
	run(s);
}

void
stage_enter(struct session *s, enum stage next)
{
	struct counters *c = &s->manager->counters;

	assert((stages[next].from & AFTER(s->stage)) != 0);
	counter_sub(&c->live[s->stage], 1);
	counter_add(&c->live[next], 1);
	counter_sub(&s->listener_state->live[s->stage], 1);
	counter_add(&s->listener_state->live[next], 1);
	s->stage = next;
	run(s); /* s may be gone */
}
