# A program of its own, so that the daemon links no libcurl. libcurl may bring
# OpenSSL's libcrypto into the process; BoringSSL's symbols are hidden, so that
# neither takes a function of the other.
libsallyport_a_SOURCES += \
	src/fetch/schedule.c \
	src/fetch/schedule.h

fetch_sources = src/fetch/main.c \
	src/fetch/fetch.c \
	src/fetch/fetch.h \
	src/fetch/metrics.c \
	src/fetch/metrics.h \
	src/fetch/place.c \
	src/fetch/place.h \
	src/fetch/plan.c \
	src/fetch/plan.h \
	src/fetch/run.c \
	src/fetch/run.h \
	src/fetch/transfer.c \
	src/fetch/transfer.h
if HAVE_LIBCURL
sbin_PROGRAMS += sallyport-fetch
sallyport_fetch_SOURCES = $(fetch_sources)
sallyport_fetch_CPPFLAGS = $(AM_CPPFLAGS) $(LIBCURL_CFLAGS) \
	-DDEFAULT_FILE='"$(sysconfdir)/sallyport/sallyport.ini"'
sallyport_fetch_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--exclude-libs,libssl.a:libcrypto.a
sallyport_fetch_LDADD = $(LDADD) $(LIBCURL_LIBS)
dist_man_MANS += etc/sallyport-fetch.8
else
EXTRA_DIST += etc/sallyport-fetch.8
endif
EXTRA_DIST += $(fetch_sources)

check_PROGRAMS += t/unit/fetch_schedule.t
t_unit_fetch_schedule_t_SOURCES = t/unit/fetch_schedule.c
