libsallyport_a_SOURCES += \
	src/backend/attempt.c \
	src/backend/attempt.h \
	src/backend/dial.c \
	src/backend/dial.h \
	src/backend/endpoint.c \
	src/backend/endpoint.h \
	src/backend/flows.c \
	src/backend/flows.h \
	src/backend/health.c \
	src/backend/health.h \
	src/backend/connect_rate.c \
	src/backend/connect_rate.h \
	src/backend/pick.c \
	src/backend/pick.h \
	src/backend/pool.c \
	src/backend/pool.h \
	src/backend/proxy_out.c \
	src/backend/proxy_out.h \
	src/backend/queue.c \
	src/backend/queue.h \
	src/backend/resolve.c \
	src/backend/resolve.h \
	src/backend/table.c \
	src/backend/table.h \
	src/backend/target.c \
	src/backend/target.h

dial_kit = t/unit/dial_kit.c t/unit/dial_kit.h $(net_kit)

check_PROGRAMS += t/unit/backend_dial.t
t_unit_backend_dial_t_SOURCES = t/unit/backend_dial.c $(dial_kit)

check_PROGRAMS += t/unit/backend_health.t
t_unit_backend_health_t_SOURCES = t/unit/backend_health.c $(mqtt_kit) \
	$(net_kit)

check_PROGRAMS += t/unit/backend_memory.t
t_unit_backend_memory_t_SOURCES = t/unit/backend_memory.c $(alloc_kit) \
	$(dial_kit)
t_unit_backend_memory_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags) \
	-Wl,--wrap=strdup

check_PROGRAMS += t/unit/backend_pick.t
t_unit_backend_pick_t_SOURCES = t/unit/backend_pick.c

check_PROGRAMS += t/unit/backend_proxy_out.t
t_unit_backend_proxy_out_t_SOURCES = t/unit/backend_proxy_out.c $(mqtt_kit)

check_PROGRAMS += t/unit/backend_queue.t
t_unit_backend_queue_t_SOURCES = t/unit/backend_queue.c $(dial_kit)

check_PROGRAMS += t/unit/backend_resolve.t
t_unit_backend_resolve_t_SOURCES = t/unit/backend_resolve.c $(net_kit)

check_PROGRAMS += t/unit/backend_flows.t
t_unit_backend_flows_t_SOURCES = t/unit/backend_flows.c
