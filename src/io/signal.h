/*
 * Unix signals as events of one loop. Only the main thread's loop has any;
 * workers block all signals.
 */
#ifndef IO_SIGNAL_H
#define IO_SIGNAL_H

#include "io/loop.h"

struct io_signal;

/* Has `caught' called with the signal's number on the loop's thread. NULL
 * when memory runs out. */
struct io_signal *io_signal_new(struct loop *loop, int number,
    void (*caught)(int number, void *arg), void *arg);

/* Gives the signal its default action back. NULL is fine. */
void io_signal_free(struct io_signal *s);

#endif
