/*
 * fuzz.h - between a fuzzer and what drives it.
 *
 * A fuzzer is one file: what it does with an input, inputs to begin with, and
 * words that matter to it. It aborts when the code under test breaks a promise.
 *
 *   ./configure CC=clang --enable-fuzzing && make
 *   tests/fuzz/fuzz-event -max_total_time=600 CORPUS-DIRECTORY
 *
 * searches with libFuzzer. In any other build the same program is a test: it
 * tries a fixed series of inputs and prints TAP.
 */
#ifndef PAYDESK_FUZZ_H
#define PAYDESK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_INPUT_MAX 4096 /* bytes */

struct fuzz_bytes {
	const char *bytes;
	size_t len;
};

/* A literal with its length, NUL bytes in it included. */
#define FUZZ_BYTES(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}

/* Both lists end with NULL bytes. */
extern const struct fuzz_bytes fuzz_seeds[];
extern const struct fuzz_bytes fuzz_words[];

/* How many inputs a test tries: what takes about a second with sanitizers. */
extern const unsigned long fuzz_inputs;

/* The fuzzer. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Changes that the same number brings about in the same way everywhere. */
void fuzz_seed(uint64_t number);

/* A number below limit. */
size_t fuzz_draw(size_t limit);

/* Any of a list. */
const struct fuzz_bytes *fuzz_draw_from(const struct fuzz_bytes *list);

/* Changes one thing in an input with room for FUZZ_INPUT_MAX; its new length. */
size_t fuzz_mutate(uint8_t *input, size_t len);

#endif
