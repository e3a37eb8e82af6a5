# A program of its own, so that the daemon links no libcurl. libcurl may bring
# OpenSSL's libcrypto into the process; BoringSSL's symbols are hidden, so that
# neither takes a function of the other. What needs no libcurl is in the
# library, for its unit test.
libsallyport_a_SOURCES += \
	src/fetch/plan.c \
	src/fetch/plan.h

fetch_sources = src/fetch/main.c \
	src/fetch/fetch.c \
	src/fetch/fetch.h \
	src/fetch/metrics.c \
	src/fetch/metrics.h \
	src/fetch/list_file.c \
	src/fetch/list_file.h \
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
dist_bashcomp_DATA += contrib/bash-completion/sallyport-fetch
dist_zshcomp_DATA += contrib/zsh-completion/_sallyport-fetch
dist_fishcomp_DATA += contrib/fish-completion/sallyport-fetch.fish
else
EXTRA_DIST += etc/sallyport-fetch.8 \
	contrib/bash-completion/sallyport-fetch \
	contrib/zsh-completion/_sallyport-fetch \
	contrib/fish-completion/sallyport-fetch.fish
endif
EXTRA_DIST += $(fetch_sources)

check_PROGRAMS += t/unit/fetch_plan.t
t_unit_fetch_plan_t_SOURCES = t/unit/fetch_plan.c
