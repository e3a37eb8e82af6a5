/* SPDX-License-Identifier: ISC */
/*
 * The options of the profiles a listener may name: [tls], [identity] and
 * [backend]. config/options.h explains the columns.
 */
#ifndef CONFIG_OPTIONS_PROFILE_H
#define CONFIG_OPTIONS_PROFILE_H

#define CONFIG_TLS(X) \
	X(tls, certificate, PATHS, "", LIVE, \
	    "Server certificate with its chain, PEM; several: ECDSA and " \
	    "RSA, or chosen by SNI. Required.") \
	X(tls, private_key, KEYS, "", LIVE, \
	    "Private key of each certificate, in the same order: PEM files, " \
	    "or pkcs11: URIs of keys in a token. Required.") \
	X(tls, client_ca, PATHS, "", LIVE, \
	    "CAs whose client certificates are taken, PEM. Required.") \
	X(tls, client_certificate, ENUM(config_client_certificate), \
	    "required", LIVE, "Must a client present a certificate?") \
	X(tls, crl, PATHS_OR_DIRS, "", LIVE, \
	    "Certificate revocation lists: PEM or DER files, or " \
	    "directories of them; empty = none.") \
	X(tls, crl_policy, ENUM(config_crl_policy), "hard", LIVE, \
	    "When crl is set but none in force covers an issuer: hard " \
	    "refuses, soft allows, grace goes by the old one for crl_grace.") \
	X(tls, crl_grace, MSEC(1000, 31536000000), "1d", LIVE, \
	    "With crl_policy = grace: how long after its nextUpdate a CRL " \
	    "still counts.") \
	X(tls, min_version, ENUM(config_tls_version), "1.2", LIVE, \
	    "Lowest TLS version.") \
	X(tls, max_version, ENUM(config_tls_version), "1.3", LIVE, \
	    "Highest TLS version.") \
	X(tls, ciphers, STR, "", LIVE, \
	    "TLS 1.2 cipher list as OpenSSL writes it; empty = modern " \
	    "AEAD ones only.") \
	X(tls, groups, LIST, "", LIVE, \
	    "Key exchange groups, best first; empty = X25519MLKEM768 " \
	    "where the library has it, X25519, P-256, P-384.") \
	X(tls, send_ca_names, BOOL, "on", LIVE, \
	    "Send clients the names of client_ca? Off: small clients with " \
	    "many CAs, and clients that hold back a certificate.") \
	X(tls, record_size, UINT(512, 16384), "16384", LIVE, \
	    "Largest TLS record sent, in bytes of data; clients that ask for " \
	    "smaller ones get these.") \
	X(tls, session_tickets, BOOL, "on", LIVE, \
	    "May clients resume by ticket? The certificate is checked " \
	    "again each time.") \
	X(tls, ticket_keys, PATH, "", LIVE, \
	    "File of ticket keys shared by replicas: the first encrypts, " \
	    "all decrypt; empty = own keys, which rotate.") \
	X(tls, ocsp_response, PATHS, "", LIVE, \
	    "OCSP response, DER, to staple to each certificate, in the " \
	    "same order; empty = none.") \
	X(tls, on_expiry, ENUM(config_on_expiry), "disconnect", LIVE, \
	    "What a live session gets when its certificate expires.") \
	X(tls, sessions_per_certificate, UINT(0, 1000000), "0", LIVE, \
	    "Most sessions of one certificate at once; 0 = no limit.") \
	X(tls, on_excess, ENUM(config_on_excess), "refuse", LIVE, \
	    "One session too many: refuse it, or let the oldest go.")

#define CONFIG_IDENTITY(X) \
	X(identity, username, TEMPLATE, "${cn}", LIVE, \
	    "Template of the Username. Bare cn, dn, crt, pem and md5 are " \
	    "shorthand; none = leave the client's.") \
	X(identity, clientid, TEMPLATE, "prefixed", LIVE, \
	    "The same for the ClientID; username = as the Username; " \
	    "prefixed = USERNAME/the client's.") \
	X(identity, username_mode, ENUM(config_mode), "override", LIVE, \
	    "override: always set; fill: only where the client sent none; " \
	    "match: the client must claim exactly this.") \
	X(identity, clientid_mode, ENUM(config_mode), "override", LIVE, \
	    "The same for the ClientID.") \
	X(identity, password, ENUM(config_password), "strip", LIVE, \
	    "The password of a client with a certificate.") \
	X(identity, authentication, ENUM(config_authentication), "strip", \
	    LIVE, \
	    "The Authentication Method and Data, and AUTH packets, of an " \
	    "MQTT 5 client with a certificate.") \
	X(identity, without_certificate, ENUM(config_without), "password", \
	    LIVE, \
	    "A client without a certificate, where those are optional: " \
	    "password = it must send Username and password, and keeps them.") \
	X(identity, unsafe_characters, ENUM(config_unsafe), "refuse", LIVE, \
	    "+ # / and controls in a name from a certificate: refuse, or " \
	    "encode as %XX.") \
	X(identity, assigned_clientid, BOOL, "on", LIVE, \
	    "Tell an MQTT 5 client that sent no ClientID what it became.") \
	X(identity, user_properties, BOOL, "off", LIVE, \
	    "Tell the broker of the certificate in MQTT 5 User Properties.") \
	X(identity, issuer, PATH, "", LIVE, \
	    "PEM file of a CA in client_ca: this profile is for certificates " \
	    "under it, whatever the listener says; empty = any CA.")

#define CONFIG_BACKEND(X) \
	X(backend, address, ENDPOINTS, "127.0.0.1:1883", LIVE, \
	    "The broker: host:port or unix:/path; several, by commas.") \
	X(backend, balance, ENUM(config_balance), "failover", LIVE, \
	    "Which of several: failover takes the first that works; " \
	    "clientid keeps a ClientID on its broker.") \
	X(backend, proxy_protocol, ENUM(config_proxy_protocol), "off", LIVE, \
	    "Tell the broker the client's address; v2 also the TLS version, " \
	    "cipher and CN of a verified certificate.") \
	X(backend, hold, BOOL, "on", LIVE, \
	    "While no broker answers, let clients wait up to the deadline, " \
	    "as when a broker restarts.") \
	X(backend, queue, UINT(1, 1000000), "4096", LIVE, \
	    "Clients of one worker that may wait; more are told busy.") \
	X(backend, connect_rate, UINT(0, 1000000), "0", LIVE, \
	    "New connections to the broker a second; 0 = no limit.") \
	X(backend, resolve_interval, MSEC(1000, 86400000), "30s", LIVE, \
	    "How often names are resolved again.") \
	X(backend, source, LIST, "", LIVE, \
	    "Addresses to dial from, in turn; more than one gives more than " \
	    "28,000 connections to one broker. Empty = the kernel's choice.") \
	X(backend, probe, ENUM(config_probe), "none", LIVE, \
	    "Look for ourselves whether a broker is well: tcp opens its " \
	    "port, mqtt also sends a CONNECT.") \
	X(backend, probe_interval, MSEC(100, 3600000), "5s", LIVE, \
	    "How often to probe.") \
	X(backend, probe_timeout, MSEC(100, 600000), "2s", LIVE, \
	    "When a probe counts as failed.") \
	X(backend, probe_clientid, STR, "sallyport-probe", LIVE, \
	    "ClientID of a probe; the worker's number is put behind it.") \
	X(backend, probe_username, STR, "", LIVE, \
	    "Username of a probe; empty = none.") \
	X(backend, probe_password, STR, "", LIVE, \
	    "Password of a probe; empty = none.")

#endif
