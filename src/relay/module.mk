libsallyport_a_SOURCES += \
	src/relay/greeting.c \
	src/relay/greeting.h \
	src/relay/half.c \
	src/relay/half.h \
	src/relay/relay.c \
	src/relay/relay.h
