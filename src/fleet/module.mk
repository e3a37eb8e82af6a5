libsallyport_a_SOURCES += \
	src/fleet/copy.c \
	src/fleet/copy.h \
	src/fleet/denials.c \
	src/fleet/denials.h \
	src/fleet/file.c \
	src/fleet/file.h \
	src/fleet/fleet.c \
	src/fleet/fleet.h \
	src/fleet/leases.c \
	src/fleet/leases.h \
	src/fleet/link.c \
	src/fleet/link.h \
	src/fleet/list.c \
	src/fleet/list.h \
	src/fleet/rpc.c \
	src/fleet/rpc.h \
	src/fleet/scripts.h \
	src/fleet/wire.h

# Two whole files instead of conditions inside one.
if HAVE_HIREDIS
libsallyport_a_SOURCES += src/fleet/wire_hiredis.c
else
libsallyport_a_SOURCES += src/fleet/wire_none.c
endif

check_PROGRAMS += t/unit/fleet_denials.t
t_unit_fleet_denials_t_SOURCES = t/unit/fleet_denials.c

check_PROGRAMS += t/unit/fleet_wire.t
t_unit_fleet_wire_t_SOURCES = t/unit/fleet_wire.c

check_PROGRAMS += t/unit/fleet_file.t
t_unit_fleet_file_t_SOURCES = t/unit/fleet_file.c
