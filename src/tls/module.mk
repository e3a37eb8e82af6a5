libsallyport_a_SOURCES += \
	src/tls/client.c \
	src/tls/client.h \
	src/tls/crl.c \
	src/tls/crl.h \
	src/tls/crl_list.c \
	src/tls/crl_list.h \
	src/tls/crl_download.c \
	src/tls/crl_download.h \
	src/tls/ctx.c \
	src/tls/ctx.h \
	src/tls/ctx_body.h \
	src/tls/der.c \
	src/tls/der.h \
	src/tls/facts.c \
	src/tls/facts.h \
	src/tls/hello.c \
	src/tls/hello.h \
	src/tls/handshake.c \
	src/tls/handshake.h \
	src/tls/keypair.c \
	src/tls/keypair.h \
	src/tls/load.c \
	src/tls/load.h \
	src/tls/library.c \
	src/tls/library.h \
	src/tls/path.c \
	src/tls/path.h \
	src/tls/pkcs11.h \
	src/tls/pkcs11_key.c \
	src/tls/pkcs11_key.h \
	src/tls/socket.c \
	src/tls/socket.h \
	src/tls/stream_tls.c \
	src/tls/stream_tls.h \
	src/tls/suites.h \
	src/tls/tickets.c \
	src/tls/tickets.h \
	src/tls/trust.c \
	src/tls/trust.h \
	src/tls/verify.c \
	src/tls/verify.h

# A whole file instead of conditions inside one.
if HAVE_P11_KIT
libsallyport_a_SOURCES += src/tls/pkcs11.c
else
libsallyport_a_SOURCES += src/tls/pkcs11_none.c
endif

EXTRA_DIST += t/unit/tls_pki.sh

check_PROGRAMS += t/unit/tls_crl.t
t_unit_tls_crl_t_SOURCES = t/unit/tls_crl.c $(tls_kit)

check_PROGRAMS += t/unit/tls_crl_download.t
t_unit_tls_crl_download_t_SOURCES = t/unit/tls_crl_download.c $(alloc_kit) $(tls_pki)
t_unit_tls_crl_download_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags) \
	-Wl,--wrap=strdup

check_PROGRAMS += t/unit/tls_ctx.t
t_unit_tls_ctx_t_SOURCES = t/unit/tls_ctx.c $(tls_kit)

check_PROGRAMS += t/unit/tls_facts.t
t_unit_tls_facts_t_SOURCES = t/unit/tls_facts.c $(tls_kit)

check_PROGRAMS += t/unit/tls_handshake.t
t_unit_tls_handshake_t_SOURCES = t/unit/tls_handshake.c $(tls_kit)

check_PROGRAMS += t/unit/tls_hello.t
t_unit_tls_hello_t_SOURCES = t/unit/tls_hello.c $(tls_kit)

check_PROGRAMS += t/unit/tls_load.t
t_unit_tls_load_t_SOURCES = t/unit/tls_load.c $(tls_pki)

check_PROGRAMS += t/unit/tls_memory.t
t_unit_tls_memory_t_SOURCES = t/unit/tls_memory.c $(tls_kit) $(alloc_kit)
t_unit_tls_memory_t_LDFLAGS = $(AM_LDFLAGS) $(alloc_kit_ldflags) \
	-Wl,--wrap=strdup

check_PROGRAMS += t/unit/tls_resume.t
t_unit_tls_resume_t_SOURCES = t/unit/tls_resume.c $(tls_kit)

check_PROGRAMS += t/unit/tls_tickets.t
t_unit_tls_tickets_t_SOURCES = t/unit/tls_tickets.c $(tls_kit)
t_unit_tls_tickets_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_mono_ms

check_PROGRAMS += t/unit/tls_stream.t
t_unit_tls_stream_t_SOURCES = t/unit/tls_stream.c $(tls_kit)

check_PROGRAMS += t/fuzz/tls_crl.t
t_fuzz_tls_crl_t_SOURCES = t/fuzz/tls_crl.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_tls_crl_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

check_PROGRAMS += t/fuzz/tls_facts.t
t_fuzz_tls_facts_t_SOURCES = t/fuzz/tls_facts.c t/fuzz/replay.c t/fuzz/fuzz.h
t_fuzz_tls_facts_t_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t

if FUZZERS
noinst_PROGRAMS += t/fuzz/tls_crl-fuzz
t_fuzz_tls_crl_fuzz_SOURCES = t/fuzz/tls_crl.c t/fuzz/fuzz.h
t_fuzz_tls_crl_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_tls_crl_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
noinst_PROGRAMS += t/fuzz/tls_facts-fuzz
t_fuzz_tls_facts_fuzz_SOURCES = t/fuzz/tls_facts.c t/fuzz/fuzz.h
t_fuzz_tls_facts_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_fuzz_tls_facts_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
endif

check_PROGRAMS += t/unit/tls_suites.t
t_unit_tls_suites_t_SOURCES = t/unit/tls_suites.c

check_PROGRAMS += t/unit/tls_pkcs11_key.t
t_unit_tls_pkcs11_key_t_SOURCES = t/unit/tls_pkcs11_key.c $(tls_kit)
