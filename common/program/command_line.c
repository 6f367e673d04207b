#include "program/command_line.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/table.h"
#include "program/serve.h"

/* command_line_fail - a sentence on standard error, and the status to exit with */
int
command_line_fail(
    const struct service *service, int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", service->program->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* command_line_connect - what a command does first */
int
command_line_connect(struct service *service)
{
	enum rc rc;

	if (service->db == NULL)
		return command_line_fail(
		    service, EXIT_CONFIG, "DATABASE_URL is not set");
	rc = db_connect(service->db);
	if (rc == RC_OK)
		return EXIT_DONE;
	return command_line_fail(service,
	    rc == RC_INTERNAL ? EXIT_CONFIG : EXIT_UNAVAILABLE, "database: %s",
	    db_error(service->db));
}

/* command_line_database - 42501 is a role that may not do this */
int
command_line_database(const struct service *service)
{
	const char *role = service->command->role;

	if (strcmp(db_sqlstate(service->db), "42501") != 0)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
	if (role == NULL)
		return command_line_fail(service, EXIT_CONFIG,
		    "database: %s: name this program's role in DATABASE_URL",
		    db_error(service->db));
	return command_line_fail(service, EXIT_CONFIG,
	    "the role in DATABASE_URL may not do this: use %s, e.g. "
	    "DATABASE_URL='postgresql://%s@/paydesk?host=/run/postgresql'",
	    role, role);
}

/* command_line_table - the end of a command that lists */
void
command_line_table(struct table *table, bool as_json)
{
	if (table != NULL)
		table_print(table, as_json, stdout);
	table_free(table);
}

/* command_line_progress - for long work that a person watches */
void
command_line_progress(int done, int total)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%d of %d%s", done, total,
		    done == total ? "\n" : "");
}

/* command_line_usage - the command's own part of --help */
void
command_line_usage(
    FILE *out, const char *program, const struct command *command)
{
	fprintf(out, "  %s %s%s%s\n      %s\n", program, command->name,
	    *command->arguments != '\0' ? " " : "", command->arguments,
	    command->help);
}

/* command_line_commands - an empty list for a program that has none */
const struct command *const *
command_line_commands(const struct program *program)
{
	static const struct command *const none[] = { NULL };

	return program->commands != NULL ? program->commands : none;
}

/* words_of - how many words of argv are the command's name; 0: it is another */
static int
words_of(const struct command *command, int argc, char **argv)
{
	const char *second = strchr(command->name, ' ');
	size_t len = strcspn(command->name, " ");

	if (argc < 2 || strlen(argv[1]) != len ||
	    strncmp(argv[1], command->name, len) != 0)
		return 0;
	if (second == NULL)
		return 1;
	return argc > 2 && strcmp(argv[2], second + 1) == 0 ? 2 : 0;
}

/* command_line_find - in the program's table */
const struct command *
command_line_find(
    const struct service *service, int argc, char **argv, int *words)
{
	const struct command *const *command = command_line_commands(
	    service->program);

	for (; *command != NULL; command++) {
		*words = 1 + words_of(*command, argc, argv);
		if (*words > 1)
			return *command;
	}
	return NULL;
}

/* command_line_unknown - perhaps it is half of one */
int
command_line_unknown(const struct service *service, const char *word)
{
	const struct command *const *command = command_line_commands(
	    service->program);
	size_t len = strlen(word);

	for (; *command != NULL; command++) {
		if (strncmp((*command)->name, word, len) == 0 &&
		    (*command)->name[len] == ' ')
			return command_line_fail(service, EXIT_USAGE,
			    "'%s' is half of a command such as '%s'; see "
			    "%s --help",
			    word, (*command)->name, service->program->name);
	}
	return command_line_fail(service, EXIT_USAGE,
	    "there is no command '%s'; see %s --help", word,
	    service->program->name);
}

/* misused - what is wrong, and how it is called */
static int
misused(const struct service *service, const char *problem)
{
	command_line_fail(
	    service, EXIT_USAGE, "%s: %s", service->command->name, problem);
	fputs("usage:\n", stderr);
	command_line_usage(stderr, service->program->name, service->command);
	return EXIT_USAGE;
}

/* command_line_read - options and operands, as the table says */
int
command_line_read(
    struct service *service, int count, char **words, int *operands)
{
	const struct command *command = service->command;
	char problem[OPTIONS_PROBLEM_MAX];

	if (options_read(command->options, count, words, operands, problem) !=
	    RC_OK)
		return misused(service, problem);
	if (*operands < command->operands_min ||
	    (*operands > 0 && *words[0] == '\0'))
		return misused(service, "something is missing");
	if (*operands > command->operands_max) {
		snprintf(problem, sizeof problem, "'%.60s' is too much",
		    words[command->operands_max]);
		return misused(service, problem);
	}
	return EXIT_DONE;
}

/* command_line_run - read, then run */
int
command_line_run(struct service *service, const struct command *command,
    int count, char **words)
{
	int operands, status;

	service->command = command;
	status = command_line_read(service, count, words, &operands);
	return status == EXIT_DONE ? command->run(service, operands, words) :
				     status;
}
