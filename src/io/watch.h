/*
 * A non-blocking descriptor and the two events libevent can have for it: the
 * part that stream_fd and TLS streams share. EV_WRITE is armed only after a
 * write was refused, and its event is allocated only then, since most
 * connections never need one. Likewise a read event that is not wanted any
 * more stays armed until it fires in vain: most are wanted again before.
 */
#ifndef IO_WATCH_H
#define IO_WATCH_H

#include <event2/event_struct.h>
#include <stdbool.h>

#include "base/err.h"
#include "io/loop.h"

enum watch_event {
	WATCH_READ,
	WATCH_WRITE
};

typedef void watch_cb(enum watch_event event, void *arg);

struct watch {
	struct event read;
	struct event *write; /* owned; NULL until first armed */
	struct loop *loop; /* borrowed */
	watch_cb *cb;
	void *arg; /* borrowed: the owner */
	int fd; /* owned; -1 once closed */
	bool wanted; /* READ is to be delivered */
};

/* Takes `fd' (already non-blocking). Nothing is armed yet. */
void watch_init(struct watch *w, struct loop *loop, int fd, watch_cb *cb,
    void *arg);

/* Arms or disarms the persistent read event; harmless when so already. */
void watch_read(struct watch *w, bool wanted);

/* Arms the one-shot write event. */
enum err watch_write(struct watch *w) MUST_CHECK;

/* Has READ delivered in this turn even if the socket is silent. */
void watch_kick(struct watch *w);

/* Unhooks all and hands the descriptor, still open, to the caller; -1 when
 * closed already. */
int watch_release(struct watch *w);

/* Unhooks all and closes the descriptor; harmless when done already. */
void watch_fini(struct watch *w);

#endif
