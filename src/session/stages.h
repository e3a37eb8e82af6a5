/*
 * The way of a connection, as one table: in which stage it may follow which,
 * how long each may take, how it begins and how it is broken off.
 */
#ifndef SESSION_STAGES_H
#define SESSION_STAGES_H

#include "session/setup.h"

struct stage_def {
	unsigned from; /* 1 << stage of each legal predecessor */
	/* The deadline's option, counted from the stage's beginning; NULL:
	 * the stage has no wait of its own. */
	uint64_t (*deadline)(const struct config_timeouts *timeouts);
	enum reason late; /* what missing it is called */
	void (*start)(struct session *s); /* s may be gone after it */
	void (*cancel)(struct session *s);
};

/* The row of a stage. */
const struct stage_def *stage_def(enum stage stage);

/* Begins the first stage of a new session, accept. `s' may be gone after. */
void stage_begin(struct session *s);

/* Moves `s' on: the only writer of s->stage. `s' may be gone after it. */
void stage_enter(struct session *s, enum stage next);

#endif
