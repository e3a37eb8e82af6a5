libsallyport_a_SOURCES += \
	src/tls/crl.h \
	src/tls/ctx.h \
	src/tls/facts.h \
	src/tls/random.c \
	src/tls/random.h \
	src/tls/sha1.c \
	src/tls/sha1.h \
	src/tls/stream_tls.h \
	src/tls/tickets.h
