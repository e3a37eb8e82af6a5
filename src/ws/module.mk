libsallyport_a_SOURCES += \
	src/ws/answer.c \
	src/ws/answer.h \
	src/ws/decoder.c \
	src/ws/decoder.h \
	src/ws/encoder.c \
	src/ws/encoder.h \
	src/ws/frame.c \
	src/ws/frame.h \
	src/ws/open.c \
	src/ws/open.h \
	src/ws/stream_ws.c \
	src/ws/stream_ws.h \
	src/ws/text.c \
	src/ws/text.h \
	src/ws/upgrade.c \
	src/ws/upgrade.h
