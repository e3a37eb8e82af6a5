/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: listeners and brokers' connections share it, and they are
 * in different folders.
 */
#include "base/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Sets an option unless it is 0. Errors are ignored: see the header. */
static void
set(int fd, int level, int name, unsigned value)
{
	int v = (int)value;

	if (value != 0)
		(void)setsockopt(fd, level, name, &v, sizeof(v));
}

/* Adds up to a half, the same for equal `by'. */
static unsigned
spread(unsigned least, unsigned by)
{
	return least + by % (least / 2 + 1);
}

void
socket_tune(int fd, const struct socket_options *o)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE,
	    spread(o->keepalive_idle_s, (unsigned)fd));
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL,
	    spread(o->keepalive_interval_s, (unsigned)fd / 32));
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive_count);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout_ms);
}
