libsallyport_a_SOURCES += \
	src/accept/listener.c \
	src/accept/listener.h \
	src/accept/proxy_header.c \
	src/accept/proxy_header.h \
	src/accept/proxy_in.c \
	src/accept/proxy_in.h \
	src/accept/throttle.c \
	src/accept/throttle.h
