libsallyport_a_SOURCES += \
	src/io/linger.c \
	src/io/linger.h \
	src/io/loop.c \
	src/io/loop.h \
	src/io/stream.h \
	src/io/stream_fd.c \
	src/io/stream_fd.h \
	src/io/timer.c \
	src/io/timer.h \
	src/io/watch.c \
	src/io/watch.h

check_PROGRAMS += t/unit/io_loop.t
t_unit_io_loop_t_SOURCES = t/unit/io_loop.c
t_unit_io_loop_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=event_add

check_PROGRAMS += t/unit/io_memory.t
t_unit_io_memory_t_SOURCES = t/unit/io_memory.c
