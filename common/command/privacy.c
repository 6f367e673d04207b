#include "command/privacy.h"

#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "base/table.h"

DB_OPERATOR_STATEMENT(operator_export, 2,
    "SELECT problem, document"
    " FROM billing.account_export($1, $2)");
DB_OPERATOR_STATEMENT(operator_erase, 2,
    "SELECT part, rows, becomes"
    " FROM billing.account_erase($1, $2)");

const struct db_statement *const privacy_statements[] = {
	&sql_operator_export.is,
	&sql_operator_erase.is,
	NULL,
};

/* An erasure under way. */
struct erasure {
	const char *id, *by_email;
	bool dry_run;
	struct db_result *result;
};

/* unavailable - why the database did not do it */
static int
unavailable(struct service *service)
{
	if (strcmp(db_sqlstate(service->db), "42501") == 0)
		return command_line_fail(service, EXIT_CONFIG,
		    "the role in DATABASE_URL may not do this: use "
		    "paydesk_operator, e.g. "
		    "DATABASE_URL=postgresql://paydesk_operator@/paydesk");
	return command_line_fail(
	    service, EXIT_UNAVAILABLE, "database: %s", db_error(service->db));
}

/* privacy_export - as privacy.h says */
int
privacy_export(struct service *service, int argc, char **argv)
{
	bool by_email = false;
	const struct option_spec specs[] = {
		{ "--email", &by_email, NULL },
		{ NULL, NULL, NULL },
	};
	struct db_result *result;
	const char *problem;
	int status;

	if (options_read(specs, argc, argv) != 1 || *argv[1] == '\0')
		return command_line_fail(
		    service, EXIT_USAGE, "usage: export [--email] ID");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	const char *const params[] = { argv[1], by_email ? "true" : "false" };
	if (db_run(service->db, sql_operator_export, params, &result) != RC_OK)
		return unavailable(service);
	problem = db_result_text(result, 0, 0);
	if (problem != NULL)
		status = command_line_fail(service, EXIT_FAILED, "%s", problem);
	else if (puts(db_result_text(result, 0, 1)) == EOF ||
	    fflush(stdout) != 0)
		status = command_line_fail(
		    service, EXIT_FAILED, "the document was not written");
	db_result_free(result);
	return status;
}

/* erase - as a transaction's work; a dry run rolls back by not being RC_OK */
static enum rc
erase(struct db *db, void *context)
{
	struct erasure *erasure = context;
	const char *const params[] = { erasure->id, erasure->by_email };
	enum rc rc;

	db_result_free(erasure->result);
	rc = db_run(db, sql_operator_erase, params, &erasure->result);
	if (rc == RC_OK && erasure->dry_run)
		return RC_NOT_FOUND;
	return rc;
}

/* print_erasure - what was done; or why nothing was, and the status for that */
static int
print_erasure(
    struct service *service, const struct db_result *result, bool json)
{
	static const char *const columns[] = { "what", "rows", "becomes",
		NULL };
	struct table *table;

	if (db_result_text(result, 0, 1) == NULL)
		return command_line_fail(
		    service, EXIT_FAILED, "%s", db_result_text(result, 0, 0));
	table = table_new(columns);
	for (int i = 0; i < db_result_rows(result); i++) {
		const char *const cells[] = { db_result_text(result, i, 0),
			db_result_text(result, i, 1),
			db_result_text(result, i, 2) };

		table_row(table, cells);
	}
	table_print(table, json, stdout);
	table_free(table);
	return EXIT_DONE;
}

/* privacy_erase - as privacy.h says */
int
privacy_erase(struct service *service, int argc, char **argv)
{
	bool by_email = false, yes = false, json = false;
	struct erasure erasure = { NULL, NULL, false, NULL };
	const struct option_spec specs[] = {
		{ "--email", &by_email, NULL },
		{ "--dry-run", &erasure.dry_run, NULL },
		{ "--yes", &yes, NULL },
		{ "--json", &json, NULL },
		{ NULL, NULL, NULL },
	};
	enum rc rc;
	int status;

	if (options_read(specs, argc, argv) != 1 || *argv[1] == '\0')
		return command_line_fail(service, EXIT_USAGE,
		    "usage: erase [--email] [--dry-run | --yes] [--json] ID");
	if (erasure.dry_run == yes)
		return command_line_fail(service, EXIT_USAGE,
		    "this cannot be undone: look with --dry-run, then give "
		    "--yes");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	erasure.id = argv[1];
	erasure.by_email = by_email ? "true" : "false";
	rc = db_transaction(service->db, erase, &erasure);
	if (rc == RC_OK || (rc == RC_NOT_FOUND && erasure.dry_run))
		status = print_erasure(service, erasure.result, json);
	else
		status = unavailable(service);
	db_result_free(erasure.result);
	return status;
}
