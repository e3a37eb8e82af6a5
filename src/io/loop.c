/* SPDX-License-Identifier: ISC */
/*
 * The event loop. A turn is: run what was deferred, wait for events and run
 * libevent's callbacks once, then free what was closed. The mailbox is an
 * eventfd and a list under a lock; it is the only thing here that other
 * threads touch.
 */
#include "io/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ratelimit.h"
#include "base/thread.h"
#include "io/stream.h"

/* loop_reserve_fd() allocates for this many descriptors at a time. */
#define FDS_BLOCK 1024

struct loop {
	struct event_base *base; /* owned */
	struct event *mail; /* owned */
	uint64_t now; /* monotonic ms of this turn; 0 = not asked yet */
	int mail_fd; /* owned */
	int fds_reserved; /* libevent has records of all below */
	bool stopping;
	uint32_t batch_ms; /* 0 = no batching */
	struct ratelimit turns; /* those exempt from batching */
	uint64_t small_since; /* monotonic ms: when `small_reads' was 0 */
	uint32_t small_reads; /* small reads since then */
	bool resting; /* the last READS_COUNTED came too fast */
	struct list deferred;
	struct list at_end;
	struct loop_garbage *garbage; /* owned; oldest first */
	struct loop_garbage **garbage_end;
	pthread_mutex_t lock; /* guards messages */
	struct list messages;
	uint8_t *scratch[LOOP_SCRATCH_COUNT]; /* owned */
};

/* Moves all nodes of `from' into `to', whose old content is ignored. */
static void
take_all(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

/* Runs the work that `list' holds now, each once. */
static void
run_all(struct list *list)
{
	struct loop_deferred *d;
	struct list taken;

	take_all(&taken, list);
	while (!list_empty(&taken)) {
		d = list_entry(taken.next, struct loop_deferred, node);
		list_remove(&d->node);
		d->run(d); /* d may be gone */
	}
}

/* Runs all that was posted up to now. */
static void
read_mail(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list taken;
	struct loop_message *m;
	eventfd_t count;

	(void)what;
	eventfd_read(fd, &count);
	pthread_mutex_lock(&loop->lock);
	take_all(&taken, &loop->messages);
	pthread_mutex_unlock(&loop->lock);
	while (!list_empty(&taken)) {
		m = list_entry(taken.next, struct loop_message, node);
		list_remove(&m->node);
		m->run(m);
	}
}

/* Frees what was given to loop_free_later(), also while freeing. */
static void
free_garbage(struct loop *loop)
{
	struct loop_garbage *g;

	while (loop->garbage != NULL) {
		g = loop->garbage;
		loop->garbage = g->next;
		if (loop->garbage == NULL)
			loop->garbage_end = &loop->garbage;
		g->release(g->memory); /* g is gone */
	}
}

static size_t
scratch_len(enum loop_scratch which)
{
	bool cipher =
	    which == LOOP_SCRATCH_CIPHER_IN || which == LOOP_SCRATCH_CIPHER_OUT;

	return STREAM_HEADROOM +
	    (cipher ? LOOP_SCRATCH_CIPHER_LEN : LOOP_SCRATCH_LEN);
}

static struct event_base *
base_new(void)
{
	struct event_config *cfg;
	struct event_base *base;

	cfg = event_config_new();
	if (cfg == NULL)
		return NULL;
	/* One thread owns a loop: libevent's own locks are not needed. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

static enum err
loop_fill(struct loop *loop)
{
	int i;

	loop->base = base_new();
	loop->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->base == NULL || loop->mail_fd == -1)
		return ERR_SYSTEM;
	loop->mail = event_new(loop->base, loop->mail_fd, EV_READ | EV_PERSIST,
	    read_mail, loop);
	if (loop->mail == NULL || event_add(loop->mail, NULL) == -1)
		return ERR_NO_MEMORY;
	for (i = 0; i < LOOP_SCRATCH_COUNT; i++) {
		loop->scratch[i] = malloc(scratch_len((enum loop_scratch)i));
		if (loop->scratch[i] == NULL)
			return ERR_NO_MEMORY;
	}
	return OK;
}

struct loop *
loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->mail_fd = -1;
	list_init(&loop->deferred);
	list_init(&loop->at_end);
	loop->garbage_end = &loop->garbage;
	list_init(&loop->messages);
	pthread_mutex_init(&loop->lock, NULL);
	if (loop_fill(loop) != OK) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	int i;

	if (loop == NULL)
		return;
	if (loop->mail != NULL) {
		read_mail(loop->mail_fd, EV_READ, loop);
		event_free(loop->mail);
	}
	run_all(&loop->at_end);
	free_garbage(loop);
	if (loop->mail_fd != -1)
		close(loop->mail_fd);
	if (loop->base != NULL)
		event_base_free(loop->base);
	for (i = 0; i < LOOP_SCRATCH_COUNT; i++)
		free(loop->scratch[i]);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

/*
 * Many clients that send small messages as fast as they can wake an idle worker
 * for each message. Then the wake-up costs more than the message, for both
 * sides. So while there are more than READS_COUNTED small reads in READS_MS,
 * 20,000 a second, the worker rests for a moment before it looks for events
 * again, and finds several. Large reads do not count: a bulk transfer would
 * only become slower.
 */
#define READS_COUNTED 200
#define READS_MS 10
/* The kernel adds up to 50 us, its usual slack for timers. */
#define REST_US 50

void
loop_count_small_read(struct loop *loop)
{
	loop->small_reads++;
}

static void
rest(struct loop *loop)
{
	uint64_t now, took;

	if (!loop->resting && loop->small_reads < READS_COUNTED)
		return;
	now = clock_mono_ms();
	took = now - loop->small_since;
	if (loop->small_reads >= READS_COUNTED) {
		loop->resting = took < READS_MS;
		loop->small_since = now;
		loop->small_reads = 0;
	} else if (took > READS_MS) {
		loop->resting = false;
	}
	if (loop->resting)
		usleep(REST_US);
}

/* Sleeps if events come too fast, see loop_set_batching() and rest(). */
static void
batch(struct loop *loop)
{
	if (!list_empty(&loop->deferred))
		return;
	if (loop->batch_ms == 0)
		rest(loop);
	else if (ratelimit_try(&loop->turns, clock_mono_ms()) > 0)
		usleep(loop->batch_ms * 1000);
}

void
loop_run(struct loop *loop)
{
	int flags;

	loop->stopping = false;
	while (!loop->stopping) {
		loop->now = 0;
		run_all(&loop->deferred);
		free_garbage(loop);
		/* The deferred work may have deferred more, or stopped the
		 * loop. */
		flags = list_empty(&loop->deferred) && !loop->stopping
		    ? EVLOOP_ONCE
		    : EVLOOP_NONBLOCK;
		loop->now = 0;
		if (event_base_loop(loop->base, flags) == -1)
			break;
		free_garbage(loop);
		batch(loop);
	}
}

void
loop_set_batching(struct loop *loop, uint32_t ms)
{
	loop->batch_ms = ms;
	if (ms > 0)
		ratelimit_init(&loop->turns, 1000 / ms, LOOP_BATCH_BURST);
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

uint64_t
loop_now(struct loop *loop)
{
	if (loop->now == 0)
		loop->now = clock_mono_ms();
	return loop->now;
}

uint8_t *
loop_scratch(struct loop *loop, enum loop_scratch which)
{
	return loop->scratch[which] + STREAM_HEADROOM;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

static void
never(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Makes libevent allocate its records for the next FDS_BLOCK descriptors. An
 * add and a delete before the next wait cancel each other in libevent's list of
 * changes: no system call is made, so it does not matter whose descriptor it
 * is, nor whether it is open. If memory runs out, the later event_add() for
 * that descriptor tries again. */
static void *
reserve_block(void *arg)
{
	struct loop *loop = arg;
	struct event e;
	int end = loop->fds_reserved + FDS_BLOCK;

	for (; loop->fds_reserved < end; loop->fds_reserved++) {
		event_assign(&e, loop->base, loop->fds_reserved, EV_READ, never,
		    NULL);
		if (event_add(&e, NULL) == 0)
			event_del(&e);
	}
	return NULL;
}

/*
 * libevent keeps its records until the end. Allocated by this thread, they
 * would fill the gaps between the sessions of the moment, and each would keep a
 * page from being returned when the sessions have left. malloc gives each
 * thread a heap of its own, so a thread that does nothing else allocates them
 * side by side. Measured with 9,000 sessions that came and left: the process
 * kept 33 MB when this thread allocated the records, and keeps 10 MB now.
 */
void
loop_reserve_fd(struct loop *loop, int fd)
{
	pthread_t thread;

	while (fd >= loop->fds_reserved)
		if (thread_start(&thread, 0, reserve_block, loop) == OK)
			pthread_join(thread, NULL);
		else
			(void)reserve_block(loop);
}

struct io_signal {
	struct event *event; /* owned */
	void (*caught)(int number, void *arg);
	void *arg; /* borrowed */
};

static void
caught(evutil_socket_t number, short what, void *arg)
{
	struct io_signal *s = arg;

	(void)what;
	s->caught((int)number, s->arg); /* s may be gone */
}

static void
ignore_signal(int number)
{
	(void)number;
}

struct io_signal *
io_signal_new(struct loop *loop, int number, void (*cb)(int, void *), void *arg)
{
	struct io_signal *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->caught = cb;
	s->arg = arg;
	/* event_free() puts this back: a signal that comes while the daemon
	 * exits must not turn a clean exit into a death by signal. It is not
	 * SIG_IGN, which would discard a blocked signal that is pending. */
	signal(number, ignore_signal);
	s->event = evsignal_new(loop_base(loop), number, caught, s);
	if (s->event == NULL || event_add(s->event, NULL) == -1) {
		io_signal_free(s);
		return NULL;
	}
	return s;
}

void
io_signal_free(struct io_signal *s)
{
	if (s == NULL)
		return;
	if (s->event != NULL)
		event_free(s->event);
	free(s);
}

void
loop_post(struct loop *loop, struct loop_message *m)
{
	bool first;

	list_init(&m->node);
	pthread_mutex_lock(&loop->lock);
	first = list_empty(&loop->messages);
	list_append(&loop->messages, &m->node);
	pthread_mutex_unlock(&loop->lock);
	if (first)
		eventfd_write(loop->mail_fd, 1);
}

void
loop_defer(struct loop *loop, struct loop_deferred *d)
{
	if (list_empty(&d->node))
		list_append(&loop->deferred, &d->node);
}

void
loop_at_end(struct loop *loop, struct loop_deferred *d)
{
	if (list_empty(&d->node))
		list_append(&loop->at_end, &d->node);
}

void
loop_free_later(struct loop *loop, struct loop_garbage *g, void *memory,
    void (*release)(void *))
{
	if (g->memory != NULL)
		return;
	g->memory = memory;
	g->release = release;
	g->next = NULL;
	*loop->garbage_end = g;
	loop->garbage_end = &g->next;
}
