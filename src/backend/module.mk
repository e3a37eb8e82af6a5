libsallyport_a_SOURCES += \
	src/backend/attempt.c \
	src/backend/attempt.h \
	src/backend/dial.c \
	src/backend/dial.h \
	src/backend/endpoint.c \
	src/backend/endpoint.h \
	src/backend/health.c \
	src/backend/health.h \
	src/backend/pick.c \
	src/backend/pick.h \
	src/backend/pool.c \
	src/backend/pool.h \
	src/backend/proxy_out.c \
	src/backend/proxy_out.h \
	src/backend/queue.c \
	src/backend/queue.h \
	src/backend/resolve.c \
	src/backend/resolve.h \
	src/backend/table.c \
	src/backend/table.h \
	src/backend/target.c \
	src/backend/target.h
