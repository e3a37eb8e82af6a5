/* SPDX-License-Identifier: ISC */
/*
 * A file of its own: listeners and brokers' connections share it, and they are
 * in different folders.
 */
#include "base/socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Probes of a closed window that a living peer would have answered. */
#define PROBES_UNANSWERED 3

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
socket_spread(int fd, const struct socket_options *o, unsigned by)
{
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, spread(o->keepalive_idle_s, by));
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL,
	    spread(o->keepalive_interval_s, by / 32));
}

void
socket_tune_local(int fd, const struct socket_options *o)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout_ms);
}

void
socket_tune(int fd, const struct socket_options *o)
{
	socket_tune_local(fd, o);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	socket_spread(fd, o, (unsigned)fd);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive_count);
}

enum socket_health
socket_check(int fd, uint64_t silent_ms, uint64_t unread_ms)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1 ||
	    (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0 &&
		info.tcpi_probes == 0))
		return SOCKET_QUIET;
	if (info.tcpi_last_ack_recv >= silent_ms &&
	    (info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES_UNANSWERED))
		return SOCKET_DEAD;
	/* With all acknowledged, only a closed window keeps the rest here.
	 * Probes of the window are not counted as data. */
	return unread_ms > 0 && info.tcpi_unacked == 0 &&
		info.tcpi_last_data_sent >= unread_ms
	    ? SOCKET_UNREAD
	    : SOCKET_BUSY;
}
