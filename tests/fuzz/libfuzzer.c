/*
 * Between libFuzzer and our seeds and words: it needs no corpus to begin with.
 */
#include "fuzz.h"

#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* LLVMFuzzerCustomMutator - libFuzzer's own changes, and sometimes one of ours */
size_t
LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint8_t input[FUZZ_INPUT_MAX];
	const struct fuzz_bytes *begin;

	fuzz_seed(seed);
	if (fuzz_draw(4) > 0)
		return LLVMFuzzerMutate(data, size, max_size);
	if (size > FUZZ_INPUT_MAX || size < 2 || fuzz_draw(100) == 0) {
		begin = fuzz_draw_from(fuzz_seeds);
		size = begin->len;
		memcpy(input, begin->bytes, size);
	} else {
		memcpy(input, data, size);
		size = fuzz_mutate(input, size);
	}
	if (size > max_size)
		size = max_size;
	memcpy(data, input, size);
	return size;
}
