# Faults injected into a running daemon beside a good client, see t/faults/run;
# bounded, but too long for make check.
faults_shims = t/faults/clock.so t/faults/memory.so
CLEANFILES += $(faults_shims)
EXTRA_DIST += t/faults/clock.c t/faults/memory.c
t/faults/clock.so: t/faults/clock.c
	@$(MKDIR_P) t/faults
	$(AM_V_CC)$(CC) -shared -fPIC -O2 -o $@ $(srcdir)/t/faults/clock.c
t/faults/memory.so: t/faults/memory.c
	@$(MKDIR_P) t/faults
	$(AM_V_CC)$(CC) -shared -fPIC -O2 -o $@ $(srcdir)/t/faults/memory.c
.PHONY: check-faults
check-faults: sallyport t/lib/peer $(faults_shims)
	@$(test_environment) $(PROVE) -v '$(abs_top_srcdir)/t/faults/run' \
	'$(abs_top_srcdir)/t/faults/cost'
