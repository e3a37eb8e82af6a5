libsallyport_a_SOURCES += \
	src/relay/connack_wait.c \
	src/relay/connack_wait.h \
	src/relay/half.c \
	src/relay/half.h \
	src/relay/relay.c \
	src/relay/relay.h

check_PROGRAMS += t/unit/relay_relay.t
t_unit_relay_relay_t_SOURCES = t/unit/relay_relay.c $(script_stream)
