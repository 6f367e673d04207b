/*
 * command_line.h - what commands and the start of a program have in common.
 */
#ifndef PAYDESK_COMMAND_LINE_H
#define PAYDESK_COMMAND_LINE_H

struct service; /* serve.h */

/* Exit statuses, as in sysexits.h. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 64,
	EXIT_UNAVAILABLE = 69,
	EXIT_CONFIG = 78,
};

/* Prints "NAME: …" on standard error and returns status. */
int command_line_fail(const struct service *service, int status,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Connects the program's database. Returns EXIT_DONE, or the status to exit
 * with, after saying why.
 */
int command_line_connect(struct service *service);

/* Shows "DONE of TOTAL" on standard error when that is a terminal. */
void command_line_progress(int done, int total);

#endif
