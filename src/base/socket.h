/* SPDX-License-Identifier: ISC */
/*
 * The options of every TCP socket of the proxy, towards clients and brokers.
 */
#ifndef BASE_SOCKET_H
#define BASE_SOCKET_H

#include <stdint.h>

/*
 * How soon a silent peer counts as dead. 0 leaves the kernel's default.
 *
 * The first two are minimums: each socket adds up to 50 %, derived from its
 * descriptor. The kernel's timers are coarse, two to five seconds at such
 * lengths. Without the addition, clients that connected together would all
 * send their keepalive probes at the same instant and overflow packet queues
 * of a thousand, at every repeat again.
 */
struct socket_options {
	unsigned keepalive_idle_s; /* silence before the first probe */
	unsigned keepalive_interval_s; /* between probes */
	unsigned
	    keepalive_count; /* unanswered probes that end the connection */
	unsigned user_timeout_ms; /* sent bytes without an acknowledgement */
};

/*
 * Sets TCP_NODELAY, keepalive probes and TCP_USER_TIMEOUT. An option that does
 * not apply (unix sockets) is skipped: a connection without it works, too.
 */
void socket_tune(int fd, const struct socket_options *o);

/* The same for a connection to this machine, without the probes: the peer's
 * kernel is ours, and does not fall silent. */
void socket_tune_local(int fd, const struct socket_options *o);

/* Sets the two minimums again, with the addition that belongs to `by'. For a
 * listening socket, which hands its options to what it accepts. */
void socket_spread(int fd, const struct socket_options *o, unsigned by);

enum socket_health {
	SOCKET_QUIET, /* nothing is on its way to the peer */
	SOCKET_BUSY, /* bytes are, and the peer's kernel answers */
	SOCKET_UNREAD, /* the same, but it took nothing for `unread_ms' */
	SOCKET_DEAD /* bytes are, and no answer came for `silent_ms' */
};

/*
 * Says whether the peer of a TCP connection still answers, in place of
 * TCP_USER_TIMEOUT: that also ends a connection to a peer that is alive but
 * does not read for so long, because its kernel answers probes of its closed
 * window all the while. That is SOCKET_UNREAD, and never if `unread_ms' is 0.
 * For other sockets always SOCKET_QUIET.
 */
enum socket_health socket_check(int fd, uint64_t silent_ms, uint64_t unread_ms);

#endif
