#include "program/command_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

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
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: DATABASE_URL is not set");
	rc = db_connect(service->db);
	if (rc == RC_OK)
		return EXIT_DONE;
	return command_line_fail(service,
	    rc == RC_INTERNAL ? EXIT_CONFIG : EXIT_UNAVAILABLE, "database: %s",
	    db_error(service->db));
}

/* command_line_progress - for long work that a person watches */
void
command_line_progress(int done, int total)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%d of %d%s", done, total,
		    done == total ? "\n" : "");
}
