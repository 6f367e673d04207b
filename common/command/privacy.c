#include "command/privacy.h"

#include <stdio.h>
#include <string.h>

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
	struct db_result *result;
};

/* What the command line asks for. */
static struct {
	bool by_email, dry_run, yes, json;
} asked;

/* export - the command: one JSON document */
static int export(struct service *service, int count, char **operands)
{
	const char *const params[] = { operands[0],
		asked.by_email ? "true" : "false" };
	struct db_result *result;
	const char *problem;
	int status;

	(void)count;
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_operator_export, params, &result) != RC_OK)
		return command_line_database(service);
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

/* erase_work - of a transaction, or of a trial */
static enum rc
erase_work(struct db *db, void *context)
{
	struct erasure *erasure = context;
	const char *const params[] = { erasure->id, erasure->by_email };

	db_result_free(erasure->result);
	return db_run(db, sql_operator_erase, params, &erasure->result);
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
	command_line_table(table, json);
	return EXIT_DONE;
}

/* erase - the command: lists what it did, or with --dry-run would do */
static int
erase(struct service *service, int count, char **operands)
{
	struct erasure erasure = { .id = operands[0],
		.by_email = asked.by_email ? "true" : "false" };
	enum rc rc;
	int status;

	(void)count;
	if (asked.dry_run == asked.yes)
		return command_line_fail(service, EXIT_USAGE,
		    "this cannot be undone: look with --dry-run, then give "
		    "--yes");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	rc = (asked.dry_run ? db_trial : db_transaction)(
	    service->db, erase_work, &erasure);
	if (rc == RC_OK)
		status = print_erasure(service, erasure.result, asked.json);
	else
		status = command_line_database(service);
	db_result_free(erasure.result);
	return status;
}

static const struct option export_options[] = {
	{ .name = "--email", .flag = &asked.by_email },
	{ .name = NULL },
};

static const struct option erase_options[] = {
	{ .name = "--email", .flag = &asked.by_email },
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--yes", .flag = &asked.yes },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command privacy_export_command = {
	.name = "export",
	.arguments = "[--email] ID",
	.help = "all that is held on a person, as JSON",
	.role = "paydesk_operator",
	.options = export_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = export,
};

const struct command privacy_erase_command = {
	.name = "erase",
	.arguments = "[--email] [--dry-run | --yes] [--json] ID",
	.help = "take a person out of the books",
	.role = "paydesk_operator",
	.options = erase_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = erase,
};
