/* SPDX-License-Identifier: ISC */
#include "runtime/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/master.h"

/* Bytes that may wait to be read; the lines of HANDOVER_FDS_MAX sockets. */
#define TEXT_MAX (1024 * 1024)

/* The kernel passes 253 descriptors at once at most. */
#define FDS_AT_ONCE 200

/* How soon notices that the socket did not accept are sent again. */
#define RETRY_MS 50

struct handover {
	struct list node; /* in master->handovers */
	struct loop_garbage garbage;
	struct master *master; /* borrowed */
	struct watch watch; /* owns the socket */
	struct handover_inbox in;
	struct handover_owner owner;
	unsigned owed; /* 1 << notice for those that were not sent yet */
	struct timer retry; /* runs while there are some */
	bool closed;
};

static const char *const notice_words[] = { "deny", "reload", "log" };

#define NOTICE_COUNT (sizeof(notice_words) / sizeof(notice_words[0]))

/*
 * The socket.
 */

void
handover_inbox_init(struct handover_inbox *in)
{
	memset(in, 0, sizeof(*in));
	buf_init(&in->text, TEXT_MAX);
}

void
handover_inbox_fini(struct handover_inbox *in)
{
	for (; in->fd_taken < in->fd_count; in->fd_taken++)
		close(in->fds[in->fd_taken]);
	free(in->fds);
	if (in->text.mem != NULL)
		explicit_bzero(in->text.mem, in->text.size);
	buf_fini(&in->text);
	handover_inbox_init(in);
}

/* Keeps the descriptors of a message; those for which there is no room are
 * closed. */
static enum err
keep_fds(struct handover_inbox *in, const struct cmsghdr *c)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	size_t total = in->fd_count + count;
	int *fds = NULL;
	size_t i;
	int fd;

	if (total <= HANDOVER_FDS_MAX)
		fds = realloc(in->fds, total * sizeof(*fds));
	if (fds != NULL)
		in->fds = fds;
	for (i = 0; i < count; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (fds != NULL)
			in->fds[in->fd_count++] = fd;
		else
			close(fd);
	}
	if (fds != NULL)
		return OK;
	return total > HANDOVER_FDS_MAX ? ERR_LIMIT : ERR_NO_MEMORY;
}

enum err
handover_receive(struct handover_inbox *in, int fd)
{
	union {
		struct cmsghdr head; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int) * (FDS_AT_ONCE + 53))];
	} control;
	struct iovec io = { buf_reserve(&in->text, 16384), 16384 };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	enum err err = OK;
	ssize_t n;

	if (io.iov_base == NULL)
		return ERR_LIMIT;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_BLOCKED
							       : ERR_SYSTEM;
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    err == OK)
			err = keep_fds(in, c);
	buf_commit(&in->text, (size_t)n);
	if (err == OK && (m.msg_flags & MSG_CTRUNC) != 0)
		err = ERR_LIMIT; /* this process may not have more */
	return err == OK && n == 0 ? ERR_CLOSED : err;
}

bool
handover_next_line(struct handover_inbox *in, char line[HANDOVER_LINE_MAX])
{
	const uint8_t *text = buf_data(&in->text);
	size_t len = buf_len(&in->text);
	const uint8_t *end = len == 0 ? NULL : memchr(text, '\n', len);
	size_t copied;

	if (end == NULL)
		return false;
	len = (size_t)(end - text);
	copied = len < HANDOVER_LINE_MAX ? len : HANDOVER_LINE_MAX - 1;
	memcpy(line, text, copied);
	line[copied] = '\0';
	if (copied > 0 && line[copied - 1] == '\r')
		line[copied - 1] = '\0';
	buf_consume(&in->text, len + 1);
	return true;
}

int
handover_take_fd(struct handover_inbox *in)
{
	return in->fd_taken < in->fd_count ? in->fds[in->fd_taken++] : -1;
}

/* Sends `len' bytes with `count' descriptors, at most FDS_AT_ONCE. */
static enum err
send_some(int fd, const char *text, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr head; /* for its alignment */
		char room[CMSG_SPACE(sizeof(int) * FDS_AT_ONCE)];
	} control;
	struct iovec io = { (void *)(uintptr_t)text, len };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (count > 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n >= 0 && (size_t)n < len)
		errno = ENOBUFS;
	return n >= 0 && (size_t)n == len ? OK : ERR_SYSTEM;
}

enum err
handover_send(int fd, const char *text, const int *fds, size_t count)
{
	enum err err = OK;
	size_t n;

	/* An empty line carries the descriptors that do not fit. */
	while (err == OK && count > FDS_AT_ONCE) {
		n = FDS_AT_ONCE;
		err = send_some(fd, "\n", 1, fds, n);
		fds += n;
		count -= n;
	}
	return err == OK ? send_some(fd, text, strlen(text), fds, count) : err;
}

/*
 * While the loop runs.
 */

static void
end(struct handover *h)
{
	h->closed = true;
	timer_stop(&h->retry);
	watch_fini(&h->watch);
	list_remove(&h->node);
	handover_inbox_fini(&h->in);
	loop_free_later(h->master->loop, &h->garbage, h, free);
}

static void
take_line(struct handover *h, const char *line)
{
	size_t i;

	for (i = 0; i < NOTICE_COUNT; i++) {
		if (strcmp(line, notice_words[i]) == 0) {
			master_receive_notice(h->master,
			    (enum handover_notice)i, h);
			return;
		}
	}
	if (line[0] != '\0')
		h->owner.line(h, line, h->owner.arg); /* h may be gone */
}

static void
take_lines(struct handover *h)
{
	char line[HANDOVER_LINE_MAX];

	while (!h->closed && handover_next_line(&h->in, line))
		take_line(h, line);
}

static void
readable(enum watch_event event, void *arg)
{
	struct handover *h = arg;
	enum err err;

	(void)event;
	err = handover_receive(&h->in, h->watch.fd);
	take_lines(h);
	if (err == OK || err == ERR_BLOCKED || h->closed)
		return;
	h->owner.ended(h, h->owner.arg);
	handover_free(h);
}

static void
send_owed(void *arg)
{
	struct handover *h = arg;
	char line[32];
	size_t i;

	for (i = 0; i < NOTICE_COUNT; i++) {
		if ((h->owed & 1U << i) == 0)
			continue;
		snprintf(line, sizeof(line), "%s\n", notice_words[i]);
		if (handover_send(h->watch.fd, line, NULL, 0) != OK) {
			timer_start(&h->retry, RETRY_MS);
			return;
		}
		h->owed &= ~(1U << i);
	}
}

struct handover *
handover_new(struct master *m, int fd, struct handover_inbox *in,
    const struct handover_owner *owner)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->master = m;
	h->owner = *owner;
	h->in = *in;
	handover_inbox_init(in);
	timer_init(&h->retry, m->loop, send_owed, h);
	watch_init(&h->watch, m->loop, fd, readable, h);
	watch_read(&h->watch, true);
	loop_defer(m->loop, &h->watch.read_again); /* of what came before */
	list_init(&h->node);
	list_append(&m->handovers, &h->node);
	return h;
}

enum err
handover_send_line(struct handover *h, const char *text, const int *fds,
    size_t count)
{
	return handover_send(h->watch.fd, text, fds, count);
}

int
handover_fd(struct handover *h)
{
	return handover_take_fd(&h->in);
}

int
handover_pid(const struct handover *h)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(h->watch.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return 0;
	return peer.pid;
}

bool
handover_is_over(const struct handover *h)
{
	char byte;

	return recv(h->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void
handover_free(struct handover *h)
{
	if (h != NULL && !h->closed)
		end(h);
}

void
handover_free_all(struct master *m)
{
	struct list *node;
	struct list *next;

	list_each(node, next, &m->handovers)
		handover_free(list_entry(node, struct handover, node));
}

void
handover_notify(struct master *m, enum handover_notice notice,
    const struct handover *source)
{
	struct handover *h;
	struct list *node;
	struct list *next;

	list_each(node, next, &m->handovers) {
		h = list_entry(node, struct handover, node);
		if (h == source)
			continue;
		h->owed |= 1U << notice;
		send_owed(h);
	}
}
