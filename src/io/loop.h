/* SPDX-License-Identifier: ISC */
/*
 * One thread's event loop over libevent: signals, a mailbox for other threads,
 * work deferred to the next turn, memory freed at the end of a turn, and the
 * scratch buffers that let an idle connection own none. Descriptors are watched
 * by io/watch, timers are io/timer.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct event_base;
struct loop;

/* NULL when memory or descriptors run out. */
struct loop *loop_new(void);

/* Runs what was posted and what is for the end, frees what waits for the end of
 * the turn, and then the loop. What is deferred is not run. NULL is allowed. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/* Ends loop_run() after the present turn. On the loop's own thread only. */
void loop_stop(struct loop *loop);

/*
 * From now on, when turns come faster than one in `ms' milliseconds, the loop
 * sleeps that long between two turns, so that one turn finds the work of
 * several: one recv takes many small records, one wake-up serves many streams.
 * LOOP_BATCH_BURST turns in a row are exempt, so that an answer on a quiet loop
 * is not delayed. At most 1,000. 0, the state of a new loop: it sleeps only for
 * about 0.1 ms at a time, while loop_count_small_read() is called more than
 * 20,000 times a second.
 */
void loop_set_batching(struct loop *loop, uint32_t ms);
#define LOOP_BATCH_BURST 8

/* To be called after a read that has brought so little that the next one might
 * bring several times as much if it came a moment later. */
void loop_count_small_read(struct loop *loop);

/* Monotonic milliseconds. The kernel is asked at most once in a turn. */
uint64_t loop_now(struct loop *loop);

/* Scratch buffers. Each belongs to the function that is running; nothing in it
 * survives a return to the loop. Each has STREAM_HEADROOM bytes in front. */
enum loop_scratch {
	LOOP_SCRATCH_PLAIN, /* what the relay and the stages read into */
	LOOP_SCRATCH_CIPHER_IN, /* TLS: bytes received */
	LOOP_SCRATCH_CIPHER_OUT, /* TLS: records to send */
	LOOP_SCRATCH_FRAME, /* WebSocket: bytes of the stream beneath */
	LOOP_SCRATCH_COUNT
};
#define LOOP_SCRATCH_LEN 65536 /* PLAIN and FRAME */
#define LOOP_SCRATCH_CIPHER_LEN 131072 /* both CIPHER ones */

/* The scratch buffer of that name. */
uint8_t *loop_scratch(struct loop *loop, enum loop_scratch which);

/* libevent's base, for io/ itself. */
struct event_base *loop_base(struct loop *loop);

/*
 * Call it before events are made for `fd'. libevent keeps a small record for
 * every descriptor that a base ever saw, until the base is freed. Allocated one
 * by one as sessions come, each record would lie between the memory of sessions
 * and keep a page from being returned when they have left. So the records of
 * many descriptors are allocated at once and lie side by side. A new thread
 * allocates them while the caller waits; if no thread can be started, the
 * caller allocates them itself.
 */
void loop_reserve_fd(struct loop *loop, int fd);

/* A Unix signal as an event. Only the main thread's loop has any; workers
 * block all signals. */
struct io_signal;

/* Calls `caught' with the signal's number, on the loop's thread, whenever the
 * signal arrives. Returns NULL when memory runs out. */
struct io_signal *io_signal_new(struct loop *loop, int number,
    void (*caught)(int number, void *arg), void *arg);

/* Ends it; from then on the signal is ignored. NULL is allowed. */
void io_signal_free(struct io_signal *s);

/* A closure that crosses threads. The poster allocates it; `run' is called
 * once on the loop's thread and then owns it. */
struct loop_message {
	struct list node;
	void (*run)(struct loop_message *m);
};

/* Hands `m' to the loop, from any thread. The messages of one poster run in
 * their order. */
void loop_post(struct loop *loop, struct loop_message *m);

/*
 * Work for the next turn of the loop. Embedded in the object that the work is
 * for. This is the only way to defer work on a loop's own thread.
 *
 * At the start of each turn the loop calls `run' of all that was deferred
 * before, each once, and then asks the kernel for events. It does not wait for
 * these if `run' has deferred more, which is for the turn after. So an object
 * that always has more to do gets one call per turn, like every other object,
 * and neither timers nor other descriptors wait longer than one turn for it.
 *
 * Neither a timer of 0 ms nor event_active() promises this: libevent runs
 * events that a callback makes active in the same pass, before it looks at
 * other descriptors or timers. Four clients that uploaded at full speed once
 * kept a worker away from epoll for 7 s that way.
 */
struct loop_deferred {
	struct list node;
	void (*run)(struct loop_deferred *d);
};

/* Makes `d' ready; nothing is deferred yet. */
static inline void
loop_deferred_init(struct loop_deferred *d, void (*run)(struct loop_deferred *))
{
	list_init(&d->node);
	d->run = run;
}

/* Makes the loop call `d->run' once, on its thread, at the start of the next
 * turn. Harmless when it is deferred already. `d' must stay in place until
 * then, or be cancelled. */
void loop_defer(struct loop *loop, struct loop_deferred *d);

/* Takes `d' back; harmless when it is not deferred. */
static inline void
loop_deferred_cancel(struct loop_deferred *d)
{
	list_remove(&d->node);
}

/* Registers `d->run' to be called by loop_free(). It is for an object
 * that deferred work would free, because loop_free() does not run that work.
 * loop_deferred_cancel() unregisters it. */
void loop_at_end(struct loop *loop, struct loop_deferred *d);

/*
 * Memory that is freed at the end of the turn. Embedded in an object, zeroed
 * when the object is made. An object that is closed from inside its own
 * callback needs this: its callers still look at it on their way out.
 */
struct loop_garbage {
	struct loop_garbage *next;
	void *memory;
	void (*release)(void *memory);
};

/* Calls release(memory) at the end of the present turn: free() itself, or a
 * function that frees `memory' and what it owns. `g' usually lies inside
 * `memory'. Harmless when `g' is waiting already. */
void loop_free_later(struct loop *loop, struct loop_garbage *g, void *memory,
    void (*release)(void *memory));

#endif
