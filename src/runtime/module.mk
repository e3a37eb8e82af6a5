libsallyport_a_SOURCES += \
	src/runtime/decode.c \
	src/runtime/decode.h \
	src/runtime/explain.c \
	src/runtime/explain.h \
	src/runtime/master.c \
	src/runtime/master.h \
	src/runtime/ports.c \
	src/runtime/ports.h \
	src/runtime/privileges.c \
	src/runtime/privileges.h \
	src/runtime/runtime.c \
	src/runtime/runtime.h \
	src/runtime/watcher.c \
	src/runtime/watcher.h \
	src/runtime/worker.c \
	src/runtime/worker.h
