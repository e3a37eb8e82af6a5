/*
 * A non-blocking descriptor, the two events libevent can have for it, and the
 * two calls for its bytes: the part that stream_fd and TLS streams share.
 * EV_WRITE is armed only after a write was refused, and its event is allocated
 * only then, since most connections never need one. Likewise a read event that
 * is not wanted any more stays armed until it fires in vain: most are wanted
 * again before. It buffers nothing.
 */
#ifndef IO_WATCH_H
#define IO_WATCH_H

#include <event2/event_struct.h>
#include <stdbool.h>

#include "io/loop.h"
#include "io/stream.h"

enum watch_event {
	WATCH_READ,
	WATCH_WRITE
};

typedef void watch_cb(enum watch_event event, void *arg);

struct watch {
	struct event read;
	struct event *write; /* owned; NULL until first armed */
	struct loop *loop; /* borrowed */
	/* loop_defer() it to have READ delivered in the next turn, even if the
	 * socket is silent. */
	struct loop_deferred read_again;
	watch_cb *cb;
	void *arg; /* borrowed: the owner */
	int fd; /* owned; -1 once closed */
	bool wanted; /* READ is to be delivered */
	bool unarmed; /* it is, and there was no memory to have it watched */
};

/* Takes `fd' (already non-blocking). Nothing is armed yet. */
void watch_init(struct watch *w, struct loop *loop, int fd, watch_cb *cb,
    void *arg);

/* Has READ delivered while there is something to read, or not any more;
 * harmless when so already, and cheap. */
void watch_read(struct watch *w, bool wanted);

/* Has WRITE delivered, once. ERR_NO_MEMORY, ERR_SYSTEM. */
enum err watch_write(struct watch *w) MUST_CHECK;

/* Receives at most `len' bytes from the socket: a count, STREAM_EOF, _AGAIN, or
 * _ERROR and `*error' says why. */
ssize_t watch_recv(struct watch *w, uint8_t *data, size_t len, enum err *error);

/* Sends to the socket: how many of the `len' bytes it took, 0 when none now, or
 * STREAM_ERROR and `*error' says why. */
ssize_t watch_send(struct watch *w, const uint8_t *data, size_t len,
    enum err *error);

/* Unhooks all and hands the descriptor, still open, to the caller; -1 when
 * closed already. */
int watch_release(struct watch *w);

/* Unhooks all and closes the descriptor; harmless when done already. */
void watch_fini(struct watch *w);

#endif
