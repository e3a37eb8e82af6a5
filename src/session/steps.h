/*
 * How each stage of stages.c's table is begun and broken off. Split in two
 * along the way: steps_arrive.c up to the CONNECT, steps_admit.c from the
 * verdict on. A session may be gone after a start.
 */
#ifndef SESSION_STEPS_H
#define SESSION_STEPS_H

#include "session/setup.h"

void steps_accept_start(struct session *s);
void steps_accept_cancel(struct session *s);
void steps_tls_start(struct session *s);
void steps_tls_cancel(struct session *s);
void steps_ws_start(struct session *s);
void steps_ws_cancel(struct session *s);
void steps_mqtt_start(struct session *s);
void steps_mqtt_cancel(struct session *s);
void steps_identity_start(struct session *s);
void steps_backend_start(struct session *s);
void steps_backend_cancel(struct session *s);
void steps_relay_start(struct session *s);

/* Ends a session that memory has run out for; `what' goes to the log. */
void steps_failed(struct session *s, const char *what);

/* A client that broke the rules of its frames is told apart from one whose
 * connection broke: they look alike to whoever reads MQTT. */
enum reason steps_client_reason(const struct session *s, enum reason reason);

#endif
