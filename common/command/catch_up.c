#include "command/catch_up.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/catch_up_pass.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/options.h"
#include "base/table.h"

#define RETRY_S 10 /* after a pass of --watch that failed */

/* What the command line asks for. */
struct options {
	bool watch, json;
	int64_t since_s; /* -1: from the last complete pass on */
};

/* print_summary - one row */
static void
print_summary(const struct catch_up_counts *counts, bool as_json)
{
	static const char *const columns[] = { "since", "seen", "already_there",
		"applied", "stale", "unmatched", "ignored", "failed", NULL };
	const int numbers[] = { counts->seen,
		counts->seen - counts->missing +
		    counts->outcomes[LEDGER_DUPLICATE],
		counts->outcomes[LEDGER_APPLIED],
		counts->outcomes[LEDGER_STALE],
		counts->outcomes[LEDGER_UNMATCHED],
		counts->outcomes[LEDGER_IGNORED],
		counts->outcomes[LEDGER_HANDLER_ERROR] };
	char since[MOMENT_TEXT], texts[sizeof numbers / sizeof *numbers][12];
	const char *cells[1 + sizeof numbers / sizeof *numbers];
	struct table *table = table_new(columns);

	if (table == NULL)
		return;
	cells[0] = moment_text(counts->since_s, since);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(texts[i], sizeof texts[i], "%d", numbers[i]);
		cells[1 + i] = texts[i];
	}
	table_row(table, cells);
	table_print(table, as_json, stdout);
	table_free(table);
}

/* report - how a single pass ended; the exit status */
static int
report(struct service *service, const struct catch_up_counts *counts,
    enum rc rc, bool as_json)
{
	int failed = counts->outcomes[LEDGER_HANDLER_ERROR];

	if (rc == RC_BUSY)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
	if (rc != RC_OK)
		return command_line_fail(service, EXIT_FAILED,
		    "Stripe did not give its events; %d of them were applied, "
		    "run it again for the others",
		    counts->done);
	print_summary(counts, as_json);
	if (failed == 0)
		return EXIT_DONE;
	return command_line_fail(service, EXIT_FAILED,
	    "%d could not be applied: see stripe-webhook events list", failed);
}

/* watch - pass after pass, until a signal ends the program: it may, any time */
static void
watch(struct service *service, struct catch_up_pass *pass, int64_t since_s)
{
	const struct catch_up_counts *counts = catch_up_pass_counts(pass);
	const char *why;
	enum rc rc;

	for (;; sleep(rc == RC_OK ? CATCH_UP_EVERY_S : RETRY_S)) {
		rc = catch_up_pass_run(pass, since_s);
		why = rc == RC_BUSY ? db_error(service->db) :
				      "Stripe did not give its events";
		if (rc != RC_OK)
			log_message("warn", "catch-up waits: %s", why);
		else
			since_s = -1;
		if (counts->done > 0)
			log_message("info", "catch-up: %d events, %d failed",
			    counts->done,
			    counts->outcomes[LEDGER_HANDLER_ERROR]);
	}
}

/* read_options - EXIT_DONE, or a status with its sentence */
static int
read_options(
    struct service *service, struct options *options, int argc, char **argv)
{
	const char *since = NULL;
	const struct option_spec specs[] = { { "--since", NULL, &since },
		{ "--watch", &options->watch, NULL },
		{ "--json", &options->json, NULL }, { NULL, NULL, NULL } };

	memset(options, 0, sizeof *options);
	options->since_s = -1;
	if (options_read(specs, argc, argv) != 0)
		return command_line_fail(service, EXIT_USAGE,
		    "usage: catch-up [--since T] [--watch] [--json]");
	if (since != NULL &&
	    moment_parse(since, (int64_t)time(NULL), &options->since_s) !=
		RC_OK)
		return command_line_fail(
		    service, EXIT_USAGE, "--since %s: " MOMENT_FORMS, since);
	return EXIT_DONE;
}

/* catch_up - the command */
int
catch_up(struct service *service, struct stripe_intake *intake, int argc,
    char **argv)
{
	const char *trouble = stripe_intake_trouble(intake);
	struct catch_up_pass *pass;
	struct options options;
	int status;
	enum rc rc;

	status = read_options(service, &options, argc, argv);
	if (status != EXIT_DONE)
		return status;
	if (trouble != NULL)
		return command_line_fail(service, EXIT_CONFIG, "%s", trouble);
	status = command_line_connect(service);
	if (status != EXIT_DONE &&
	    !(options.watch && status == EXIT_UNAVAILABLE))
		return status;
	stripe_intake_ask_nothing(intake);
	pass = catch_up_pass_new(service, intake);
	if (pass == NULL)
		return command_line_fail(service, EXIT_FAILED, "out of memory");
	if (options.watch)
		watch(service, pass, options.since_s);
	rc = catch_up_pass_run(pass, options.since_s);
	status = report(service, catch_up_pass_counts(pass), rc, options.json);
	catch_up_pass_free(pass);
	return status;
}
