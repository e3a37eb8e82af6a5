/* SPDX-License-Identifier: ISC */
/*
 * Turns the configuration's sections into the options of the stages, which do
 * not know those sections; the configuration does not know the stages.
 */
#ifndef SESSION_OPTIONS_H
#define SESSION_OPTIONS_H

#include "accept/proxy_in.h"
#include "accept/throttle.h"
#include "backend/pool.h"
#include "base/socket.h"
#include "config/config.h"
#include "identity/decide.h"
#include "mqtt/connect.h"
#include "tls/ctx.h"
#include "ws/upgrade.h"

/* The options of all sockets, to clients and to brokers. */
struct socket_options options_socket(void);

/* Each fills `*o'; what it points to is borrowed from the configuration. */
void options_throttle(struct throttle_options *o, const struct config *cfg);
void options_mqtt(struct mqtt_policy *o, const struct config *cfg);
void options_ws(struct ws_policy *o, const struct config_listener *l);
void options_tls(struct tls_options *o, const struct config_tls *t);
void options_identity(struct identity_rules_spec *o,
    const struct config_identity *i);
void options_proxy_in(struct accept_proxy_options *o,
    const struct config_listener *l);
void options_backend(struct backend_options *o, const struct config *cfg,
    const struct config_backend *b);

#endif
