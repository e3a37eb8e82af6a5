/* SPDX-License-Identifier: ISC */
/*
 * Dials and what they came to, for the tests of backend/.
 */
#ifndef UNIT_DIAL_KIT_H
#define UNIT_DIAL_KIT_H

#include "backend/dial.h"
#include "base/address.h"
#include "io/timer.h"

#define DIAL_KIT_MANY 300

struct dial_kit;

/* What one dial came to. */
struct dial_kit_call {
	struct dial_kit *kit;
	struct backend_dial *dial;
	enum reason reason;
	struct stream *broker;
	char text[256];
	int calls;
	struct dial_kit_call *cancel; /* to be cancelled in the callback */
};

struct dial_kit {
	struct loop *loop;
	struct backend_pool *pool;
	int ended;
	int stop_at; /* the loop stops when so many have ended */
	struct dial_kit_call call[DIAL_KIT_MANY];
};

/* A kit with one pool for the addresses given, the last NULL. */
struct dial_kit *dial_kit_begin(struct loop *loop, const char *const *addresses,
    const struct backend_options *options);

/* Starts dial number n. */
void dial_kit_start(struct dial_kit *k, int n, const char *client_id,
    const char *header);

/* Starts dials up to number n - 1 and runs until all have ended. */
bool dial_kit_all(struct dial_kit *k, int n);

/* Closes all streams and puts the pool. */
void dial_kit_end(struct dial_kit *k);

/* The address as text; four of them live at once. */
char *dial_kit_text(const struct sockaddr_storage *at);

/* A listener at just that address. */
int dial_kit_listen(const struct sockaddr_storage *at, int backlog);

/* A broker that is away, and comes back at `at' after a while. */
struct dial_kit_comeback {
	struct timer timer;
	struct sockaddr_storage at;
	int listener; /* the caller's to close; -1 until it is back */
};

void dial_kit_come_back(struct dial_kit_comeback *c, struct loop *loop,
    uint64_t ms);

/* The last endpoint of the pool. */
struct dial_kit_endpoint {
	int count; /* of all */
	enum backend_state state;
	uint64_t failed;
	char error[128];
	char endpoint[ADDRESS_TEXT_MAX];
};

struct dial_kit_endpoint dial_kit_endpoint(struct dial_kit *k);

#endif
