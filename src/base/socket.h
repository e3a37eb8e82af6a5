/*
 * The options that every TCP socket of the proxy gets, on the side of the
 * clients and on that of the brokers alike.
 */
#ifndef BASE_SOCKET_H
#define BASE_SOCKET_H

/*
 * How soon a silent peer counts as dead. 0 leaves the kernel's default.
 *
 * The first two are the least: a socket takes up to half as much more, by its
 * descriptor. The kernel's timers are coarse, two to five seconds at such
 * lengths, so that the probes of all who came in one storm would leave in one
 * moment, thousands of them, into queues of a thousand packets; and those that
 * were lost there would be so again at every repeat.
 */
struct socket_options {
	unsigned keepalive_idle_s; /* silence before the first probe */
	unsigned keepalive_interval_s; /* between probes */
	unsigned keepalive_count; /* unanswered probes that end it */
	unsigned user_timeout_ms; /* sent bytes without an acknowledgement */
};

/*
 * Sets TCP_NODELAY, keep-alive probes and TCP_USER_TIMEOUT. Quietly does
 * nothing where an option does not apply (unix sockets): a connection without
 * them is still good.
 */
void socket_tune(int fd, const struct socket_options *o);

#endif
