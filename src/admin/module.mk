libsallyport_a_SOURCES += \
	src/admin/admin.c \
	src/admin/admin.h \
	src/admin/ask.c \
	src/admin/ask.h \
	src/admin/certs.c \
	src/admin/certs.h \
	src/admin/commands.c \
	src/admin/commands.h \
	src/admin/deny.c \
	src/admin/deny.h \
	src/admin/exposition.c \
	src/admin/exposition.h \
	src/admin/filter.c \
	src/admin/filter.h \
	src/admin/http.c \
	src/admin/http.h \
	src/admin/metrics.c \
	src/admin/metrics.h \
	src/admin/page.h \
	src/admin/reply.c \
	src/admin/reply.h \
	src/admin/server.c \
	src/admin/server.h \
	src/admin/sessions.c \
	src/admin/sessions.h \
	src/admin/status.c \
	src/admin/status.h \
	src/admin/steer.c \
	src/admin/steer.h \
	src/admin/survey.c \
	src/admin/survey.h \
	src/admin/totals.c \
	src/admin/totals.h \
	src/admin/web.c \
	src/admin/web.h

# The status page as a C file, by tools that every system has.
nodist_libsallyport_a_SOURCES = src/admin/page.c
CLEANFILES += src/admin/page.c
EXTRA_DIST += src/admin/page.html src/admin/embed
src/admin/page.c: src/admin/page.html src/admin/embed
	$(AM_V_GEN)$(MKDIR_P) src/admin && \
	sh '$(srcdir)/src/admin/embed' page_html '$(srcdir)/src/admin/page.html' \
		>$@.tmp && mv $@.tmp $@
