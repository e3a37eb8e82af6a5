# Measuring, see t/bench/NOTES. Nothing of it is built or run by make or
# make check.
#     make bench              all of it, an hour
#     make bench-quick        under two minutes
#     make bench-micro        nanoseconds of the pure parts
EXTRA_PROGRAMS += t/bench/load t/bench/stub t/bench/floor t/bench/delay \
	t/bench/micro
bench_programs = t/bench/load t/bench/stub t/bench/floor t/bench/delay \
	sallyportctl t/lib/peer
t_bench_load_SOURCES = t/bench/load.c t/bench/args.c t/bench/args.h \
	t/bench/conn.c t/bench/conn.h \
	t/bench/meter.c t/bench/meter.h
t_bench_load_LDADD = $(BORINGSSL_LIBS)
t_bench_stub_SOURCES = t/bench/stub.c t/bench/args.c t/bench/args.h
t_bench_stub_LDADD =
t_bench_floor_SOURCES = t/bench/floor.c
t_bench_floor_LDADD =
t_bench_delay_SOURCES = t/bench/delay.c
t_bench_delay_LDADD =
t_bench_micro_SOURCES = t/bench/micro.c
CLEANFILES += t/bench/load t/bench/stub t/bench/floor t/bench/delay \
	t/bench/micro

in_bench = $(test_environment) BENCH_DIR='$(abs_top_builddir)/t/bench' \
	perl '$(abs_top_srcdir)/t/bench/run'
BENCHFLAGS =
.PHONY: bench bench-quick bench-micro
bench: sallyport $(bench_programs)
	@$(in_bench) $(BENCHFLAGS)
bench-quick: sallyport $(bench_programs)
	@$(in_bench) --quick $(BENCHFLAGS)
bench-micro: t/bench/micro
	@t/bench/micro
