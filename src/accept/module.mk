libsallyport_a_SOURCES += \
	src/accept/listener.c \
	src/accept/listener.h \
	src/accept/proxy_header.h \
	src/accept/proxy_in.h \
	src/accept/throttle.h
