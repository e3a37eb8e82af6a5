libsallyport_a_SOURCES += \
	src/runtime/accounts.h \
	src/runtime/deny_sweep.c \
	src/runtime/deny_sweep.h \
	src/runtime/denylist.c \
	src/runtime/denylist.h \
	src/runtime/handover.c \
	src/runtime/handover.h \
	src/runtime/master.c \
	src/runtime/master.h \
	src/runtime/ports.c \
	src/runtime/ports.h \
	src/runtime/privileges.c \
	src/runtime/privileges.h \
	src/runtime/reload.c \
	src/runtime/reload.h \
	src/runtime/resources.c \
	src/runtime/resources.h \
	src/runtime/runtime.c \
	src/runtime/runtime.h \
	src/runtime/sandbox.c \
	src/runtime/sandbox.h \
	src/runtime/supervisor.h \
	src/runtime/syscalls.c \
	src/runtime/syscalls.h \
	src/runtime/takeover.c \
	src/runtime/takeover.h \
	src/runtime/watcher.c \
	src/runtime/watcher.h \
	src/runtime/worker.c \
	src/runtime/worker.h

# Two whole files instead of conditions inside one.
if HAVE_LIBSYSTEMD
libsallyport_a_SOURCES += src/runtime/supervisor_systemd.c
else
libsallyport_a_SOURCES += src/runtime/supervisor_none.c
endif
if STATIC
libsallyport_a_SOURCES += src/runtime/accounts_files.c
else
libsallyport_a_SOURCES += src/runtime/accounts_system.c
endif

check_PROGRAMS += t/unit/runtime_resources.t
t_unit_runtime_resources_t_SOURCES = t/unit/runtime_resources.c

check_PROGRAMS += t/unit/runtime_watcher.t
t_unit_runtime_watcher_t_SOURCES = t/unit/runtime_watcher.c $(net_kit)

check_PROGRAMS += t/unit/runtime_sandbox.t
t_unit_runtime_sandbox_t_SOURCES = t/unit/runtime_sandbox.c $(config_kit)
