/* SPDX-License-Identifier: ISC */
/*
 * The connection between a running program and the one that takes over its work
 * (`sallyport --take-over'). It begins as a request at the admin socket.
 *
 *	new	POST /take-over
 *	old	101; its listening sockets, as descriptors (SCM_RIGHTS); lines
 *		that say which they are; ticket keys; "end"
 *	new	binds what else it needs, drops its rights, loads all files
 *		again, and accepts connections from the sockets of the old one
 *	new	"serve MS", with a socket on which the old one may be steered
 *	old	closes the sockets, tells the supervisor who the main process
 *		is now, and lets its sessions leave within MS milliseconds
 *	old	"draining"
 *	both	"deny", "reload", "log": the deny list's file, the configuration
 *		or the log's file has changed; the other has to look, too
 *
 * Both programs hold the same sockets, with the same queues of connections that
 * wait. So none is lost or refused at any moment, whatever happens to either
 * program: until "serve" arrives, the old one accepts as if nothing had
 * happened, and the new one accepts before it sends "serve". With sockets of
 * its own beside them (SO_REUSEPORT), the connections in the queue of a socket
 * that is closed would be reset, unless the kernel's tcp_migrate_req is on.
 *
 * All lines are text, and unknown ones are ignored, so that programs of
 * different versions understand each other.
 */
#ifndef RUNTIME_HANDOVER_H
#define RUNTIME_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/list.h"
#include "io/timer.h"
#include "io/watch.h"

struct master;

/* Descriptors that can be passed at most: workers times addresses. */
#define HANDOVER_FDS_MAX 4096

/* Room for a line, with its NUL. */
#define HANDOVER_LINE_MAX 512

/* What has been received and was not used yet. */
struct handover_inbox {
	struct buf text;
	int *fds; /* owned, each owned */
	size_t fd_count;
	size_t fd_taken; /* those at the beginning belong to others */
};

void handover_inbox_init(struct handover_inbox *in);

/* Closes what was not taken, and wipes the text. */
void handover_inbox_fini(struct handover_inbox *in);

/* Receives once from the socket `fd'. ERR_BLOCKED: nothing is there;
 * ERR_CLOSED, ERR_LIMIT, ERR_NO_MEMORY, ERR_SYSTEM. */
enum err handover_receive(struct handover_inbox *in, int fd) MUST_CHECK;

/* Copies the next complete line, without its end, to `line'; false if there is
 * none. What is too long is cut. */
bool handover_next_line(struct handover_inbox *in,
    char line[HANDOVER_LINE_MAX]);

/* The next descriptor, in the order they were sent; the caller's. -1: none. */
int handover_take_fd(struct handover_inbox *in);

/* Sends `text' to the socket `fd', after `count' descriptors. ERR_SYSTEM with
 * errno, also when the socket does not take all at once. */
enum err handover_send(int fd, const char *text, const int *fds,
    size_t count) MUST_CHECK;

/* A notice for the other program. */
enum handover_notice {
	HANDOVER_NOTICE_DENY, /* read the deny list's file */
	HANDOVER_NOTICE_RELOAD, /* read all files */
	HANDOVER_NOTICE_LOG /* open the log again */
};

/* One end of the connection, while the loop runs. */
struct handover;

struct handover_owner {
	/* A line that is not a notice. The callee may take descriptors. */
	void (*line)(struct handover *h, const char *line, void *arg);
	/* The other program has ended or violated the protocol; `h' is gone
	 * after the call. */
	void (*ended)(struct handover *h, void *arg);
	void *arg;
};

/* Watches `fd' on the master's loop, and takes it and what `in' contains.
 * NULL: out of memory; both stay the caller's. */
struct handover *handover_new(struct master *m, int fd,
    struct handover_inbox *in, const struct handover_owner *owner);

/* Sends a line, as handover_send(). */
enum err handover_send_line(struct handover *h, const char *text,
    const int *fds, size_t count) MUST_CHECK;

/* For handover_owner.line: the next descriptor that came. */
int handover_fd(struct handover *h);

/* The other program's process id, from the kernel; 0: unknown. */
int handover_pid(const struct handover *h);

/* True if the other program has ended, and `ended' was not called yet. */
bool handover_is_over(const struct handover *h);

/* Ends the connection. `ended' is not called. NULL is allowed. */
void handover_free(struct handover *h);

/* Ends all connections of `m'. */
void handover_free_all(struct master *m);

/* Sends `notice' to all programs that `m' is connected to, except `source'
 * (NULL: none): once to each, as soon as its socket accepts it. */
void handover_notify(struct master *m, enum handover_notice notice,
    const struct handover *source);

#endif
