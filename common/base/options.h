/*
 * options.h - the options of a command, read from its words by a table.
 */
#ifndef PAYDESK_OPTIONS_H
#define PAYDESK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"

#define OPTIONS_PROBLEM_MAX 256

/*
 * One option: a flag, or one that takes a text, a whole number or a time. Just
 * one of the pointers is set. A table ends with a NULL name.
 */
struct option {
	const char *name; /* with its dashes */
	bool *flag;
	const char **text;
	long *number;
	long min, max; /* of the number */
	int64_t *moment_s;
};

/*
 * Reads words[0…count-1]; what is no option moves to the front, and *operands
 * says how many that are. The value of an option is its next word, or what
 * follows a '='. "--" ends the options; a word such as -3 is an operand. RC_BAD_REQUEST: problem is a sentence on
 * the word that is wrong.
 */
enum rc options_read(const struct option *options, int count, char **words,
    int *operands, char problem[OPTIONS_PROBLEM_MAX]) MUST_CHECK;

#endif
