libsallyport_a_SOURCES += \
	src/base/address.c \
	src/base/address.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/encode.c \
	src/base/encode.h \
	src/base/err.c \
	src/base/err.h \
	src/base/list.h \
	src/base/log.c \
	src/base/log.h \
	src/base/ratelimit.c \
	src/base/ratelimit.h \
	src/base/report.c \
	src/base/report.h \
	src/base/siphash.c \
	src/base/siphash.h \
	src/base/slice.h \
	src/base/socket.c \
	src/base/socket.h
