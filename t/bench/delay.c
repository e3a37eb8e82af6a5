/* SPDX-License-Identifier: ISC */
/*
 * A line with a delay: runs COMMAND in a network namespace of its own, at
 * 10.77.0.2, from where this namespace is reached as 10.77.0.1. Each packet
 * between the two is held back for half of MS milliseconds, so that a round
 * trip takes MS. It is done with two TUN devices, because many kernels lack
 * netem. Call it in a namespace that nothing else uses; see NOTES.
 *
 *     delay MS COMMAND [ARGUMENT...]
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
/* Packets under way; more are dropped, as on a line. */
#define QUEUE 8192
#define SECOND UINT64_C(1000000000)

struct packet {
	uint64_t due;
	uint32_t len;
	uint8_t data[MTU];
};

/* One direction; the packets leave in the order in which they came. */
struct way {
	int from;
	int to;
	uint32_t head;
	uint32_t count;
	struct packet queue[QUEUE];
};

static struct way ways[2];

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static bool
set_address(int s, struct ifreq *r, unsigned long what, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&r->ifr_addr, &in, sizeof(in));
	return ioctl(s, what, r) == 0;
}

/* A TUN device of this namespace, up; its descriptor, or -1. */
static int
open_device(const char *address)
{
	struct ifreq r = { 0 };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	if (fd == -1 || s == -1)
		return -1;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "delay");
	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	good = ioctl(fd, TUNSETIFF, &r) == 0 &&
	    set_address(s, &r, SIOCSIFADDR, address) &&
	    set_address(s, &r, SIOCSIFNETMASK, "255.255.255.0");
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	good = good && ioctl(s, SIOCSIFFLAGS, &r) == 0;
	close(s);
	return good ? fd : -1;
}

static void
take_packets(struct way *w, uint64_t hold)
{
	static uint8_t none[MTU];
	struct packet *p;
	ssize_t n;

	for (;;) {
		p = &w->queue[(w->head + w->count) % QUEUE];
		n = read(w->from, w->count < QUEUE ? p->data : none, MTU);
		if (n <= 0)
			return;
		if (w->count == QUEUE)
			continue;
		p->len = (uint32_t)n;
		p->due = now_ns() + hold;
		w->count++;
	}
}

/* Hands on what is due. Returns when the next packet is, or `next' if that is
 * sooner. */
static uint64_t
pass_packets(struct way *w, uint64_t next)
{
	const struct packet *p;

	while (w->count > 0) {
		p = &w->queue[w->head];
		if (p->due > now_ns())
			return p->due < next ? p->due : next;
		if (write(w->to, p->data, p->len) == -1)
			perror("delay: a packet is lost");
		w->head = (w->head + 1) % QUEUE;
		w->count--;
	}
	return next;
}

/* Until the command has closed its end of the pipe `over'. */
static void
carry(uint64_t hold, int over)
{
	struct pollfd fds[3] = {
		{ .fd = ways[0].from, .events = POLLIN },
		{ .fd = ways[1].from, .events = POLLIN },
		{ .fd = over },
	};
	struct timespec t;
	uint64_t next, now;

	while (fds[2].revents == 0) {
		next = now_ns() + SECOND;
		next = pass_packets(&ways[0], next);
		next = pass_packets(&ways[1], next);
		now = now_ns();
		next = next > now ? next - now : 0;
		t.tv_sec = (time_t)(next / SECOND);
		t.tv_nsec = (long)(next % SECOND);
		ppoll(fds, 3, &t, NULL);
		take_packets(&ways[0], hold);
		take_packets(&ways[1], hold);
	}
}

int
main(int argc, char **argv)
{
	uint64_t hold = argc < 3 ? 0 : strtoull(argv[1], NULL, 10) * 500000;
	int near, far, over[2];
	int status = 0;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: delay MS COMMAND [ARGUMENT...]\n");
		return 2;
	}
	near = open_device("10.77.0.1");
	if (near == -1 || unshare(CLONE_NEWNET) == -1 ||
	    (far = open_device("10.77.0.2")) == -1 || pipe(over) == -1) {
		perror("delay");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		close(over[0]);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	close(over[1]);
	ways[0].from = ways[1].to = near;
	ways[0].to = ways[1].from = far;
	carry(hold, over[0]);
	if (pid == -1 || waitpid(pid, &status, 0) == -1)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
