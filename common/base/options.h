/*
 * options.h - the options of a command.
 */
#ifndef PAYDESK_OPTIONS_H
#define PAYDESK_OPTIONS_H

#include <stdbool.h>

/* One option: a flag, or one that takes a text. The list ends with NULL. */
struct option_spec {
	const char *name; /* with its dashes */
	bool *flag;
	const char **text;
};

/*
 * Reads argv[1…]; what is no option moves to the front, from argv[1] on, and is
 * counted in the answer. An option's text is its next word, or what follows a
 * '='. "--" ends the options. -1: there is no such option, or its text is
 * missing, or a flag was given one.
 */
int options_read(const struct option_spec *specs, int argc, char **argv);

#endif
