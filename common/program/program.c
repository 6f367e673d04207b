#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/checkup.h"
#include "base/log.h"
#include "program/serve.h"
#include "program/serve_loop.h"
#include "program/settings_file.h"
#include "program/stats.h"

#define DB_TIMEOUT_MS 5000	  /* a request must not wait longer */
#define COMMAND_TIMEOUT_MS 600000 /* of a command, which may read everything */
#define LOCK_TIMEOUT_MS 3000	  /* behind a request or another command */
#define SERVICE_ARENA_MAX (4 << 20) /* bytes */

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* usage - what it is and what it can do */
static void
usage(const struct program *program, FILE *out)
{
	const struct command *const *command;
	const enum setting *setting;
	const struct route *route;

	fprintf(out, "%s - %s\n\nUsage:\n", program->name, program->summary);
	command_line_usage(out, program->name, &checkup_command);
	fprintf(out,
	    "  %s settings\n      print a settings file with every default\n",
	    program->name);
	for (command = command_line_commands(program); *command != NULL;
	     command++)
		command_line_usage(out, program->name, *command);
	fprintf(out, "  %s --help | --version\n\n", program->name);
	fputs("With a listening socket on descriptor 0 it serves FastCGI:\n",
	    out);
	for (route = program->routes; route->method; route++)
		fprintf(out, "  %s %s\n", route->method, route->path);
	fputs("\nSettings, from the environment (NAME_FILE=path reads a "
	      "file) or from systemd's\ncredentials (secret_NAME):\n",
	    out);
	for (setting = program->settings; *setting != SETTING_END; setting++)
		fprintf(out, "  %-24s %s\n", config_name(*setting),
		    config_help(*setting));
	fprintf(out, "\nThe whole story: man %s\n", program->name);
}

/* listening - whether a descriptor is a socket that accepts */
static int
listening(int descriptor)
{
	socklen_t len = sizeof(int);
	int accepts = 0;

	return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts,
		   &len) == 0 &&
	    accepts;
}

/* db_timeout_ms - how long to wait for an answer of the database */
static int
db_timeout_ms(const struct service *service)
{
	if (service->command != NULL && service->command != &checkup_command)
		return COMMAND_TIMEOUT_MS;
	return service->program->db_timeout_ms != 0 ?
	    service->program->db_timeout_ms :
	    DB_TIMEOUT_MS;
}

/* session_options - how long the database may take */
static const char *
session_options(int timeout_ms, char *options, size_t size)
{
	snprintf(options, size,
	    "-c statement_timeout=%d -c lock_timeout=%d "
	    "-c idle_in_transaction_session_timeout=%d",
	    timeout_ms * 8 / 10,
	    timeout_ms < DB_TIMEOUT_MS ? timeout_ms * 6 / 10 : LOCK_TIMEOUT_MS,
	    timeout_ms);
	return options;
}

/* set_up - settings, the program's own state, the database's address */
static int
set_up(struct service *service, char *options, size_t options_size)
{
	const struct program *program = service->program;
	const char *problem = NULL, *url;
	int timeout_ms;

	if (config_load(program->settings, &service->config, &problem) != RC_OK)
		return command_line_fail(service, EXIT_CONFIG, "%s", problem);
	if (program->setup != NULL &&
	    program->setup(service, &problem) != RC_OK)
		return command_line_fail(service, EXIT_CONFIG, "%s", problem);
	url = config_string(service->config, DATABASE_URL);
	if (program->statements == NULL || url == NULL)
		return EXIT_DONE;
	timeout_ms = db_timeout_ms(service);
	session_options(timeout_ms, options, options_size);
	service->db = db_new(url, options, program->statements, timeout_ms);
	return EXIT_DONE;
}

/* no_database - why a program that needs one cannot go on */
static int
no_database(struct service *service)
{
	return command_line_fail(service, EXIT_CONFIG,
	    "DATABASE_URL is not set: give the libpq URI of the database with "
	    "this program's role, e.g. "
	    "postgresql://paydesk_…@/paydesk?host=/run/postgresql");
}

/* join_stats - counting is a help, and no condition */
static void
join_stats(const struct service *service)
{
	const char *directory = config_string(service->config, STATS_DIR);

	if (directory != NULL && !stats_join(directory, service->program->name))
		log_message("warn", "STATS_DIR %s: nothing is counted: %s",
		    directory, strerror(errno));
}

/* serve - as long as descriptor 0 has callers */
static int
serve(struct service *service)
{
	enum rc rc;

	serve_loop_hold_signals();
	if (service->program->statements != NULL && service->db == NULL)
		return no_database(service);
	if (service->db != NULL) {
		rc = db_connect(service->db);
		if (rc != RC_OK)
			log_message(rc == RC_INTERNAL ? "error" : "warn",
			    "no database yet, every request gets 503: %s",
			    db_error(service->db));
	}
	join_stats(service);
	return serve_loop(service, STDIN_FILENO);
}

/* find_command - check, or one of the program's own; NULL: it has none */
static const struct command *
find_command(struct service *service, int argc, char **argv, int *words)
{
	*words = 2;
	if (argc > 1 && strcmp(argv[1], checkup_command.name) == 0)
		return &checkup_command;
	return command_line_find(service, argc, argv, words);
}

/* wants_help - whether any of the words asks for it */
static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return true;
	}
	return false;
}

/* about - answers that need no settings; whether this was one */
static bool
about(const struct service *service, int argc, char **argv)
{
	const struct program *program = service->program;

	if (wants_help(argc, argv) && service->command != NULL)
		command_line_usage(stdout, program->name, service->command);
	else if (argc > 1 && strcmp(argv[1], "--help") == 0)
		usage(program, stdout);
	else if (argc > 1 && strcmp(argv[1], "--version") == 0)
		printf("%s (paydesk) %s\n", program->name, PACKAGE_VERSION);
	else if (argc == 2 && strcmp(argv[1], "settings") == 0)
		settings_file(stdout, program->name, program->settings);
	else
		return false;
	return true;
}

/* work - with settings that are right: the command, or the service */
static int
work(struct service *service, int count, char **operands)
{
	return service->command != NULL ?
	    service->command->run(service, count, operands) :
	    serve(service);
}

/* run - from the settings to the end */
static int
run(struct service *service, int count, char **operands)
{
	char options[256];
	int status;

	service->arena = arena_new(SERVICE_ARENA_MAX);
	status = set_up(service, options, sizeof options);
	if (status == EXIT_DONE)
		status = work(service, count, operands);
	db_free(service->db);
	arena_free(service->arena);
	config_free(service->config);
	return status;
}

/* program_main - options, then a command or the service */
int
program_main(const struct program *program, int argc, char **argv)
{
	struct service service = { .program = program };
	int words, count = 0, status = EXIT_DONE;
	unsigned seed;

	if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed)
		srandom(seed);
	log_init(program->name);
	service.command = find_command(&service, argc, argv, &words);
	if (about(&service, argc, argv))
		return EXIT_DONE;
	if (argc < 2 && !listening(STDIN_FILENO)) {
		usage(program, stderr);
		return EXIT_USAGE;
	}
	if (argc > 1 && service.command == NULL)
		return command_line_unknown(&service, argv[1]);
	if (service.command != NULL)
		status = command_line_read(
		    &service, argc - words, argv + words, &count);
	return status == EXIT_DONE ? run(&service, count, argv + words) :
				     status;
}
