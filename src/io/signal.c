#include "io/signal.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

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

struct io_signal *
io_signal_new(struct loop *loop, int number, void (*cb)(int, void *), void *arg)
{
	struct io_signal *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->caught = cb;
	s->arg = arg;
	/* What event_free() puts back: one that comes on the way out must not
	 * turn a clean exit into a death by signal. */
	signal(number, SIG_IGN);
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
