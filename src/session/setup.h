/*
 * What a connection has only on its way to the relay.
 */
#ifndef SESSION_SETUP_H
#define SESSION_SETUP_H

#include "accept/proxy_in.h"
#include "backend/dial.h"
#include "identity/decide.h"
#include "mqtt/connect_read.h"
#include "session/session.h"
#include "ws/open.h"

/* A CONNECT and what was made of it. */
struct admission {
	struct mqtt_connect_result connect_read; /* bytes owned */
	struct identity_verdict verdict; /* points into greet and cert */
	struct cert *cert; /* owned; NULL: the client has none */
	struct buf connect; /* owned: the CONNECT as rewritten */
};

struct session_setup {
	struct snapshot *snapshot; /* counted: what this one is judged by */
	const struct config_listener *listener; /* borrowed from it */
	struct backend_pool *pool; /* counted: the listener's */
	struct timer deadline; /* of the present stage */
	struct admission *admission; /* owned; from stage identity on */
	union session_address local; /* where the client came in */
	int fd; /* owned before stage tls, then -1 */
	union { /* the present stage's own, to cancel it by */
		struct accept_proxy *proxy;
		struct ws_open *ws;
		struct mqtt_connect_read *connect_read;
		struct backend_dial *dial;
	} step;
};

/* Frees an approach and all it owns. NULL is fine. */
void session_setup_free(struct session_setup *a);

#endif
