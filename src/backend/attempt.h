/*
 * One try to connect to one socket address, within a time. Lives inside its
 * owner.
 */
#ifndef BACKEND_ATTEMPT_H
#define BACKEND_ATTEMPT_H

#include "base/address.h"
#include "base/socket.h"
#include "io/timer.h"
#include "io/watch.h"

/* Addresses to dial from; shared by all tries of a pool. */
struct backend_sources {
	struct sockaddr_storage *list; /* owned; ports are 0 */
	size_t count;
	size_t turn; /* the next one to use */
};

/*
 * How it ended. OK: the callee owns `fd', connected, non-blocking and tuned.
 * ERR_TIMEOUT, ERR_REFUSED: the other side's fault. ERR_LIMIT: ours (out of
 * descriptors, ports or memory) or its queue is full: trying again later
 * helps. `why' is text for people; it dies with the call. The attempt is over
 * and may be started again from inside.
 */
typedef void backend_attempt_done(void *arg, enum err err, int fd,
    const char *why);

struct backend_attempt {
	struct loop *loop; /* borrowed */
	struct watch watch; /* owns the socket while connecting */
	struct timer timer; /* the deadline */
	struct loop_deferred failed_at_once; /* tells of `error' */
	struct sockaddr_storage to;
	struct sockaddr_storage own; /* the near end, once it is connected */
	const struct socket_options *socket; /* borrowed */
	struct backend_sources *sources; /* borrowed; NULL = none */
	backend_attempt_done *done;
	void *arg; /* borrowed: the owner */
	int error; /* errno of a start that failed at once */
};

/* Makes `a' ready and idle. `socket' and `sources' must outlive it. */
void backend_attempt_init(struct backend_attempt *a, struct loop *loop,
    const struct socket_options *socket, struct backend_sources *sources,
    backend_attempt_done *done, void *arg);

/* Starts connecting to `to'; done is called once, never from inside. */
void backend_attempt_start(struct backend_attempt *a,
    const struct sockaddr_storage *to, uint64_t timeout_ms);

/* Gives up without a done; harmless when idle. */
void backend_attempt_cancel(struct backend_attempt *a);

#endif
