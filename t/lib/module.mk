# The peer of the integration tests: device and recording broker in one.
check_PROGRAMS += t/lib/peer
t_lib_peer_SOURCES = \
	t/lib/peer.c \
	t/lib/peer.h \
	t/lib/peer_io.c \
	t/lib/peer_net.c \
	t/lib/peer_pump.c \
	t/lib/peer_tls.c \
	t/lib/peer_ws.c
t_lib_peer_LDADD = $(BORINGSSL_LIBS)

# Certificates that the tests share, made by the first that needs them.
CLEANFILES += t/pki.cache.lock t/pki.cache/.stamp t/pki.cache/*

# A PKCS#11 module with faults, for the tests of keys in tokens. It is loaded by
# the daemon, and no part of it.
EXTRA_DIST += t/lib/pkcs11_module.c
if HAVE_P11_KIT
check_DATA = t/lib/pkcs11_module.so
CLEANFILES += t/lib/pkcs11_module.so
t/lib/pkcs11_module.so: t/lib/pkcs11_module.c
	$(AM_V_CC)$(MKDIR_P) t/lib && $(CC) $(SP_CPPFLAGS) -O1 -g -Wall -fPIC \
		-shared -o $@ '$(srcdir)/t/lib/pkcs11_module.c'
endif
