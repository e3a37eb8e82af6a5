# Ten thousand sessions while a CRL and reloads come, see t/scale/run. Nothing
# of it is built or run by make or make check. t/scale/guest lets it have the
# descriptors where this machine does not.
#     make check-scale
#     make check-scale SCALE_SESSIONS=2000
EXTRA_PROGRAMS += t/scale/hold
t_scale_hold_SOURCES = t/scale/hold.c t/bench/conn.c t/bench/conn.h \
	t/bench/meter.c t/bench/meter.h
t_scale_hold_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_scale_hold_LDADD = $(BORINGSSL_LIBS)
CLEANFILES += t/scale/hold

SCALE_SESSIONS = 10000
# A deny list of a million rows, see t/scale/denylist.
.PHONY: check-denylist
check-denylist: sallyport sallyportctl t/lib/peer t/bench/stub t/scale/hold
	@$(test_environment) $(PROVE) -v '$(abs_top_srcdir)/t/scale/denylist'

# Three replicas with one deny list, see t/scale/fleet, and a Redis server that
# dies under their sessions.
FLEET_SESSIONS = 3000
.PHONY: check-fleet
check-fleet: sallyport sallyportctl t/lib/peer
	@$(test_environment) FLEET_SESSIONS='$(FLEET_SESSIONS)' FLEET_DEATHS=3 \
	SALLYPORT_TEST_LIMIT=600 \
	$(PROVE) -v '$(abs_top_srcdir)/t/scale/fleet' \
	'$(abs_top_srcdir)/t/98-fleet/sessions_stay.t'

# Reloads with large CRLs, see t/scale/crl.
.PHONY: check-crl
check-crl: sallyport t/lib/peer
	@$(test_environment) $(PROVE) -v '$(abs_top_srcdir)/t/scale/crl'

.PHONY: check-scale
check-scale: sallyport t/scale/hold t/bench/stub t/lib/peer
	@$(test_environment) SCALE_SESSIONS='$(SCALE_SESSIONS)' \
	'$(abs_top_srcdir)/t/scale/guest' -n $$((2 * $(SCALE_SESSIONS) + 1000)) \
	$(PROVE) -v '$(abs_top_srcdir)/t/scale/run'
