/*
 * memory.h - memory that is there for as long as a program runs.
 *
 * What is missing at the start ends the program; what a request needs comes from
 * its arena and may be refused.
 */
#ifndef PAYDESK_MEMORY_H
#define PAYDESK_MEMORY_H

#include <stddef.h>

/* Zeroed, for free(). Never NULL: without memory the program ends. */
void *memory_new(size_t size);

/* Says so and ends the program with status 71, as in sysexits.h. */
void memory_exhausted(void) __attribute__((noreturn));

#endif
