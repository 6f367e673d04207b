/*
 * command_line.h - commands: a table of what each takes, and what all share.
 */
#ifndef PAYDESK_COMMAND_LINE_H
#define PAYDESK_COMMAND_LINE_H

#include <stdio.h>

#include "base/options.h"

struct program; /* serve.h */
struct service; /* serve.h */
struct table;	/* table.h */

/*
 * Exit statuses, as in sysexits.h; one cause has one:
 *   EXIT_FAILED       the work failed, or found what should not be
 *   EXIT_USAGE        the words of the command are wrong
 *   EXIT_UNAVAILABLE  the database cannot be reached or did not answer
 *   EXIT_CONFIG       a setting is missing or wrong, or the database is not
 *                     what this program needs
 */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 64,
	EXIT_UNAVAILABLE = 69,
	EXIT_CONFIG = 78,
};

#define ANY_OPERANDS 10000

struct command {
	const char *name;      /* one word or two */
	const char *arguments; /* as in a synopsis */
	const char *help;      /* one line */
	const char *role;      /* that it needs; NULL: the program's own */

	/* What it takes; read before run() is called. */
	const struct option *options;
	int operands_min, operands_max;

	/* Returns the exit status. */
	int (*run)(struct service *service, int count, char **operands);
};

/* The program's own commands; the list ends with NULL. */
const struct command *const *command_line_commands(
    const struct program *program);

/*
 * The command of the program that argv[1…] names; NULL: none. *words is how many
 * words of argv that are, with the program's own name.
 */
const struct command *command_line_find(
    const struct service *service, int argc, char **argv, int *words);

/*
 * Reads the words behind the command's name, service->command, as its table says:
 * *operands of them stay, at the front. Returns EXIT_DONE, or EXIT_USAGE after
 * saying what is wrong.
 */
int command_line_read(
    struct service *service, int count, char **words, int *operands);

/* The two together, for unit suites. */
int command_line_run(struct service *service, const struct command *command,
    int count, char **words);

/* Says that there is no command of that name; returns the exit status. */
int command_line_unknown(const struct service *service, const char *word);

/* Prints how a command is called and what it does. */
void command_line_usage(
    FILE *out, const char *program, const struct command *command);

/* Prints "NAME: …" on standard error and returns status. */
int command_line_fail(const struct service *service, int status,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Connects the program's database. Returns EXIT_DONE, or the status to exit
 * with, after saying why.
 */
int command_line_connect(struct service *service);

/* Says what the database refused or why it is away; returns the status. */
int command_line_database(const struct service *service);

/* Prints the table on standard output, aligned or as JSON, and frees it. */
void command_line_table(struct table *table, bool as_json);

/* Shows "DONE of TOTAL" on standard error when that is a terminal. */
void command_line_progress(int done, int total);

#endif
