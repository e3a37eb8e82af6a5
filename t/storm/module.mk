# The storm and the soak, see t/storm/run and t/storm/soak; neither is built
# or run by make check.
#     make check-storm                 2,000 devices
#     make check-upgrade               3,000 sessions, four take-overs
#     make check-storm STORM_DEVICES=300
#     make check-soak                  a quarter of an hour, or more in the
#                                      guest it takes for its descriptors
#     make check-soak SOAK_IDLE=9000 SOAK_CYCLES=20000 SOAK_MIB=100
EXTRA_PROGRAMS += t/storm/storm
t_storm_storm_SOURCES = t/storm/storm.c t/bench/args.c t/bench/args.h \
	t/bench/conn.c t/bench/conn.h \
	t/bench/meter.c t/bench/meter.h
t_storm_storm_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t
t_storm_storm_LDADD = $(BORINGSSL_LIBS)
CLEANFILES += t/storm/storm

STORM_DEVICES = 2000
SOAK_IDLE = 20000
SOAK_CYCLES = 100000
SOAK_MIB = 1024
.PHONY: check-storm check-soak check-upgrade
UPGRADE_SESSIONS = 3000
check-upgrade: sallyport sallyportctl t/lib/peer
	@$(test_environment) UPGRADE_SESSIONS='$(UPGRADE_SESSIONS)' \
	SALLYPORT_TEST_LIMIT=300 \
	$(PROVE) -v '$(abs_top_srcdir)/t/80-reload/take_over_load.t'
check-storm: sallyport t/storm/storm t/lib/peer
	@$(test_environment) STORM_DEVICES='$(STORM_DEVICES)' \
	$(PROVE) -v '$(abs_top_srcdir)/t/storm/run'
check-soak: sallyport t/bench/load t/lib/peer
	@$(test_environment) SOAK_IDLE='$(SOAK_IDLE)' \
	SOAK_CYCLES='$(SOAK_CYCLES)' SOAK_MIB='$(SOAK_MIB)' \
	'$(abs_top_srcdir)/t/scale/guest' -n $$((2 * $(SOAK_IDLE) + 1000)) \
	$(PROVE) -v '$(abs_top_srcdir)/t/storm/soak'
