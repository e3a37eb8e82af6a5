libsallyport_a_SOURCES += \
	src/backend/dial.c \
	src/backend/dial.h \
	src/backend/endpoint.c \
	src/backend/endpoint.h \
	src/backend/health.c \
	src/backend/health.h \
	src/backend/limits.c \
	src/backend/limits.h \
	src/backend/nameservers.c \
	src/backend/nameservers.h \
	src/backend/outage.c \
	src/backend/outage.h \
	src/backend/pool.c \
	src/backend/pool.h \
	src/backend/proxy_out.c \
	src/backend/proxy_out.h \
	src/backend/resolve.c \
	src/backend/resolve.h

check_PROGRAMS += t/unit/backend_dial.t
t_unit_backend_dial_t_SOURCES = t/unit/backend_dial.c $(dial_kit)

check_PROGRAMS += t/unit/backend_health.t
t_unit_backend_health_t_SOURCES = t/unit/backend_health.c $(byte_kit) \
	$(net_kit)

check_PROGRAMS += t/unit/backend_memory.t
t_unit_backend_memory_t_SOURCES = t/unit/backend_memory.c $(alloc_kit) \
	$(dial_kit)
t_unit_backend_memory_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags) \
	-Wl,--wrap=strdup

check_PROGRAMS += t/unit/backend_outage.t
t_unit_backend_outage_t_SOURCES = t/unit/backend_outage.c

check_PROGRAMS += t/unit/backend_endpoint.t
t_unit_backend_endpoint_t_SOURCES = t/unit/backend_endpoint.c

check_PROGRAMS += t/unit/backend_proxy_out.t
t_unit_backend_proxy_out_t_SOURCES = t/unit/backend_proxy_out.c $(byte_kit)

check_PROGRAMS += t/unit/backend_pool.t
t_unit_backend_pool_t_SOURCES = t/unit/backend_pool.c $(dial_kit)

check_PROGRAMS += t/unit/backend_resolve.t
t_unit_backend_resolve_t_SOURCES = t/unit/backend_resolve.c $(net_kit)

check_PROGRAMS += t/unit/backend_limits.t
t_unit_backend_limits_t_SOURCES = t/unit/backend_limits.c
