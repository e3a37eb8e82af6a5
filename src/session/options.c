/* SPDX-License-Identifier: ISC */
#include "session/options.h"

struct socket_options
options_socket(void)
{
	/* An idle peer that does not answer is given up after one and a half
	 * to two and a half minutes, in which four probes were lost. Mobile
	 * networks have shorter pauses, and NATs keep an idle connection for
	 * longer. For a peer that does not acknowledge data, see
	 * session_check_peers(). */
	struct socket_options o = {
		.keepalive_idle_s = 48,
		.keepalive_interval_s = 12,
		.keepalive_count = 4,
	};

	return o;
}

void
options_throttle(struct throttle_options *o, const struct config *cfg)
{
	const struct config_limits *l = &cfg->limits;

	*o = (struct throttle_options){
		.connections = l->connections,
		.connections_per_address = l->connections_per_address,
		.connections_per_prefix = l->connections_per_prefix,
		.handshakes = l->handshakes,
		.handshakes_per_prefix = l->handshakes_per_prefix,
		.handshake_rate = l->handshake_rate,
		.resumed_rate = l->resumed_rate,
		.prefix_rate = l->prefix_rate,
	};
}

void
options_mqtt(struct mqtt_policy *o, const struct config *cfg)
{
	const struct config_mqtt *m = &cfg->mqtt;

	o->max_connect_size = m->max_connect_size;
	o->versions = 0;
	if (CONFIG_HAS(m->versions, CONFIG_MQTT_VERSION_3_1))
		o->versions |= MQTT_VERSION_BIT(MQTT_LEVEL_31);
	if (CONFIG_HAS(m->versions, CONFIG_MQTT_VERSION_3_1_1))
		o->versions |= MQTT_VERSION_BIT(MQTT_LEVEL_311);
	if (CONFIG_HAS(m->versions, CONFIG_MQTT_VERSION_5))
		o->versions |= MQTT_VERSION_BIT(MQTT_LEVEL_5);
	o->bridge = m->bridge_bit == CONFIG_BRIDGE_BIT_REFUSE
	    ? MQTT_BRIDGE_REFUSE
	    : MQTT_BRIDGE_KEEP;
}

void
options_ws(struct ws_policy *o, const struct config_listener *l)
{
	o->path = l->path;
	o->origins = l->origins.items;
	o->origin_count = l->origins.count;
}

void
options_tls(struct tls_options *o, const struct config_tls *t)
{
	*o = (struct tls_options){
		.certificates = t->certificate,
		.private_keys = t->private_key,
		.client_cas = t->client_ca,
		.crls = t->crl,
		.ocsp_responses = t->ocsp_response,
		.groups = t->groups,
		.ciphers = t->ciphers,
		.client_certificate = t->client_certificate,
		.crl_policy = t->crl_policy,
		.crl_grace = (int64_t)(t->crl_grace / 1000),
		.min_version = t->min_version,
		.max_version = t->max_version,
		.session_tickets = t->session_tickets,
		.send_ca_names = t->send_ca_names,
		.record_max = (uint16_t)t->record_size,
	};
}

void
options_identity(struct identity_rules_spec *o, const struct config_identity *i)
{
	*o = (struct identity_rules_spec){
		.name = config_name(&i->head),
		.username = i->username,
		.clientid = config_clientid(i),
		.username_mode = i->username_mode,
		.clientid_mode = i->clientid_mode,
		.password = i->password,
		.authentication = i->authentication,
		.without_certificate = i->without_certificate,
		.unsafe_characters = i->unsafe_characters,
		.assigned_clientid = i->assigned_clientid,
		.user_properties = i->user_properties,
	};
}

void
options_proxy_in(struct accept_proxy_options *o,
    const struct config_listener *l)
{
	o->trusted = l->trusted_proxies.items;
	o->trusted_count = l->trusted_proxies.count;
}

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

void
options_backend(struct backend_options *o, const struct config *cfg,
    const struct config_backend *b)
{
	*o = (struct backend_options){
		.name = config_name(&b->head),
		.addresses = b->address.texts,
		.address_count = b->address.count,
		.balance = b->balance,
		.timeout_ms = cfg->timeouts.backend,
		.hold = b->hold,
		.queue = b->queue,
		.sources = b->source.items,
		.source_count = b->source.count,
		.resolve_ms = b->resolve_interval,
		.socket = options_socket(),
		.probe = b->probe,
		.probe_interval_ms = b->probe_interval,
		.probe_timeout_ms = b->probe_timeout,
		.probe_client_id = b->probe_clientid,
		.probe_username = or_null(b->probe_username),
		.probe_password = or_null(b->probe_password),
		.probe_proxy = b->proxy_protocol,
	};
}
