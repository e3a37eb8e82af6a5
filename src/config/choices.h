/* SPDX-License-Identifier: ISC */
/*
 * The words of the ENUM and SET options: for each enum its constants and how
 * they are written in the ini file. The enums log_level and log_format are in
 * base/log.h.
 */
#ifndef CONFIG_CHOICES_H
#define CONFIG_CHOICES_H

/* C(constant, word) */
#define CONFIG_CHOICES_log_level(C) \
	C(LOG_LEVEL_ERROR, "error") \
	C(LOG_LEVEL_WARN, "warn") \
	C(LOG_LEVEL_INFO, "info") \
	C(LOG_LEVEL_DEBUG, "debug")

#define CONFIG_CHOICES_log_format(C) \
	C(LOG_FORMAT_LOGFMT, "logfmt") \
	C(LOG_FORMAT_JSON, "json")

#define CONFIG_CHOICES_config_admin_access(C) \
	C(CONFIG_ADMIN_ACCESS_READ, "read") \
	C(CONFIG_ADMIN_ACCESS_FULL, "full")

#define CONFIG_CHOICES_config_transport(C) \
	C(CONFIG_TRANSPORT_TCP, "tcp") \
	C(CONFIG_TRANSPORT_WEBSOCKET, "websocket")

#define CONFIG_CHOICES_config_accept_proxy(C) \
	C(CONFIG_ACCEPT_PROXY_OFF, "off") \
	C(CONFIG_ACCEPT_PROXY_REQUIRED, "required")

#define CONFIG_CHOICES_config_client_certificate(C) \
	C(CONFIG_CLIENT_CERTIFICATE_REQUIRED, "required") \
	C(CONFIG_CLIENT_CERTIFICATE_OPTIONAL, "optional")

#define CONFIG_CHOICES_config_crl_policy(C) \
	C(CONFIG_CRL_POLICY_HARD, "hard") \
	C(CONFIG_CRL_POLICY_SOFT, "soft") \
	C(CONFIG_CRL_POLICY_GRACE, "grace")

#define CONFIG_CHOICES_config_tls_version(C) \
	C(CONFIG_TLS_VERSION_1_2, "1.2") \
	C(CONFIG_TLS_VERSION_1_3, "1.3")

#define CONFIG_CHOICES_config_on_expiry(C) \
	C(CONFIG_ON_EXPIRY_DISCONNECT, "disconnect") \
	C(CONFIG_ON_EXPIRY_KEEP, "keep")

#define CONFIG_CHOICES_config_mode(C) \
	C(CONFIG_MODE_OVERRIDE, "override") \
	C(CONFIG_MODE_FILL, "fill") \
	C(CONFIG_MODE_MATCH, "match")

#define CONFIG_CHOICES_config_password(C) \
	C(CONFIG_PASSWORD_STRIP, "strip") \
	C(CONFIG_PASSWORD_KEEP, "keep")

#define CONFIG_CHOICES_config_authentication(C) \
	C(CONFIG_AUTHENTICATION_STRIP, "strip") \
	C(CONFIG_AUTHENTICATION_KEEP, "keep")

#define CONFIG_CHOICES_config_without(C) \
	C(CONFIG_WITHOUT_PASSWORD, "password") \
	C(CONFIG_WITHOUT_REFUSE, "refuse")

#define CONFIG_CHOICES_config_unsafe(C) \
	C(CONFIG_UNSAFE_REFUSE, "refuse") \
	C(CONFIG_UNSAFE_ENCODE, "encode")

#define CONFIG_CHOICES_config_balance(C) \
	C(CONFIG_BALANCE_FAILOVER, "failover") \
	C(CONFIG_BALANCE_ROUNDROBIN, "roundrobin") \
	C(CONFIG_BALANCE_CLIENTID, "clientid")

#define CONFIG_CHOICES_config_proxy_protocol(C) \
	C(CONFIG_PROXY_PROTOCOL_OFF, "off") \
	C(CONFIG_PROXY_PROTOCOL_V1, "v1") \
	C(CONFIG_PROXY_PROTOCOL_V2, "v2")

#define CONFIG_CHOICES_config_mqtt_version(C) \
	C(CONFIG_MQTT_VERSION_3_1, "3.1") \
	C(CONFIG_MQTT_VERSION_3_1_1, "3.1.1") \
	C(CONFIG_MQTT_VERSION_5, "5")

#define CONFIG_CHOICES_config_bridge_bit(C) \
	C(CONFIG_BRIDGE_BIT_KEEP, "keep") \
	C(CONFIG_BRIDGE_BIT_REFUSE, "refuse")

#define CONFIG_CHOICES_config_will(C) \
	C(CONFIG_WILL_PUBLISH, "publish") \
	C(CONFIG_WILL_SUPPRESS, "suppress")

#define CONFIG_CHOICES_config_probe(C) \
	C(CONFIG_PROBE_NONE, "none") \
	C(CONFIG_PROBE_TCP, "tcp") \
	C(CONFIG_PROBE_MQTT, "mqtt")

#define CONFIG_CHOICES_config_on_excess(C) \
	C(CONFIG_ON_EXCESS_REFUSE, "refuse") \
	C(CONFIG_ON_EXCESS_KICK_OLDEST, "kick_oldest")

#define CONFIG_CHOICES_config_when_down(C) \
	C(CONFIG_WHEN_DOWN_LOCAL, "local") \
	C(CONFIG_WHEN_DOWN_REFUSE, "refuse")

/* The lists that this header makes enums of. */
#define CONFIG_ENUMS(E) \
	E(config_admin_access) \
	E(config_transport) \
	E(config_accept_proxy) \
	E(config_client_certificate) \
	E(config_crl_policy) \
	E(config_tls_version) \
	E(config_on_expiry) \
	E(config_mode) \
	E(config_password) \
	E(config_authentication) \
	E(config_without) \
	E(config_unsafe) \
	E(config_balance) \
	E(config_proxy_protocol) \
	E(config_mqtt_version) \
	E(config_bridge_bit) \
	E(config_will) \
	E(config_probe) \
	E(config_on_excess) \
	E(config_when_down)

#define CONFIG_ENUM_CONSTANT(id, word) id,
#define CONFIG_ENUM_DECLARE(name) \
	enum name { \
		CONFIG_CHOICES_##name(CONFIG_ENUM_CONSTANT) \
	};

CONFIG_ENUMS(CONFIG_ENUM_DECLARE)

/* True if a SET field holds `constant' of its enum. */
#define CONFIG_HAS(set, constant) (((set) >> (unsigned)(constant)&1u) != 0)

#endif
