/*
 * One thread's event loop over libevent: timers, file descriptors, a mailbox
 * for other threads, a graveyard for objects closed in this turn, and the
 * scratch buffers that let an idle connection own none.
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

/* A scratch buffer belongs to whoever is inside the present call; nothing in
 * it survives a return to the loop. Each has STREAM_HEADROOM bytes in front. */
enum loop_scratch {
	LOOP_SCRATCH_PLAIN, /* what the relay and the stages read into */
	LOOP_SCRATCH_CIPHER_IN, /* TLS: bytes received */
	LOOP_SCRATCH_CIPHER_OUT, /* TLS: records to send */
	LOOP_SCRATCH_FRAME, /* WebSocket: bytes of the stream beneath */
	LOOP_SCRATCH_COUNT
};
#define LOOP_SCRATCH_LEN 65536 /* PLAIN and FRAME */
#define LOOP_SCRATCH_CIPHER_LEN 131072 /* both CIPHER ones */

/* NULL when memory or descriptors run out. */
struct loop *loop_new(void);

/* Frees all; the graveyard and the mailbox are emptied first. NULL is fine. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/*
 * From now on, when turns come faster than one in `ms', the loop sleeps that
 * long between two, so that one turn finds the work of several: one recv takes
 * many small records, one wake-up serves many streams. LOOP_BATCH_BURST turns
 * in a row are let off, so that whoever waits for an answer on a quiet loop
 * does not wait longer. 0: never (the state of a new loop). At most 1,000.
 */
void loop_set_batching(struct loop *loop, uint32_t ms);
#define LOOP_BATCH_BURST 8

/* Ends loop_run() after the present turn; from the loop's own thread. */
void loop_stop(struct loop *loop);

/* Monotonic milliseconds, asked of the kernel at most once a turn and not
 * before somebody wants to know. */
uint64_t loop_now(struct loop *loop);

/* The scratch buffer of that name; LOOP_SCRATCH_*LEN bytes long. */
uint8_t *loop_scratch(struct loop *loop, enum loop_scratch which);

/* libevent's base, for io/ itself and for evdns. */
struct event_base *loop_base(struct loop *loop);

/*
 * To be called before events are made for `fd'. libevent keeps a little for
 * each descriptor that a base ever saw (see io/memory.h). Which of the workers
 * sees which is chance, so memory would creep up with every wave of sessions
 * until all had seen all; this way the first wave is as dear as any later one.
 */
void loop_meet_fd(struct loop *loop, int fd);

/*
 * A closure that crosses threads. The poster allocates it; `run' is called
 * once on the loop's thread and owns it then.
 */
struct loop_message {
	struct list node;
	void (*run)(struct loop_message *m);
};

/* Hands `m' to the loop, from any thread. Order per poster is kept. */
void loop_post(struct loop *loop, struct loop_message *m);

/*
 * Something is left to do though no descriptor and no timer will say so. `wake'
 * is called at the beginning of the next turn, and makes an event active; it
 * does not do the work itself. libevent runs what is made active while it runs
 * the active ones in the same go: who did it there again and again would keep
 * the kernel from being asked for others, timers from firing, and the turn from
 * its end.
 */
struct loop_kick {
	struct list node;
	void (*wake)(struct loop_kick *k);
};

/* Puts `k' on the list; one on it stays where it is. list_init() its node when
 * the object is made, list_remove() it when it goes. */
void loop_kick(struct loop *loop, struct loop_kick *k);

/* Something closed: `bury' is called with it at the end of the turn. */
struct loop_grave {
	struct list node;
	void (*bury)(struct loop_grave *g);
};

/* Puts `g' into the graveyard; a grave already in it stays. list_init() its
 * node when the object is made. */
void loop_bury(struct loop *loop, struct loop_grave *g);

#endif
