/*
 * A listening socket's place in the configuration. It outlives snapshots, so
 * sessions keep a pointer to it; `section' follows each reload.
 */
#ifndef SESSION_LISTENER_STATE_H
#define SESSION_LISTENER_STATE_H

#include <stddef.h>

#include "session/counters.h"

#define LISTENER_REMOVED ((size_t)-1)

struct listener_state {
	char *name; /* owned by the worker: NAME of [listener NAME] */
	size_t section; /* index in the worker's snapshot, or ENTRANCE_GONE */
	counter accepted; /* connections that came in here */
	counter live[STAGE_COUNT]; /* those that are there now, by stage */
};

#endif
