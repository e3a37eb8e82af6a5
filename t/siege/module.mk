# Strangers in 16 networks besiege the daemon, see t/siege/run; too long for make
# check.
#     make check-siege
#     make check-siege SIEGE_SECONDS=1 SIEGE_RATE=300
SIEGE_SECONDS = 5
SIEGE_RATE = 1000
.PHONY: check-siege
check-siege: sallyport t/lib/peer
	@$(test_environment) SIEGE_SECONDS='$(SIEGE_SECONDS)' \
	SIEGE_RATE='$(SIEGE_RATE)' $(PROVE) -v '$(abs_top_srcdir)/t/siege/run'
