# Faults injected into a running daemon beside a good client; bounded, but too
# long for make check.
.PHONY: check-faults
check-faults: sallyport t/lib/peer
	@$(test_environment) $(PROVE) -v '$(abs_top_srcdir)/t/faults/run'
