libsallyport_a_SOURCES += \
	src/admin/admin.c \
	src/admin/admin.h \
	src/admin/commands.c \
	src/admin/commands.h \
	src/admin/denied.c \
	src/admin/denied.h \
	src/admin/deny.c \
	src/admin/explain.c \
	src/admin/explain.h \
	src/admin/exposition.c \
	src/admin/exposition.h \
	src/admin/history.c \
	src/admin/history.h \
	src/admin/http.c \
	src/admin/http.h \
	src/admin/init.c \
	src/admin/init.h \
	src/admin/metrics.c \
	src/admin/notify.c \
	src/admin/notify.h \
	src/admin/page.h \
	src/admin/problems.c \
	src/admin/problems.h \
	src/admin/replicas.c \
	src/admin/replicas.h \
	src/admin/reply.c \
	src/admin/reply.h \
	src/admin/session_filter.c \
	src/admin/session_filter.h \
	src/admin/sessions.c \
	src/admin/status.c \
	src/admin/successor.c \
	src/admin/successor.h \
	src/admin/totals.c \
	src/admin/totals.h \
	src/admin/web.c \
	src/admin/worker_query.c \
	src/admin/worker_query.h

# The status page as a C file, by tools that every system has.
nodist_libsallyport_a_SOURCES = src/admin/page.c
CLEANFILES += src/admin/page.c
EXTRA_DIST += src/admin/page.html src/admin/embed
src/admin/page.c: src/admin/page.html src/admin/embed
	$(AM_V_GEN)$(MKDIR_P) src/admin && \
	sh '$(srcdir)/src/admin/embed' page_html '$(srcdir)/src/admin/page.html' \
		>$@.tmp && mv $@.tmp $@

check_PROGRAMS += t/unit/admin_http.t t/unit/admin_exposition.t \
	t/unit/admin_history.t
t_unit_admin_history_t_SOURCES = t/unit/admin_history.c
t_unit_admin_http_t_SOURCES = t/unit/admin_http.c $(net_kit)
t_unit_admin_exposition_t_SOURCES = t/unit/admin_exposition.c
