# A fuzz target is t/fuzz/NAME.c with LLVMFuzzerTestOneInput() and a corpus in
# t/fuzz/corpus/NAME/. Each is built twice:
#     check_PROGRAMS += t/fuzz/NAME.t
#     t_fuzz_NAME_t_SOURCES = t/fuzz/NAME.c t/fuzz/replay.c
#     t_fuzz_NAME_t_LDADD = $(unit_ldadd)
# replays the corpus in every `make check'; with --enable-fuzzers
#     noinst_PROGRAMS += t/fuzz/NAME-fuzz
#     t_fuzz_NAME_fuzz_SOURCES = t/fuzz/NAME.c
#     t_fuzz_NAME_fuzz_LDADD = $(unit_ldadd)
#     t_fuzz_NAME_fuzz_LDFLAGS = $(SP_LDFLAGS) $(SP_FUZZ_FLAGS)
# is the program to let run: t/fuzz/NAME-fuzz DIR.
