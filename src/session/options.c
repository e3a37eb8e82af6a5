#include "session/options.h"

#include "tls/sha1.h"

struct socket_options
options_socket(void)
{
	/* A silent peer is dead after two to three minutes: well above the
	 * pauses of mobile networks, well below a NAT's forgetting. */
	struct socket_options o = {
		.keepalive_idle_s = 60,
		.keepalive_interval_s = 20,
		.keepalive_count = 4,
		.user_timeout_ms = 120000,
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
		.handshakes = l->handshakes,
		.handshake_rate = l->handshake_rate,
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
	o->sha1 = tls_sha1;
}

static enum tls_version
version_of(enum config_tls_version version)
{
	return version == CONFIG_TLS_VERSION_1_2 ? TLS_VERSION_1_2
						 : TLS_VERSION_1_3;
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
		.client_certificate =
		    t->client_certificate == CONFIG_CLIENT_CERTIFICATE_OPTIONAL
		    ? TLS_CLIENT_OPTIONAL
		    : TLS_CLIENT_REQUIRED,
		.crl_policy = t->crl_policy == CONFIG_CRL_POLICY_SOFT
		    ? TLS_CRL_SOFT
		    : TLS_CRL_HARD,
		.min_version = version_of(t->min_version),
		.max_version = version_of(t->max_version),
		.session_tickets = t->session_tickets,
	};
}

void
options_identity(struct identity_rules_spec *o, const struct config_identity *i)
{
	*o = (struct identity_rules_spec){
		.name = i->head.name,
		.username = i->username,
		.clientid = i->clientid,
		.username_mode = i->username_mode,
		.clientid_mode = i->clientid_mode,
		.password = i->password,
		.without_certificate = i->without_certificate,
		.unsafe_characters = i->unsafe_characters,
		.assigned_clientid = i->assigned_clientid,
	};
}

void
options_proxy_in(struct accept_proxy_options *o,
    const struct config_listener *l)
{
	o->trusted = l->trusted_proxies.items;
	o->trusted_count = l->trusted_proxies.count;
	o->timeout_ms = 0; /* the session's deadline counts */
}

void
options_backend(struct backend_options *o, const struct config *cfg,
    const struct config_backend *b)
{
	static const enum backend_balance balances[] = {
		[CONFIG_BALANCE_FAILOVER] = BACKEND_FAILOVER,
		[CONFIG_BALANCE_ROUNDROBIN] = BACKEND_ROUNDROBIN,
		[CONFIG_BALANCE_CLIENTID] = BACKEND_CLIENTID,
	};

	*o = (struct backend_options){
		.name = b->head.name,
		.addresses = b->address.texts,
		.address_count = b->address.count,
		.balance = balances[b->balance],
		.timeout_ms = cfg->timeouts.backend,
		.hold = BACKEND_REFUSE,
		.socket = options_socket(),
	};
}
