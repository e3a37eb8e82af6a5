#include "base/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Errors are not looked at: see the header. */
static void
set(int fd, int level, int name, unsigned value)
{
	int v = (int)value;

	if (value != 0)
		(void)setsockopt(fd, level, name, &v, sizeof(v));
}

void
socket_tune(int fd, const struct socket_options *o)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepalive_idle_s);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepalive_interval_s);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive_count);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout_ms);
}
