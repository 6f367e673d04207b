/*
 * A fuzzer as a test: the seeds, then what becomes of them by a fixed series of
 * changes. The inputs are tried in a process of its own, so that any way to die
 * is told with the number of the input.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERIES_S 100 /* longest duration of all of them */

/* make_input - number n of the series: the seeds, then changed ones */
static size_t
make_input(unsigned long n, uint8_t *input)
{
	const struct fuzz_bytes *seed;
	size_t seeds = 0, changes, len;

	while (fuzz_seeds[seeds].bytes != NULL)
		seeds++;
	fuzz_seed(n);
	seed = n < seeds ? &fuzz_seeds[n] : fuzz_draw_from(fuzz_seeds);
	changes = n < seeds ? 0 : 1 + fuzz_draw(3);
	len = seed->len;
	memcpy(input, seed->bytes, len);
	while (changes-- > 0)
		len = fuzz_mutate(input, len);
	return len;
}

/* try_input - a copy of its very size, so that a read too far is seen */
static void
try_input(unsigned long n)
{
	uint8_t input[FUZZ_INPUT_MAX], *copy;
	size_t len = make_input(n, input);

	copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, input, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* show_input - for a debugger, or for libFuzzer's corpus */
static int
show_input(unsigned long n)
{
	uint8_t input[FUZZ_INPUT_MAX];
	size_t len = make_input(n, input);

	return fwrite(input, 1, len, stdout) == len ? 0 : 1;
}

/* main - all inputs as a test, or one of them on standard output */
int
main(int argc, char **argv)
{
	unsigned long *current;
	int status;
	pid_t child;

	if (argc > 1)
		return show_input(strtoul(argv[1], NULL, 10));
	current = mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (current == MAP_FAILED)
		return 1;
	printf("1..1\n");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		alarm(SERIES_S);
		for (*current = 0; *current < fuzz_inputs; ++*current)
			try_input(*current);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok 1 - %lu inputs\n", fuzz_inputs);
		return 0;
	}
	printf("not ok 1 - input %lu (%s %lu shows it): %s %d\n", *current,
	    argv[0], *current, WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}
