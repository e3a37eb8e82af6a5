libsallyport_a_SOURCES += \
	src/io/loop.c \
	src/io/loop.h \
	src/io/stream.h \
	src/io/stream_fd.c \
	src/io/stream_fd.h \
	src/io/timer.c \
	src/io/timer.h \
	src/io/watch.c \
	src/io/watch.h
