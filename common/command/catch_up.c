#include "command/catch_up.h"

#include <stdio.h>
#include <unistd.h>

#include "command/catch_up_pass.h"
#include "base/log.h"
#include "base/moment.h"
#include "base/table.h"
#include "stripe/stripe_state.h"

#define RETRY_S 10 /* after a pass of --watch that failed */

/* What the command line asks for. */
static struct {
	bool watch, json;
	int64_t since_s; /* -1: from the last complete pass on */
} asked = { .since_s = -1 };

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

	cells[0] = moment_text(counts->since_s, since);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(texts[i], sizeof texts[i], "%d", numbers[i]);
		cells[1 + i] = texts[i];
	}
	table_row(table, cells);
	command_line_table(table, as_json);
}

/* report - how a single pass ended; the exit status */
static int
report(struct service *service, const struct catch_up_counts *counts,
    enum rc rc, bool as_json)
{
	int failed = counts->outcomes[LEDGER_HANDLER_ERROR];

	if (rc == RC_BUSY)
		return command_line_database(service);
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

/* run - the command */
static int
run(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	const char *trouble = stripe_intake_trouble(state->intake);
	struct catch_up_pass *pass;
	int status;
	enum rc rc;

	(void)count, (void)operands;
	if (trouble != NULL)
		return command_line_fail(service, EXIT_CONFIG, "%s", trouble);
	status = command_line_connect(service);
	if (status != EXIT_DONE && !(asked.watch && status == EXIT_UNAVAILABLE))
		return status;
	stripe_intake_ask_less(state->intake);
	pass = catch_up_pass_new(service, state->intake);
	if (pass == NULL)
		return command_line_fail(service, EXIT_FAILED, "out of memory");
	if (asked.watch)
		watch(service, pass, asked.since_s);
	rc = catch_up_pass_run(pass, asked.since_s);
	status = report(service, catch_up_pass_counts(pass), rc, asked.json);
	catch_up_pass_free(pass);
	return status;
}

static const struct option options[] = {
	{ .name = "--since", .moment_s = &asked.since_s },
	{ .name = "--watch", .flag = &asked.watch },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command catch_up_command = {
	.name = "catch-up",
	.arguments = "[--since T] [--watch] [--json]",
	.help = "apply the events at Stripe that never arrived",
	.options = options,
	.run = run,
};
