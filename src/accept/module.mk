libsallyport_a_SOURCES += \
	src/accept/listener.c \
	src/accept/listener.h \
	src/accept/pending.c \
	src/accept/pending.h \
	src/accept/proxy_header.c \
	src/accept/proxy_header.h \
	src/accept/proxy_in.c \
	src/accept/proxy_in.h \
	src/accept/throttle.c \
	src/accept/throttle.h

check_PROGRAMS += t/unit/accept_listener.t
t_unit_accept_listener_t_SOURCES = t/unit/accept_listener.c $(net_kit)

check_PROGRAMS += t/unit/accept_pending.t
t_unit_accept_pending_t_SOURCES = t/unit/accept_pending.c $(net_kit)

check_PROGRAMS += t/unit/accept_throttle.t
t_unit_accept_throttle_t_SOURCES = t/unit/accept_throttle.c $(net_kit)

check_PROGRAMS += t/unit/accept_proxy_header.t
t_unit_accept_proxy_header_t_SOURCES = t/unit/accept_proxy_header.c $(byte_kit)

check_PROGRAMS += t/unit/accept_proxy_in.t
t_unit_accept_proxy_in_t_SOURCES = t/unit/accept_proxy_in.c $(byte_kit) \
	$(net_kit)
