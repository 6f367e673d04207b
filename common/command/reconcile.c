#include "command/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "command/reconcile_walk.h"
#include "base/table.h"

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
struct options {
	bool dry_run, fix, restart, json;
};

/* database - its failure, as an exit status */
static int
database(struct service *service)
{
	return command_line_fail(
	    service, EXIT_UNAVAILABLE, "database: %s", db_error(service->db));
}

/* begin - a run, or one that was interrupted; EXIT_DONE, or a status */
static int
begin(struct reconcile_walk *walk, const struct options *options)
{
	struct service *service = walk->service;
	const char *const params[] = { options->fix ? "true" : "false",
		options->restart ? "true" : "false" };
	struct db_result *result;
	const char *after;
	int rows;

	if (db_run(service->db, sql_reconcile_begin, params, &result) != RC_OK)
		return database(service);
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
	if (table != NULL && (as_json || db_result_rows(rows) > 0))
		table_print(table, as_json, stdout);
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
		return database(service);
	checked = atoi(db_result_text(result, 0, 0));
	drift = atoi(db_result_text(result, 0, 1));
	fixed = atoi(db_result_text(result, 0, 2));
	db_result_free(result);
	if (!print_drift(walk, as_json))
		return database(service);
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

/* read_options - false: the usage is wrong */
static bool
read_options(struct options *options, int argc, char **argv)
{
	const struct option_spec specs[] = {
		{ "--dry-run", &options->dry_run, NULL },
		{ "--fix", &options->fix, NULL },
		{ "--restart", &options->restart, NULL },
		{ "--json", &options->json, NULL },
		{ NULL, NULL, NULL },
	};

	memset(options, 0, sizeof *options);
	return options_read(specs, argc, argv) == 0 &&
	    !(options->dry_run && options->fix);
}

/* run - with everything at hand */
static int
run(struct reconcile_walk *walk, const struct options *options)
{
	struct service *service = walk->service;
	int status = begin(walk, options);
	enum rc rc;

	if (status != EXIT_DONE)
		return status;
	rc = reconcile_walk(walk);
	if (rc == RC_OK)
		return finish(walk, options->json);
	if (rc == RC_BUSY)
		return database(service);
	return command_line_fail(service, EXIT_FAILED,
	    "Stripe did not give its subscriptions; %d are done, run it again "
	    "for the others",
	    walk->checked);
}

/* reconcile - the command */
int
reconcile(struct service *service, struct stripe_intake *intake, int argc,
    char **argv)
{
	struct reconcile_walk walk = { .service = service, .intake = intake };
	const char *trouble = stripe_intake_trouble(intake);
	struct options options;
	int status;

	if (!read_options(&options, argc, argv))
		return command_line_fail(service, EXIT_USAGE,
		    "usage: reconcile [--dry-run | --fix] [--restart] "
		    "[--json]");
	if (trouble != NULL)
		return command_line_fail(service, EXIT_CONFIG, "%s", trouble);
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	walk.fix = options.fix;
	walk.page = arena_new(PAGE_ARENA_MAX);
	walk.one = arena_new(ONE_ARENA_MAX);
	status = run(&walk, &options);
	arena_free(walk.one);
	arena_free(walk.page);
	return status;
}
