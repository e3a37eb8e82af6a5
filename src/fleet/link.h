/* SPDX-License-Identifier: ISC */
/*
 * One connection to the Redis server: made, watched, lost and made again.
 * Commands are sent in a row, and their replies come in the same order.
 *
 *   WAITING --timer--> DIALLING --> LOGGING_IN --> UP --> WAITING
 *
 * Nothing here blocks. A connection whose Redis server owes a reply for too
 * long is closed, and so is one on which something comes that is not the
 * protocol. The next try goes to the next address, after a pause that grows up
 * to a second.
 */
#ifndef FLEET_LINK_H
#define FLEET_LINK_H

#include "config/types.h"
#include "fleet/wire.h"
#include "io/loop.h"

struct backend_resolver;
struct fleet_link;
struct tls_client;

/* The most addresses of a Redis server. */
#define FLEET_LINK_ADDRESSES_MAX 8

/* Why a link is not up, or was not. */
#define FLEET_LINK_WHY_MAX 256

/* A reply to a command; NULL if the connection was lost before it came. The
 * reply is valid during the call. */
typedef void fleet_link_reply(void *arg, const struct fleet_reply *reply);

struct fleet_link_owner {
	/* The link is up: commands may be sent. */
	void (*up)(void *arg);
	/* The link is down. Commands without a reply have got NULL. */
	void (*down)(void *arg);
	/* A reply that no command has asked for: a message. May be NULL. */
	fleet_link_reply *message;
};

/* What was logged last about a connection, and when (clock_mono_ms()). Links to
 * one server share one, so that its death is logged once. Zeroed at first. */
struct fleet_link_complaint {
	char why[FLEET_LINK_WHY_MAX];
	uint64_t at;
};

struct fleet_link_options {
	struct loop *loop; /* borrowed */
	struct backend_resolver *resolver; /* borrowed */
	const struct config_endpoints *address; /* borrowed for the call */
	const char *server_name; /* for TLS; "": the address's host */
	const char *username; /* "": none */
	struct fleet_link_complaint *complaint; /* borrowed */
	const struct fleet_link_owner *owner; /* static */
	void *arg; /* borrowed */
};

/* What future connections use; it may change. */
struct fleet_link_access {
	struct tls_client *tls; /* counted by the link; NULL: no TLS */
	const char *password; /* copied; "": none */
};

/* Makes a link; it starts to dial in the next loop turn. NULL: no memory. */
struct fleet_link *fleet_link_new(const struct fleet_link_options *o,
    const struct fleet_link_access *access);

/* Closes it for good: commands without a reply get NULL; the owner is not
 * called. */
void fleet_link_stop(struct fleet_link *l);

/* Closes it without calling a callback. NULL is allowed. */
void fleet_link_free(struct fleet_link *l);

/* The next connection uses these. */
void fleet_link_set_access(struct fleet_link *l,
    const struct fleet_link_access *access);

bool fleet_link_is_up(const struct fleet_link *l);

/* Returns why the link is not up; "" if that is not known yet. Valid as long as
 * the link. */
const char *fleet_link_why(const struct fleet_link *l);

/* The address that is in use, or was tried last. */
const char *fleet_link_address(const struct fleet_link *l);

/* Returns how long the oldest unanswered command has waited, in ms. */
uint64_t fleet_link_lag(const struct fleet_link *l);

/*
 * Sends a command. `done' (NULL: messages will come instead of a reply) is
 * called once, never from inside, except with NULL when the link goes down.
 * False: the link is not up, or has no memory; `done' will not be called.
 */
bool fleet_link_send(struct fleet_link *l, const struct slice *argv,
    size_t argc, fleet_link_reply *done, void *arg);

/* Closes the connection because of what came over it; the next address is
 * tried. */
void fleet_link_reject(struct fleet_link *l, const char *why);

#endif
