/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets. The main thread binds them while it still has the
 * privileges, then the loop of one worker serves each. A listener knows no
 * limits: connections above a limit are refused or ended after the accept.
 *
 * Every worker has a socket of its own on the same address (SO_REUSEPORT), so
 * that the kernel spreads the connections and no worker wakes up for those of
 * another.
 */
#ifndef ACCEPT_LISTENER_H
#define ACCEPT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/counter.h"
#include "base/err.h"
#include "base/socket.h"
#include "io/loop.h"

/* Counts of connections that were not accepted at once. */
struct listener_counts {
	counter exhausted; /* pauses for lack of descriptors or memory */
	counter shed; /* connections closed at once in a lasting shortage */
};

struct listener_options {
	int backlog; /* connections the kernel may queue; 0 = 4096 */
	unsigned defer_s; /* accept only connections that have sent something,
			   * or are so old in seconds; 0: all */
	bool shared; /* other processes hold the socket, or may get it */
	bool held; /* accepts nothing before listener_begin() */
	struct socket_options socket; /* for accepted connections */
	struct listener_counts *counts; /* borrowed, for listener_new(); several
					 * of one thread may share them */
};

/*
 * Binds `count' sockets to `at' (IPv4 or IPv6; IPv6 only takes IPv6) and
 * listens on each. Port 0: the kernel chooses one, the same for all. The
 * caller owns the descriptors. ERR_SYSTEM with errno, and then none is left
 * open; EADDRINUSE also when another process listens there with SO_REUSEPORT,
 * or binds the address at the same time, since the two would silently share the
 * clients.
 */
enum err listener_bind(int *fds, size_t count,
    const struct sockaddr_storage *at,
    const struct listener_options *options) MUST_CHECK;

/*
 * Returns OK if this machine has the address `at', or ERR_SYSTEM with errno.
 * The port of `at' is not used, because another program may listen there: the
 * kernel chooses a free port, which is bound and closed again.
 */
enum err listener_check(const struct sockaddr_storage *at) MUST_CHECK;

/*
 * The same as listener_bind(), from a socket that another process has bound
 * (systemd's LISTEN_FDS). Takes `fd'; the others are duplicates of it.
 * ERR_SYSTEM with errno if it is not a listening TCP socket; fd stays open
 * then.
 */
enum err listener_adopt(int *fds, size_t count, int fd) MUST_CHECK;

/* The address that `fd' is bound to, with the port that the kernel chose. */
enum err listener_bound(int fd, struct sockaddr_storage *at) MUST_CHECK;

struct listener;

/*
 * A connection was accepted. The callee owns `fd': non-blocking, close-on-exec
 * and tuned. `peer' is valid during the call; IPv4-mapped addresses are IPv4.
 * The callee may close the listener.
 */
typedef void listener_cb(struct listener *l, int fd,
    const struct sockaddr_storage *peer, void *arg);

/* Takes `fd' from listener_bind() and accepts from the next turn on.
 * ERR_NO_MEMORY: fd stays the caller's. */
enum err listener_new(struct listener **out, struct loop *loop, int fd,
    const struct listener_options *options, listener_cb *cb,
    void *arg) MUST_CHECK;

/* Accepts from the next turn on; for a listener that was held. Cannot fail. */
void listener_begin(struct listener *l);

/* The socket's descriptor, to be duplicated for another process; the
 * listener's. -1 once it is closed. */
int listener_descriptor(const struct listener *l);

/* Closes the socket; connections in the kernel's queue are reset unless another
 * process has the socket, too. No callback comes after it. The memory is freed
 * at the end of the turn; that of a shared socket two turns later, or with the
 * loop. NULL is allowed. */
void listener_close(struct listener *l);

#endif
