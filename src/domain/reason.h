/* SPDX-License-Identifier: ISC */
/*
 * Why a connection was refused or closed: one enum for the log, the metrics,
 * the CONNACK, the DISCONNECT and the manual. The first word of a name is the
 * stage whose task the check is, which is nearly always the stage in which it
 * happened.
 *
 * Columns: id; name; MQTT 3 CONNACK return code (MQTT 3.1.1 table 3.1; 0: close
 * without one); MQTT 5 reason code (MQTT 5 2.4; 0: close without one), sent in
 * the CONNACK before the broker has answered and in a DISCONNECT afterwards;
 * text for people: what it means and what to do.
 */
#ifndef DOMAIN_REASON_H
#define DOMAIN_REASON_H

#define REASONS(X) \
	X(NONE, "none", 0, 0, "still open") \
	/* accept */ \
	X(ACCEPT_LIMIT, "accept_limit", 0, 0, \
	    "too many connections: see [limits] connections") \
	X(ACCEPT_ADDRESS_LIMIT, "accept_address_limit", 0, 0, \
	    "too many connections from one address: see [limits] " \
	    "connections_per_address") \
	X(ACCEPT_RATE, "accept_rate", 0, 0, \
	    "too many new connections a second: see [limits] prefix_rate") \
	X(ACCEPT_EVICTED, "accept_evicted", 0, 0, \
	    "its handshake or CONNECT was unfinished when room was needed " \
	    "for others: [limits] handshakes") \
	X(ACCEPT_DENIED, "accept_denied", 0, 0, \
	    "the address is on the deny list") \
	X(ACCEPT_PROXY, "accept_proxy", 0, 0, \
	    "no valid PROXY header of a trusted load balancer") \
	X(ACCEPT_TIMEOUT, "accept_timeout", 0, 0, \
	    "the PROXY header was not received in time") \
	X(ACCEPT_CHECK, "accept_check", 0, 0, \
	    "closed before a PROXY header, as health checks do") \
	X(ACCEPT_RESOURCE, "accept_resource", 0, 0, \
	    "no memory or file descriptors left") \
	/* tls */ \
	X(TLS_NOT_TLS, "tls_not_tls", 0, 0, \
	    "the first bytes are not TLS, see detail: the client must use " \
	    "TLS") \
	X(TLS_HANDSHAKE, "tls_handshake", 0, 0, \
	    "the handshake failed; the detail field says why") \
	X(TLS_VERSION, "tls_version", 0, 0, \
	    "no TLS version in common: see [tls] min_version") \
	X(TLS_ALERT, "tls_alert", 0, 0, \
	    "the client sent an alert, see detail: often it does not trust " \
	    "the server certificate") \
	X(TLS_CLOSED, "tls_closed", 0, 0, \
	    "the client left during the handshake: some do so when they do " \
	    "not trust the server certificate") \
	X(TLS_CHECK, "tls_check", 0, 0, \
	    "closed without a byte, or after the ClientHello, as health " \
	    "checks do") \
	X(TLS_TIMEOUT, "tls_timeout", 0, 0, \
	    "the handshake took longer than [timeouts] tls") \
	X(TLS_KEY, "tls_key", 0, 0, \
	    "the token with the server's private key has not signed: see " \
	    "detail") \
	X(TLS_NO_CERTIFICATE, "tls_no_certificate", 0, 0, \
	    "the client sent no certificate, or has none that fits: see " \
	    "detail") \
	X(TLS_UNTRUSTED, "tls_untrusted", 0, 0, \
	    "the certificate was not issued under a CA in [tls] client_ca") \
	X(TLS_EXPIRED, "tls_expired", 0, 0, \
	    "the certificate, or a CA above it, has expired") \
	X(TLS_NOT_YET_VALID, "tls_not_yet_valid", 0, 0, \
	    "the certificate is not valid yet: check both clocks") \
	X(TLS_PURPOSE, "tls_purpose", 0, 0, \
	    "the certificate is not for TLS clients (key usage), or is a " \
	    "CA's") \
	X(TLS_BAD_CERTIFICATE, "tls_bad_certificate", 0, 0, \
	    "the certificate is malformed or weak, or its signature is " \
	    "invalid") \
	X(TLS_REVOKED, "tls_revoked", 0, 0, \
	    "the certificate is revoked by the CRL") \
	X(TLS_CRL_UNAVAILABLE, "tls_crl_unavailable", 0, 0, \
	    "no CRL in force covers the certificate: see detail and " \
	    "crl_policy") \
	X(TLS_DENIED, "tls_denied", 0, 0, \
	    "the certificate is on the deny list") \
	/* ws */ \
	X(WS_MALFORMED, "ws_malformed", 0, 0, \
	    "the HTTP upgrade request is malformed (400)") \
	X(WS_ORIGIN, "ws_origin", 0, 0, \
	    "the Origin is not in [listener] origins (403)") \
	X(WS_PATH, "ws_path", 0, 0, "the path is not [listener] path (404)") \
	X(WS_METHOD, "ws_method", 0, 0, "the method is not GET (405)") \
	X(WS_UPGRADE, "ws_upgrade", 0, 0, \
	    "not a version 13 WebSocket upgrade for mqtt (426)") \
	X(WS_TOO_LARGE, "ws_too_large", 0, 0, \
	    "the request's header is over 8 KiB (431)") \
	X(WS_CLOSED, "ws_closed", 0, 0, "the client left during the upgrade") \
	X(WS_TIMEOUT, "ws_timeout", 0, 0, \
	    "the upgrade took longer than [timeouts] ws") \
	X(WS_TEXT, "ws_text", 0, 0, \
	    "the client sent a text frame; MQTT uses binary ones (close " \
	    "1003)") \
	X(WS_PROTOCOL, "ws_protocol", 0, 0, \
	    "a frame violates RFC 6455 (close 1002)") \
	/* mqtt */ \
	X(MQTT_CLOSED, "mqtt_closed", 0, 0, \
	    "the client left before its CONNECT") \
	X(MQTT_TIMEOUT, "mqtt_timeout", 0, 0, \
	    "the CONNECT took longer than [timeouts] mqtt") \
	X(MQTT_NOT_CONNECT, "mqtt_not_connect", 0, 0, \
	    "the first packet is not a CONNECT") \
	X(MQTT_MALFORMED, "mqtt_malformed", 0, 0x81, \
	    "the CONNECT is malformed; the detail field names the clause") \
	X(MQTT_PROTOCOL, "mqtt_protocol", 0, 0x82, \
	    "the CONNECT violates the protocol; see detail") \
	X(MQTT_VERSION, "mqtt_version", 1, 0x84, \
	    "the protocol level is not in [mqtt] versions") \
	X(MQTT_TOO_LARGE, "mqtt_too_large", 0, 0x95, \
	    "the CONNECT is over [mqtt] max_connect_size") \
	X(MQTT_CLIENTID, "mqtt_clientid", 2, 0x85, \
	    "an empty ClientID requires clean session 1") \
	X(MQTT_BRIDGE, "mqtt_bridge", 1, 0x84, \
	    "the bridge bit is set and [mqtt] bridge_bit is refuse") \
	/* identity */ \
	X(IDENTITY_MISSING, "identity_missing", 4, 0x86, \
	    "the certificate lacks a field the template needs") \
	X(IDENTITY_AMBIGUOUS, "identity_ambiguous", 4, 0x86, \
	    "the certificate has the field several times") \
	X(IDENTITY_EMPTY, "identity_empty", 4, 0x86, \
	    "the certificate's field, or the whole name, is empty") \
	X(IDENTITY_ENCODING, "identity_encoding", 4, 0x86, \
	    "the field cannot be converted to UTF-8, or holds a NUL") \
	X(IDENTITY_UNSAFE, "identity_unsafe", 4, 0x86, \
	    "the name holds + # / or a control character: see [identity] " \
	    "unsafe_characters") \
	X(IDENTITY_TOO_LONG, "identity_too_long", 4, 0x86, \
	    "the name is over 65,535 bytes") \
	X(IDENTITY_MISMATCH, "identity_mismatch", 4, 0x86, \
	    "mode match: the client sent another name than its own") \
	X(IDENTITY_ISSUER, "identity_issuer", 5, 0x87, \
	    "the certificate is not under the CA its profile is for") \
	X(IDENTITY_CLIENTID, "identity_clientid", 2, 0x85, \
	    "the client's Maximum Packet Size is too small to tell its " \
	    "ClientID") \
	X(IDENTITY_NO_CREDENTIALS, "identity_no_credentials", 4, 0x86, \
	    "no certificate, and Username or password is missing") \
	X(IDENTITY_NO_CERTIFICATE, "identity_no_certificate", 5, 0x87, \
	    "no certificate, and without_certificate is refuse") \
	X(IDENTITY_DENIED, "identity_denied", 5, 0x8a, \
	    "the name is on the deny list") \
	X(IDENTITY_SESSIONS, "identity_sessions", 3, 0x97, \
	    "the certificate has as many sessions as are allowed") \
	X(IDENTITY_FLEET, "identity_fleet", 3, 0x88, \
	    "the other replicas' sessions are not known, and [fleet] " \
	    "when_down is refuse") \
	/* backend */ \
	X(BACKEND_UNREACHABLE, "backend_unreachable", 3, 0x88, \
	    "no broker in [backend] address could be reached") \
	X(BACKEND_TIMEOUT, "backend_timeout", 3, 0x88, \
	    "no broker could be reached within [timeouts] backend") \
	X(BACKEND_BUSY, "backend_busy", 3, 0x89, \
	    "too many CONNECTs wait for the broker") \
	/* relay */ \
	X(RELAY_CLIENT_CLOSED, "relay_client_closed", 0, 0, \
	    "the client closed the connection, the usual end") \
	X(RELAY_BROKER_REFUSED, "relay_broker_refused", 0, 0, \
	    "the broker refused the CONNECT: connack in the log is its code") \
	X(RELAY_BROKER_DISCONNECT, "relay_broker_disconnect", 0, 0, \
	    "the broker sent DISCONNECT: broker_disconnect in the log is its " \
	    "code") \
	X(RELAY_TAKEN_OVER, "relay_taken_over", 0, 0, \
	    "another client connected with the same ClientID: the broker " \
	    "closed this one") \
	X(RELAY_BROKER_CLOSED, "relay_broker_closed", 0, 0, \
	    "the broker closed the connection: see its log") \
	X(RELAY_CLIENT_ERROR, "relay_client_error", 0, 0, \
	    "the client's connection was lost") \
	X(RELAY_BROKER_ERROR, "relay_broker_error", 0, 0, \
	    "the broker's connection was lost") \
	X(RELAY_MALFORMED, "relay_malformed", 0, 0x81, \
	    "a packet's fixed header is malformed") \
	X(RELAY_SECOND_CONNECT, "relay_second_connect", 0, 0x82, \
	    "the client sent a second CONNECT [MQTT-3.1.0-2]") \
	X(RELAY_AUTH, "relay_auth", 0, 0x8c, \
	    "the client sent AUTH, and [identity] authentication is strip") \
	X(RELAY_IDLE, "relay_idle", 0, 0x8d, \
	    "no byte was sent or received for [timeouts] idle") \
	X(RELAY_UNREAD, "relay_unread", 0, 0x89, \
	    "the client or the broker has not read what waits for it for " \
	    "[timeouts] unread") \
	X(RELAY_REVOKED, "relay_revoked", 5, 0x87, \
	    "the certificate was revoked while connected") \
	X(RELAY_DENIED, "relay_denied", 5, 0x98, \
	    "added to the deny list while connected") \
	X(RELAY_EXPIRED, "relay_expired", 5, 0x87, \
	    "the certificate expired after the handshake") \
	X(RELAY_UNTRUSTED, "relay_untrusted", 5, 0x87, \
	    "its CA was removed from [tls] client_ca while connected") \
	X(RELAY_KICKED, "relay_kicked", 5, 0x98, \
	    "an operator disconnected the client") \
	X(RELAY_REPLACED, "relay_replaced", 5, 0x8e, \
	    "a newer session of the same certificate replaced it") \
	X(RELAY_DRAINED, "relay_drained", 3, 0x8b, \
	    "the proxy is shutting down: connect again")

enum reason {
#define X(id, name, v3, v5, text) REASON_##id,
	REASONS(X)
#undef X
	REASON_COUNT
};

/* The reason's name, the word in log and metrics; static. */
const char *reason_name(enum reason reason);

/* Returns what the reason means and what to do about it; static. */
const char *reason_text(enum reason reason);

/* MQTT 3.1 / 3.1.1 CONNACK return code 1-5, or 0: just close. */
unsigned char reason_v3(enum reason reason);

/* MQTT 5 reason code for CONNACK or DISCONNECT, or 0: just close. */
unsigned char reason_v5(enum reason reason);

#endif
