/*
 * What the fuzz targets share. A target gets any bytes and must neither crash
 * nor break a promise of the code under it; it says those with must().
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the run, so that libFuzzer keeps the input and prove sees a failure. */
#define must(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
			    __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

/* The target; libFuzzer or replay.c calls it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
