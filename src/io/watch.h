/* SPDX-License-Identifier: ISC */
/*
 * A non-blocking descriptor with its two libevent events, and the two calls
 * that move its bytes: the part that stream_fd and TLS streams share. The write
 * event is armed only after a write was refused, and allocated only then, since
 * most connections never need it. A read event that is no longer wanted stays
 * armed until it fires once more: most are wanted again before that. Nothing is
 * buffered.
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
	union {
		/* loop_defer() it to have READ delivered in the next turn, even
		 * if the socket is silent. */
		struct loop_deferred read_again;
		/* After watch_release() or watch_fini(): for the owner, to free
		 * itself with loop_free_later(). */
		struct loop_garbage garbage;
	};
	watch_cb *cb;
	void *arg; /* borrowed: the owner */
	int fd; /* owned; -1 once closed */
	bool wanted; /* READ is wanted */
	bool unarmed; /* wanted, but the event could not be added for lack
			 of memory */
};

/* Takes `fd', which is non-blocking. Nothing is armed yet. */
void watch_init(struct watch *w, struct loop *loop, int fd, watch_cb *cb,
    void *arg);

/* Starts or stops delivering READ while there is something to read. Cheap, and
 * harmless when nothing changes. */
void watch_read(struct watch *w, bool wanted);

/* Delivers WRITE once, when the socket takes bytes again. ERR_NO_MEMORY,
 * ERR_SYSTEM. */
enum err watch_write(struct watch *w) MUST_CHECK;

/* Receives at most `len' bytes from the socket. Returns a count, STREAM_EOF,
 * _AGAIN, or _ERROR with the reason in `*error'. */
ssize_t watch_recv(struct watch *w, uint8_t *data, size_t len, enum err *error);

/* Sends to the socket. Returns how many of the `len' bytes it took, 0 if none
 * now, or STREAM_ERROR with the reason in `*error'. */
ssize_t watch_send(struct watch *w, const uint8_t *data, size_t len,
    enum err *error);

/*
 * Makes the kernel acknowledge the next bytes at once, by one
 * setsockopt(TCP_QUICKACK). To be called after a send: after a send, Linux
 * expects that further answers will carry the acknowledgements, and delays
 * these for 40 ms if no answer comes. A peer with Nagle's algorithm on sends
 * its next message only then. Holds until the next send.
 */
void watch_ack_now(const struct watch *w);

/* Removes all events and gives the descriptor, still open, to the caller; -1 if
 * it is closed already. */
int watch_release(struct watch *w);

/* Removes all events and closes the descriptor; harmless when done already. */
void watch_fini(struct watch *w);

#endif
