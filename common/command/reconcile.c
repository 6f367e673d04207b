#include "command/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "command/reconcile_walk.h"
#include "base/table.h"
#include "stripe/stripe_state.h"

DB_STATEMENT(reconcile_begin, 2,
    "SELECT run, after, checked, total"
    " FROM billing.reconcile_begin($1, $2)");
DB_STATEMENT(reconcile_drift, 1,
    "SELECT subscription, field, here, at_stripe,"
    " CASE WHEN fixed THEN 'fixed' ELSE 'not fixed' END"
    " FROM billing.reconcile_drift($1)");
DB_STATEMENT(reconcile_finish, 1,
    "SELECT checked, drift, fixed"
    " FROM billing.reconcile_finish($1)");

const struct db_statement *const reconcile_statements[] = {
	&sql_reconcile_begin.is,
	&sql_reconcile_drift.is,
	&sql_reconcile_finish.is,
	NULL,
};

#define PAGE_ARENA_MAX (64 << 20) /* bytes */
#define ONE_ARENA_MAX (8 << 20)

/* What the command line asks for. */
static struct {
	bool dry_run, fix, restart, json;
} asked;

/* begin - a run, or one that was interrupted; EXIT_DONE, or a status */
static int
begin(struct reconcile_walk *walk)
{
	struct service *service = walk->service;
	const char *const params[] = { asked.fix ? "true" : "false",
		asked.restart ? "true" : "false" };
	struct db_result *result;
	const char *after;
	int rows;

	if (db_run(service->db, sql_reconcile_begin, params, &result) != RC_OK)
		return command_line_database(service);
	rows = db_result_rows(result);
	if (rows == 1) {
		walk->run = arena_printf(
		    service->arena, "%s", db_result_text(result, 0, 0));
		after = db_result_text(result, 0, 1);
		if (after != NULL)
			walk->after = arena_printf(service->arena, "%s", after);
		walk->checked = atoi(db_result_text(result, 0, 2));
		walk->total = atoi(db_result_text(result, 0, 3));
	}
	db_result_free(result);
	if (rows != 1)
		return command_line_fail(
		    service, EXIT_FAILED, "another reconcile is under way");
	if (walk->after != NULL)
		fprintf(stderr,
		    "going on with a run that was interrupted after %d "
		    "subscriptions; --restart begins anew\n",
		    walk->checked);
	return EXIT_DONE;
}

/* print_drift - all that the run found; false: the database is away */
static bool
print_drift(struct reconcile_walk *walk, bool as_json)
{
	const char *const columns[] = { "subscription", "field", "here",
		"at_stripe", walk->fix ? "result" : NULL, NULL };
	const char *const params[] = { walk->run };
	struct db_result *rows;
	struct table *table;

	if (db_run(walk->service->db, sql_reconcile_drift, params, &rows) !=
	    RC_OK)
		return false;
	table = table_new(columns);
	for (int i = 0; table != NULL && i < db_result_rows(rows); i++) {
		const char *cells[5];

		for (int c = 0; c < 5; c++)
			cells[c] = db_result_text(rows, i, c);
		table_row(table, cells);
	}
	if (as_json || db_result_rows(rows) > 0)
		command_line_table(table, as_json);
	else
		table_free(table);
	db_result_free(rows);
	return true;
}

/* finish - the result, kept and said; the exit status */
static int
finish(struct reconcile_walk *walk, bool as_json)
{
	struct service *service = walk->service;
	const char *const params[] = { walk->run };
	struct db_result *result;
	int checked, drift, fixed;

	if (db_run(service->db, sql_reconcile_finish, params, &result) != RC_OK)
		return command_line_database(service);
	checked = atoi(db_result_text(result, 0, 0));
	drift = atoi(db_result_text(result, 0, 1));
	fixed = atoi(db_result_text(result, 0, 2));
	db_result_free(result);
	if (!print_drift(walk, as_json))
		return command_line_database(service);
	fprintf(stderr, "subscriptions at Stripe: %d, different here: %d",
	    checked, drift);
	if (walk->fix)
		fprintf(stderr, ", fixed: %d", fixed);
	fputc('\n', stderr);
	if (walk->strange)
		return command_line_fail(service, EXIT_FAILED,
		    "Stripe knows none of the subscriptions here, so none of "
		    "them was ended: is STRIPE_API_KEY of the right account "
		    "and mode?");
	return drift > fixed || walk->malformed > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* compare - with everything at hand */
static int
compare(struct reconcile_walk *walk)
{
	int status = begin(walk);
	enum rc rc;

	if (status != EXIT_DONE)
		return status;
	rc = reconcile_walk(walk);
	if (rc == RC_OK)
		return finish(walk, asked.json);
	if (rc == RC_BUSY)
		return command_line_database(walk->service);
	return command_line_fail(walk->service, EXIT_FAILED,
	    "Stripe did not give its subscriptions; %d are done, run it again "
	    "for the others",
	    walk->checked);
}

/* run - the command */
static int
run(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	struct reconcile_walk walk = {
		.service = service, .intake = state->intake, .fix = asked.fix
	};
	const char *trouble = stripe_intake_trouble(state->intake);
	int status;

	(void)count, (void)operands;
	if (asked.dry_run && asked.fix)
		return command_line_fail(
		    service, EXIT_USAGE, "give --dry-run or --fix, not both");
	if (trouble != NULL)
		return command_line_fail(service, EXIT_CONFIG, "%s", trouble);
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	walk.page = arena_new(PAGE_ARENA_MAX);
	walk.one = arena_new(ONE_ARENA_MAX);
	status = compare(&walk);
	arena_free(walk.one);
	arena_free(walk.page);
	return status;
}

static const struct option options[] = {
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--fix", .flag = &asked.fix },
	{ .name = "--restart", .flag = &asked.restart },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command reconcile_command = {
	.name = "reconcile",
	.arguments = "[--dry-run | --fix] [--restart] [--json]",
	.help = "compare every subscription with Stripe's",
	.options = options,
	.run = run,
};
