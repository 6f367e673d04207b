#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define EXIT_OSERR 71

/* memory_exhausted - the end */
void
memory_exhausted(void)
{
	fputs("paydesk: out of memory\n", stderr);
	exit(EXIT_OSERR);
}

/* memory_new - zeroed */
void *
memory_new(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		memory_exhausted();
	return memory;
}
