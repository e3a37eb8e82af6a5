/* SPDX-License-Identifier: ISC */
/*
 * The one list of options. Struct fields, defaults, parser, --help-config and
 * the checks of the manual and of etc/sallyport.ini are generated from these
 * rows. An option is added by adding a row here, and to the two papers.
 *
 * X(section, key, TYPE, default as one would write it, reload, help)
 *
 * TYPE is one of the rows of config/types.h; numbers in it are the smallest
 * and the largest value. LIVE: a reload puts a change in force for what begins
 * after it. RESTART: read once at start.
 *
 * Relative paths are relative to the directory of the ini file. The words of
 * an enum are in config/choices.h.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/options_profile.h"
#include "config/types.h"

#define CONFIG_DAEMON(X) \
	X(daemon, workers, UINT_AUTO(1, 1024), "auto", RESTART, \
	    "Worker threads; auto = one for each CPU this process may use.") \
	X(daemon, batch_delay, MSEC_OFF(1, 100), "0", LIVE, \
	    "How long a busy worker waits for more messages before it goes " \
	    "on; spares CPU time, costs as much delay; 0 = never.") \
	X(daemon, user, STR, "sallyport", RESTART, \
	    "User to become after binding, when started as root.") \
	X(daemon, group, STR, "", RESTART, \
	    "Group to become; empty = the user's own.") \
	X(daemon, sandbox, BOOL, "on", RESTART, \
	    "After the start, give up all files, ports and system calls that " \
	    "this file does not ask for.") \
	X(daemon, token_paths, OUTPUTS, "", RESTART, \
	    "Files, folders and devices that PKCS#11 modules read and write; " \
	    "the sandbox allows them. Empty = none.") \
	X(daemon, log, SINK, "stderr", LIVE, \
	    "stderr, syslog, or a file, which SIGHUP reopens.") \
	X(daemon, log_level, ENUM(log_level), "info", LIVE, \
	    "Least level to log.") \
	X(daemon, log_format, ENUM(log_format), "logfmt", LIVE, \
	    "How a log line is written.") \
	X(daemon, admin_socket, OUTPUT, "", RESTART, \
	    "Unix socket for sallyportctl; empty = none.") \
	X(daemon, admin_group, STR, "", RESTART, \
	    "Group whose members may use the admin socket; empty = only " \
	    "root and the daemon's user.") \
	X(daemon, admin_access, ENUM(config_admin_access), "read", LIVE, \
	    "What the members of admin_group may do: read, or full for every " \
	    "command.") \
	X(daemon, http_listen, ADDRS, "", RESTART, \
	    "Addresses for metrics, health and the status page, read-only; " \
	    "empty = none.") \
	X(daemon, http_hosts, LIST, "", LIVE, \
	    "Names in the Host header that http_listen answers to, against " \
	    "DNS rebinding; empty = any.") \
	X(daemon, ports_file, OUTPUT, "", RESTART, \
	    "File to write the bound addresses to, one a line; useful with " \
	    "port 0; empty = none.") \
	X(daemon, watch_interval, MSEC_OFF(100, 3600000), "10s", LIVE, \
	    "How often to look for changed files; 0 = only on SIGHUP.") \
	X(daemon, drain_delay, MSEC(0, 3600000), "0", LIVE, \
	    "How long clients may still come in after SIGTERM, while /readyz " \
	    "sends balancers elsewhere.") \
	X(daemon, drain_timeout, MSEC(0, 86400000), "30s", LIVE, \
	    "How long sessions may live on then.") \
	X(daemon, take_over_drain, MSEC(0, 604800000), "1h", LIVE, \
	    "How long those of the program that --take-over replaces may " \
	    "live on.") \
	X(daemon, take_over_http, ADDRS, "", LIVE, \
	    "Addresses for the metrics of that program, which takes the " \
	    "first that is free; empty = none.")

#define CONFIG_LISTENER(X) \
	X(listener, bind, ADDRS, "", RESTART, \
	    "Addresses to listen on; port 0 = any free one. Required.") \
	X(listener, transport, ENUM(config_transport), "tcp", LIVE, \
	    "MQTT straight over TLS, or in WebSocket over TLS.") \
	X(listener, path, STR, "/mqtt", LIVE, \
	    "Path a WebSocket client must ask for.") \
	X(listener, origins, LIST, "", LIVE, \
	    "Origins a WebSocket client may come from; empty = any.") \
	X(listener, tls, NAME, "", LIVE, \
	    "The [tls NAME] to use; empty = [tls].") \
	X(listener, identity, NAME, "", LIVE, \
	    "The [identity NAME] to use; empty = [identity].") \
	X(listener, backend, NAME, "", LIVE, \
	    "The [backend NAME] to use; empty = [backend].") \
	X(listener, accept_proxy, ENUM(config_accept_proxy), "off", LIVE, \
	    "Must a load balancer send a PROXY v1 or v2 header first?") \
	X(listener, trusted_proxies, NETS, "", LIVE, \
	    "Where such load balancers may connect from.") \
	X(listener, defer_accept, BOOL, "off", RESTART, \
	    "Leave connections to the kernel until the client has sent " \
	    "something?") \
	X(listener, server_reference, STR, "", LIVE, \
	    "Where MQTT 5 clients are sent by a drain: host:port, several " \
	    "with blanks between; empty = nowhere in particular.") \
	X(listener, server_moved, BOOL, "off", LIVE, \
	    "Are they to go there for good?")

#define CONFIG_MQTT(X) \
	X(mqtt, versions, SET(config_mqtt_version), "3.1, 3.1.1, 5", LIVE, \
	    "MQTT versions that are accepted.") \
	X(mqtt, max_connect_size, SIZE(128, 16777216), "64k", LIVE, \
	    "Most bytes of a CONNECT packet.") \
	X(mqtt, bridge_bit, ENUM(config_bridge_bit), "keep", LIVE, \
	    "A CONNECT whose protocol level says it is a bridge.") \
	X(mqtt, will_on_kick, ENUM(config_will), "publish", LIVE, \
	    "The Will of a client that is thrown out: let the broker publish " \
	    "it, or suppress it.")

#define CONFIG_TIMEOUTS(X) \
	X(timeouts, tls, MSEC(100, 600000), "10s", LIVE, \
	    "Deadline of the TLS handshake.") \
	X(timeouts, ws, MSEC(100, 600000), "10s", LIVE, \
	    "Deadline of the WebSocket upgrade.") \
	X(timeouts, mqtt, MSEC(100, 600000), "10s", LIVE, \
	    "Deadline of the CONNECT packet.") \
	X(timeouts, backend, MSEC(100, 600000), "5s", LIVE, \
	    "Deadline of dialling the broker.") \
	X(timeouts, idle, MSEC_OFF(1000, 2592000000), "0", LIVE, \
	    "Close a session that moved no byte for so long; 0 = leave it " \
	    "to the broker's keep-alive.") \
	X(timeouts, unread, MSEC_OFF(1000, 2592000000), "1h", LIVE, \
	    "Close a session whose client or broker is alive, but read " \
	    "nothing of what waits for it for so long; 0 = never.")

#define CONFIG_LIMITS(X) \
	X(limits, connections, UINT(0, 100000000), "0", LIVE, \
	    "Most connections at once; 0 = what the descriptors allow.") \
	X(limits, connections_per_address, UINT(0, 100000000), "0", LIVE, \
	    "Most connections from one address; 0 = no limit.") \
	X(limits, connections_per_prefix, UINT(0, 100000000), "0", LIVE, \
	    "Most connections from one IPv4 /24 or IPv6 /64; 0 = no limit.") \
	X(limits, handshakes, UINT(0, 100000000), "0", LIVE, \
	    "Most unfinished handshakes at once; 0 = half of connections.") \
	X(limits, handshakes_per_prefix, UINT(0, 100000000), "0", LIVE, \
	    "Most unfinished handshakes of one IPv4 /24 or IPv6 /64; 0 = " \
	    "half of handshakes.") \
	X(limits, handshake_memory, SIZE(0, 1099511627776), "0", LIVE, \
	    "Most bytes of all handshakes under way; 0 = an eighth of the " \
	    "memory there is.") \
	X(limits, handshake_rate, UINT(0, 100000000), "0", LIVE, \
	    "New full handshakes a second; 0 = no limit.") \
	X(limits, resumed_rate, UINT(0, 100000000), "0", LIVE, \
	    "Resumed handshakes a second; 0 = no limit.") \
	X(limits, prefix_rate, UINT(0, 100000000), "0", LIVE, \
	    "New connections a second from one IPv4 /24 or IPv6 /64; 0 = no " \
	    "limit.") \
	X(limits, connect_memory, SIZE(0, 1099511627776), "0", LIVE, \
	    "Most bytes of all CONNECTs that wait for a broker; 0 = an " \
	    "eighth " \
	    "of the memory there is.") \
	X(limits, relay_buffer, SIZE(4096, 16777216), "64k", LIVE, \
	    "Most bytes held for a slow peer, in each direction.")

#define CONFIG_DENYLIST(X) \
	X(denylist, file, PATH, "", LIVE, \
	    "CSV file of who is shut out: as,who,reason,until; empty = none.") \
	X(denylist, shared, BOOL, "off", RESTART, \
	    "Does the file belong to the fleet? Then its edits are in force " \
	    "on all replicas, and its rows alone deny no client.")

#define CONFIG_FLEET(X) \
	X(fleet, address, ENDPOINTS_OR_NONE, "", RESTART, \
	    "Where Valkey or Redis is, through which replicas share their " \
	    "deny " \
	    "list: host:port or unix:/path, tried in this order.") \
	X(fleet, tls, BOOL, "off", RESTART, "Is the connection to it TLS?") \
	X(fleet, ca, PATH, "", LIVE, "CAs of its certificate, a PEM file.") \
	X(fleet, certificate, PATH, "", LIVE, \
	    "Our certificate for it, a PEM file; empty = none.") \
	X(fleet, private_key, PATH, "", LIVE, \
	    "The key of that certificate, a PEM file.") \
	X(fleet, server_name, STR, "", RESTART, \
	    "Name in its certificate; empty = the host of the address.") \
	X(fleet, username, STR, "", RESTART, \
	    "User to log in as; empty = its default user.") \
	X(fleet, password, STR, "", LIVE, \
	    "Password to log in with; ${env:NAME} takes it from the " \
	    "environment.") \
	X(fleet, password_file, PATH, "", LIVE, \
	    "File with the password in its first line; empty = none.") \
	X(fleet, prefix, STR, "sallyport", RESTART, \
	    "What the names of its keys and channels begin with; replicas " \
	    "with the same prefix are one fleet.") \
	X(fleet, name, STR, "", RESTART, \
	    "Name of this replica; empty = the host name.") \
	X(fleet, copy, OUTPUT, "", RESTART, \
	    "File for a copy of the fleet's deny list, to start with while " \
	    "the Redis server cannot be reached; empty = none.") \
	X(fleet, when_down, ENUM(config_when_down), "local", LIVE, \
	    "What sessions_per_certificate means while the Redis server " \
	    "cannot be reached: " \
	    "this replica's sessions count, or the clients that it " \
	    "concerns are refused.")

/* Read by sallyport-fetch; the daemon only checks them. */
#define CONFIG_FETCH(X) \
	X(fetch, url, LIST, "", LIVE, \
	    "Where sallyport-fetch gets a CRL, by http or https; several are " \
	    "mirrors, tried in this order.") \
	X(fetch, file, OUTPUT, "", LIVE, \
	    "File to put that CRL into: one that crl of a [tls] names, or " \
	    "one " \
	    "in a directory that it names.") \
	X(fetch, points_folder, OUTPUT, "", LIVE, \
	    "Directory in crl for the lists that the certificates in " \
	    "client_ca name as their distribution points; empty = leave " \
	    "them.") \
	X(fetch, ca, OUTPUT, "", LIVE, \
	    "CAs of https servers, a PEM file; empty = those of the system.") \
	X(fetch, max_size, SIZE(1024, 268435456), "64m", LIVE, \
	    "Most bytes of a download.") \
	X(fetch, timeout, MSEC(100, 3600000), "2m", LIVE, \
	    "Longest time for a download.") \
	X(fetch, interval, MSEC(100, 2592000000), "1h", LIVE, \
	    "How often sallyport-fetch --stay asks, unless the nextUpdate of " \
	    "the list is nearer.")

/* S(struct and section word, its options, how often it may stand) */
#define CONFIG_SECTIONS(S) \
	S(daemon, CONFIG_DAEMON, ONE) \
	S(listener, CONFIG_LISTENER, NAMED) \
	S(tls, CONFIG_TLS, PROFILE) \
	S(identity, CONFIG_IDENTITY, PROFILE) \
	S(mqtt, CONFIG_MQTT, ONE) \
	S(backend, CONFIG_BACKEND, PROFILE) \
	S(timeouts, CONFIG_TIMEOUTS, ONE) \
	S(limits, CONFIG_LIMITS, ONE) \
	S(denylist, CONFIG_DENYLIST, ONE) \
	S(fleet, CONFIG_FLEET, ONE) \
	S(fetch, CONFIG_FETCH, PROFILE)

#endif
