/* SPDX-License-Identifier: ISC */
/*
 * A plain TCP relay, and nothing else: what moving the bytes costs without
 * TLS or any thought, the floor under every proxy. One thread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair;

struct side {
	struct pair *pair;
	struct side *other;
	int fd;
	uint8_t *kept; /* owned; bytes the other side has not taken */
	size_t head;
	size_t len;
};

struct pair {
	struct side side[2];
	struct pair *next; /* in the list of those that have ended */
	bool over;
};

struct floor {
	int epoll;
	int listener;
	struct sockaddr_in to;
	struct pair *ended;
	uint8_t chunk[65536];
};

static void
watch(struct floor *f, struct side *s, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = s };

	epoll_ctl(f->epoll, op, s->fd, &event);
}

static void
end_pair(struct floor *f, struct pair *p)
{
	if (p->over)
		return;
	p->over = true;
	close(p->side[0].fd);
	close(p->side[1].fd);
	free(p->side[0].kept);
	free(p->side[1].kept);
	p->next = f->ended;
	f->ended = p;
}

/* Keeps what the other side leaves, and reads no more until it is gone. */
static bool
keep(struct floor *f, struct side *s, const uint8_t *data, size_t len)
{
	s->kept = malloc(len);
	if (s->kept == NULL)
		return false;
	memcpy(s->kept, data, len);
	s->head = 0;
	s->len = len;
	watch(f, s, EPOLL_CTL_MOD, 0);
	watch(f, s->other, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	return true;
}

static bool
drain(struct floor *f, struct side *s)
{
	ssize_t n = send(s->other->fd, s->kept + s->head, s->len, MSG_NOSIGNAL);

	if (n == -1)
		return errno == EAGAIN;
	s->head += (size_t)n;
	s->len -= (size_t)n;
	if (s->len > 0)
		return true;
	free(s->kept);
	s->kept = NULL;
	watch(f, s, EPOLL_CTL_MOD, EPOLLIN);
	watch(f, s->other, EPOLL_CTL_MOD, EPOLLIN);
	return true;
}

static bool
pump(struct floor *f, struct side *s)
{
	ssize_t n = recv(s->fd, f->chunk, sizeof(f->chunk), 0);
	ssize_t sent;

	if (n == -1)
		return errno == EAGAIN;
	if (n == 0)
		return false;
	sent = send(s->other->fd, f->chunk, (size_t)n, MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN)
		return false;
	if (sent == -1)
		sent = 0;
	return sent == n || keep(f, s, f->chunk + sent, (size_t)(n - sent));
}

static int
stream_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
accept_pair(struct floor *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct pair *p = fd == -1 ? NULL : calloc(1, sizeof(*p));
	int i;

	if (p == NULL)
		return;
	p->side[0].fd = fd;
	p->side[1].fd = stream_socket();
	for (i = 0; i < 2; i++) {
		p->side[i].pair = p;
		p->side[i].other = &p->side[1 - i];
	}
	connect(p->side[1].fd, (struct sockaddr *)&f->to, sizeof(f->to));
	watch(f, &p->side[0], EPOLL_CTL_ADD, EPOLLIN);
	watch(f, &p->side[1], EPOLL_CTL_ADD, EPOLLIN);
}

static void
serve(struct floor *f, struct side *s, uint32_t what)
{
	bool good = true;

	if (s->pair->over)
		return;
	if ((what & EPOLLOUT) != 0 && s->other->kept != NULL)
		good = drain(f, s->other);
	if (good && (what & ~(uint32_t)EPOLLOUT) != 0 && s->kept == NULL)
		good = pump(f, s);
	if (!good)
		end_pair(f, s->pair);
}

static void
bury(struct floor *f)
{
	struct pair *p;

	while ((p = f->ended) != NULL) {
		f->ended = p->next;
		free(p);
	}
}

static void
set_up(struct floor *f, uint16_t from, uint16_t to)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct rlimit r;
	int one = 1;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->to = at;
	f->to.sin_port = htons(to);
	at.sin_port = htons(from);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->listener = stream_socket();
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(f->listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(f->listener, 4096) == -1) {
		perror("floor");
		exit(1);
	}
	epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &event);
}

int
main(int argc, char **argv)
{
	static struct floor f;
	struct epoll_event events[256];
	int n, i;

	if (argc != 3) {
		fprintf(stderr, "usage: floor PORT TO-PORT\n");
		return 2;
	}
	set_up(&f, (uint16_t)atoi(argv[1]), (uint16_t)atoi(argv[2]));
	for (;;) {
		n = epoll_wait(f.epoll, events, 256, -1);
		for (i = 0; i < n; i++)
			if (events[i].data.ptr == NULL)
				accept_pair(&f);
			else
				serve(&f, events[i].data.ptr, events[i].events);
		bury(&f);
	}
}
