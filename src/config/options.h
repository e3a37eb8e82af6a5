/*
 * The one list of options. Struct fields, defaults, parser, --help-config,
 * the check of the manual and of etc/sallyport.ini all grow from these rows,
 * so an option is added by adding one row (and its words in the papers).
 *
 * X(key, TYPE, default as one would write it, LIVE | RESTART, help)
 *
 * LIVE: a reload puts it in force for what begins after it. RESTART: read
 * once at start. Numbers in a TYPE are the least and the most it takes:
 *
 *   BOOL                on | off            bool
 *   UINT(lo, hi)        a number            uint32_t
 *   UINT_AUTO(lo, hi)   ... or auto = 0     uint32_t
 *   MSEC(lo, hi)        10s, 500ms, 2h      uint64_t, milliseconds
 *   MSEC_OFF(lo, hi)    ... or 0 = never    uint64_t, milliseconds
 *   SIZE(lo, hi)        64k, 1m             size_t, bytes
 *   STR                 text                const char *, "" when empty
 *   TEMPLATE            text with ${...}    const char *, as written
 *   NAME                names a profile     const char *, "" the default one
 *   LIST                a, b                struct config_list
 *   PATH                a file              const char *, absolute or ""
 *   PATHS               files               struct config_list, absolute
 *   SINK                word or file        const char *
 *   ADDRS               0.0.0.0:8883, ...   struct config_addrs
 *   ENDPOINTS           host:1883, unix:/x  struct config_endpoints
 *   CIDRS               10.0.0.0/8, ...     struct config_cidrs
 *   ENUM(e)             one word            enum e
 *   SET(e)              several words       unsigned, BIT(enum e) each
 *
 * Relative paths are relative to the directory of the ini file. The words of
 * an enum are in config/choices.h.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#define CONFIG_DAEMON(X)                                                     \
	X(workers, UINT_AUTO(1, 1024), "auto", RESTART,                      \
	    "Worker threads; auto = one for each CPU this process may use.") \
	X(user, STR, "sallyport", RESTART,                                   \
	    "User to become after binding, when started as root.")           \
	X(group, STR, "", RESTART,                                           \
	    "Group to become; empty = the user's own.")                      \
	X(log, SINK, "stderr", LIVE,                                         \
	    "stderr, syslog, or a file, which SIGHUP opens anew.")           \
	X(log_level, ENUM(log_level), "info", LIVE, "Least level to log.")   \
	X(log_format, ENUM(log_format), "logfmt", LIVE,                      \
	    "How a log line is written.")                                    \
	X(admin_socket, PATH, "", RESTART,                                   \
	    "Unix socket, mode 0600, for sallyportctl; empty = none.")       \
	X(http_listen, ADDRS, "", RESTART,                                   \
	    "Addresses for metrics, health and the status page, read-only; " \
	    "empty = none.")                                                 \
	X(ports_file, PATH, "", RESTART,                                     \
	    "File to write the bound addresses to, one a line; useful with " \
	    "port 0; empty = none.")                                         \
	X(watch_interval, MSEC_OFF(100, 3600000), "10s", LIVE,               \
	    "How often to look for changed files; 0 = only on SIGHUP.")      \
	X(drain_timeout, MSEC(0, 86400000), "30s", LIVE,                     \
	    "How long sessions may live on after SIGTERM.")

#define CONFIG_LISTENER(X)                                                   \
	X(bind, ADDRS, "", RESTART,                                          \
	    "Addresses to listen on; port 0 = any free one. Required.")      \
	X(transport, ENUM(config_transport), "tcp", LIVE,                    \
	    "MQTT straight over TLS, or in WebSocket over TLS.")             \
	X(path, STR, "/mqtt", LIVE,                                          \
	    "Path a WebSocket client must ask for.")                         \
	X(origins, LIST, "", LIVE,                                           \
	    "Origins a WebSocket client may come from; empty = any.")        \
	X(tls, NAME, "", LIVE, "The [tls NAME] to use; empty = [tls].")      \
	X(identity, NAME, "", LIVE,                                          \
	    "The [identity NAME] to use; empty = [identity].")               \
	X(backend, NAME, "", LIVE,                                           \
	    "The [backend NAME] to use; empty = [backend].")                 \
	X(accept_proxy, ENUM(config_accept_proxy), "off", LIVE,              \
	    "Must a load balancer send a PROXY v1 or v2 header first?")      \
	X(trusted_proxies, CIDRS, "", LIVE,                                  \
	    "Where such load balancers may connect from.")

#define CONFIG_TLS(X)                                                        \
	X(certificate, PATHS, "", LIVE,                                      \
	    "Server certificate with its chain, PEM; several: ECDSA and "    \
	    "RSA, or chosen by SNI. Required.")                              \
	X(private_key, PATHS, "", LIVE,                                      \
	    "Private key of each certificate, PEM, in the same order. "      \
	    "Required.")                                                     \
	X(client_ca, PATHS, "", LIVE,                                        \
	    "CAs whose client certificates are taken, PEM. Required.")       \
	X(client_certificate, ENUM(config_client_certificate), "required",   \
	    LIVE, "Must a client present a certificate?")                    \
	X(crl, PATHS, "", LIVE,                                              \
	    "Certificate revocation lists: PEM or DER files, or "            \
	    "directories of them; empty = none.")                            \
	X(crl_policy, ENUM(config_crl_policy), "hard", LIVE,                 \
	    "When crl is set but none in force covers an issuer: hard "      \
	    "refuses, soft allows.")                                         \
	X(min_version, ENUM(config_tls_version), "1.2", LIVE,                \
	    "Lowest TLS version.")                                           \
	X(max_version, ENUM(config_tls_version), "1.3", LIVE,                \
	    "Highest TLS version.")                                          \
	X(ciphers, STR, "", LIVE,                                            \
	    "TLS 1.2 cipher list as OpenSSL writes it; empty = modern "      \
	    "AEAD ones only.")                                               \
	X(groups, LIST, "", LIVE,                                            \
	    "Key exchange groups, best first; empty = X25519MLKEM768 "       \
	    "where the library has it, X25519, P-256, P-384.")               \
	X(session_tickets, BOOL, "on", LIVE,                                 \
	    "May clients resume by ticket? The certificate is checked "      \
	    "again each time.")                                              \
	X(ticket_keys, PATH, "", LIVE,                                       \
	    "File of ticket keys shared by replicas: the first encrypts, "   \
	    "all decrypt; empty = own keys, which rotate.")                  \
	X(ocsp_response, PATHS, "", LIVE,                                    \
	    "OCSP response, DER, to staple to each certificate, in the "     \
	    "same order; empty = none.")                                     \
	X(on_expiry, ENUM(config_on_expiry), "disconnect", LIVE,             \
	    "What a live session gets when its certificate expires.")

#define CONFIG_IDENTITY(X)                                                   \
	X(username, TEMPLATE, "${cn}", LIVE,                                 \
	    "Template of the Username. Bare cn, dn, crt, pem and md5 are "   \
	    "shorthand; none = leave the client's.")                         \
	X(clientid, TEMPLATE, "none", LIVE, "The same for the ClientID.")    \
	X(username_mode, ENUM(config_mode), "override", LIVE,                \
	    "override: always set; fill: only where the client sent none; "  \
	    "match: the client must claim exactly this.")                    \
	X(clientid_mode, ENUM(config_mode), "override", LIVE,                \
	    "The same for the ClientID.")                                    \
	X(password, ENUM(config_password), "strip", LIVE,                    \
	    "The password of a client with a certificate.")                  \
	X(without_certificate, ENUM(config_without), "password", LIVE,       \
	    "A client without a certificate, where those are optional: "     \
	    "password = it must send Username and password, and keeps them.")\
	X(unsafe_characters, ENUM(config_unsafe), "refuse", LIVE,            \
	    "+ # / and controls in a name from a certificate: refuse, or "   \
	    "encode as %XX.")                                                \
	X(assigned_clientid, BOOL, "on", LIVE,                               \
	    "Tell an MQTT 5 client that sent no ClientID what it became.")

#define CONFIG_BACKEND(X)                                                    \
	X(address, ENDPOINTS, "127.0.0.1:1883", LIVE,                        \
	    "The broker: host:port or unix:/path; several, by commas.")      \
	X(balance, ENUM(config_balance), "failover", LIVE,                   \
	    "Which of several: failover takes the first that works; "        \
	    "clientid keeps a ClientID on its broker.")                      \
	X(proxy_protocol, ENUM(config_proxy_protocol), "off", LIVE,          \
	    "Tell the broker the client's address; v2 also the TLS version, "\
	    "cipher and CN of a verified certificate.")

#define CONFIG_MQTT(X)                                                       \
	X(versions, SET(config_mqtt_version), "3.1, 3.1.1, 5", LIVE,         \
	    "MQTT versions let in.")                                         \
	X(max_connect_size, SIZE(128, 16777216), "64k", LIVE,                \
	    "Most bytes of a CONNECT packet.")                               \
	X(bridge_bit, ENUM(config_bridge_bit), "keep", LIVE,                 \
	    "A CONNECT whose protocol level says it is a bridge.")

#define CONFIG_TIMEOUTS(X)                                                   \
	X(tls, MSEC(100, 600000), "10s", LIVE,                               \
	    "Deadline of the TLS handshake.")                                \
	X(ws, MSEC(100, 600000), "10s", LIVE,                                \
	    "Deadline of the WebSocket upgrade.")                            \
	X(mqtt, MSEC(100, 600000), "10s", LIVE,                              \
	    "Deadline of the CONNECT packet.")                               \
	X(backend, MSEC(100, 600000), "5s", LIVE,                            \
	    "Deadline of dialling the broker.")                              \
	X(idle, MSEC_OFF(1000, 2592000000), "0", LIVE,                       \
	    "Close a session that moved no byte for so long; 0 = leave it "  \
	    "to the broker's keep-alive.")

#define CONFIG_LIMITS(X)                                                     \
	X(connections, UINT(0, 100000000), "0", LIVE,                        \
	    "Most connections at once; 0 = what the descriptors allow.")     \
	X(connections_per_address, UINT(0, 100000000), "0", LIVE,            \
	    "Most connections from one address; 0 = no limit.")              \
	X(handshakes, UINT(0, 100000000), "0", LIVE,                         \
	    "Most unfinished handshakes at once; 0 = twice handshake_rate.") \
	X(handshake_rate, UINT(0, 100000000), "0", LIVE,                     \
	    "New handshakes a second; 0 = no limit.")                        \
	X(relay_buffer, SIZE(4096, 16777216), "64k", LIVE,                   \
	    "Most bytes held for a slow peer, in each direction.")

#define CONFIG_DENYLIST(X)                                                   \
	X(file, PATH, "", LIVE,                                              \
	    "CSV file of who is shut out: as,who,reason,until; empty = none.")

/* S(struct and section word, its options, how often it may stand) */
#define CONFIG_SECTIONS(S)                                                   \
	S(daemon, CONFIG_DAEMON, ONE)                                        \
	S(listener, CONFIG_LISTENER, NAMED)                                  \
	S(tls, CONFIG_TLS, PROFILE)                                          \
	S(identity, CONFIG_IDENTITY, PROFILE)                                \
	S(mqtt, CONFIG_MQTT, ONE)                                            \
	S(backend, CONFIG_BACKEND, PROFILE)                                  \
	S(timeouts, CONFIG_TIMEOUTS, ONE)                                    \
	S(limits, CONFIG_LIMITS, ONE)                                        \
	S(denylist, CONFIG_DENYLIST, ONE)

#endif
