libsallyport_a_SOURCES += \
	src/session/audit.c \
	src/session/audit.h \
	src/session/client_ids.c \
	src/session/client_ids.h \
	src/session/counters.h \
	src/session/manager.c \
	src/session/manager.h \
	src/session/options.c \
	src/session/options.h \
	src/session/cert_sessions.c \
	src/session/cert_sessions.h \
	src/session/proxy_to_broker.c \
	src/session/proxy_to_broker.h \
	src/session/session.c \
	src/session/session.h \
	src/session/snapshot.c \
	src/session/snapshot.h \
	src/session/stages.c \
	src/session/stages.h \
	src/session/sweep.c \
	src/session/sweep.h \
	src/session/tls_profile_inputs.c \
	src/session/tls_profile_inputs.h \
	src/session/client_check.c \
	src/session/client_check.h \
	src/session/closing.c \
	src/session/closing.h

check_PROGRAMS += t/unit/session_memory.t
t_unit_session_memory_t_SOURCES = t/unit/session_memory.c $(alloc_kit) \
	$(identity_kit) t/unit/script_stream.c t/unit/script_stream.h \
	$(net_kit)
t_unit_session_memory_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)

check_PROGRAMS += t/unit/session_parts.t
t_unit_session_parts_t_SOURCES = t/unit/session_parts.c $(alloc_kit)
t_unit_session_parts_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags)

check_PROGRAMS += t/unit/session_cert_sessions.t
t_unit_session_cert_sessions_t_SOURCES = t/unit/session_cert_sessions.c
