#include "command/catalog_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "catalog/catalog_diff.h"

#define FOLLOW "500" /* subscriptions a transaction */
#define DAYS_MAX 36500

DB_OPERATOR_STATEMENT(catalog_apply, 3,
    "SELECT before, after, subscriptions"
    " FROM billing.catalog_apply($1, $2, $3)");
DB_OPERATOR_STATEMENT(catalog_follow, 1,
    "SELECT after, changed FROM billing.catalog_follow($1, " FOLLOW ")");
DB_OPERATOR_STATEMENT(catalog_list, 0,
    "SELECT id, at, applied_by, bytes FROM billing.catalog_list()");
DB_OPERATOR_STATEMENT(
    catalog_text, 1, "SELECT billing.catalog_text($1) AS text");

const struct db_statement *const catalog_statements[] = {
	&sql_catalog_apply.is,
	&sql_catalog_follow.is,
	&sql_catalog_list.is,
	&sql_catalog_text.is,
	NULL,
};

/* What the command line asks for; days are -1 when they are the catalog's. */
static struct {
	bool dry_run, list, quiet;
	long allow_loss, grace_days, referral_days;
	long id; /* of a catalog that was applied; 0: none */
} asked = { .grace_days = -1, .referral_days = -1 };

/* A catalog on its way into the database. */
struct application {
	const char *text;
	const char *grace_days, *referral_days; /* NULL: the catalog's */
	struct db_result *changes;
	long losing;
};

/* apply_work - of a transaction: RC_BAD_REQUEST when too many lose */
static enum rc
apply_work(struct db *db, void *context)
{
	struct application *application = context;
	const char *const params[] = { application->text,
		application->grace_days, application->referral_days };
	enum rc rc;

	db_result_free(application->changes);
	rc = db_run(db, sql_catalog_apply, params, &application->changes);
	if (rc != RC_OK)
		return rc;
	application->losing = strtol(
	    db_result_text(application->changes,
		db_result_rows(application->changes) - 1, 2),
	    NULL, 10);
	return application->losing > asked.allow_loss && !asked.dry_run ?
	    RC_BAD_REQUEST :
	    RC_OK;
}

/* print_changes - the live subscriptions whose plan becomes another one */
static void
print_changes(const struct db_result *changes)
{
	static const char *const columns[] = { "plan", "becomes",
		"live subscriptions", NULL };
	struct table *table = table_new(columns);
	int rows = db_result_rows(changes) - 1;

	for (int i = 0; i < rows; i++) {
		const char *const cells[] = { db_result_text(changes, i, 0),
			db_result_text(changes, i, 1),
			db_result_text(changes, i, 2) };

		table_row(table, cells);
	}
	if (rows == 0)
		table_free(table);
	else
		command_line_table(table, false);
}

/* follow - brings what was sold before in line, until nothing differs */
static enum rc
follow(struct service *service, long *followed)
{
	char after[24] = "0";
	struct db_result *result;
	long changed = 0, now;
	bool more;
	enum rc rc;

	for (;;) {
		const char *const params[] = { after };
		const char *last;

		rc = db_run(service->db, sql_catalog_follow, params, &result);
		if (rc != RC_OK)
			return rc;
		last = db_result_text(result, 0, 0);
		now = strtol(db_result_text(result, 0, 1), NULL, 10);
		more = last != NULL;
		snprintf(after, sizeof after, "%s", more ? last : "0");
		db_result_free(result);
		changed += now;
		*followed += now;
		if (!more && changed == 0)
			return RC_OK;
		if (!more)
			changed = 0;
	}
}

/* conclude - what was done with the file */
static int
conclude(struct service *service, const char *path,
    const struct application *application, enum rc rc)
{
	long followed = 0;

	if (rc == RC_BAD_REQUEST)
		return command_line_fail(service, EXIT_FAILED,
		    "%s ends the access of %ld account%s; nothing was applied. "
		    "Give --allow-loss %ld if that is meant",
		    path, application->losing,
		    application->losing == 1 ? "" : "s", application->losing);
	if (rc != RC_OK)
		return command_line_database(service);
	if (asked.dry_run) {
		printf("%ld account%s would lose access; nothing was applied\n",
		    application->losing, application->losing == 1 ? "" : "s");
		return EXIT_DONE;
	}
	if (follow(service, &followed) != RC_OK)
		return command_line_database(service);
	if (!asked.quiet)
		printf("%s is applied; %ld subscription%s followed it\n", path,
		    followed, followed == 1 ? "" : "s");
	return EXIT_DONE;
}

/* days_text - for the database; NULL: as the catalog says */
static const char *
days_text(struct arena *arena, long days)
{
	return days < 0 ? NULL : arena_printf(arena, "%ld", days);
}

/*
 * applied_text - of the catalog with that id, the newest for 0; the exit status.
 * *text is NULL: there is none.
 */
static int
applied_text(struct service *service, long id, const char **text)
{
	const char *const params[] = {
		id == 0 ? NULL : arena_printf(service->arena, "%ld", id)
	};
	struct db_result *result;
	int status = command_line_connect(service);

	*text = NULL;
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_catalog_text, params, &result) != RC_OK)
		return command_line_database(service);
	*text = db_result_named(result, 0, "text");
	if (*text != NULL)
		*text = arena_copy(service->arena, *text, strlen(*text));
	db_result_free(result);
	return EXIT_DONE;
}

/* chosen_text - of a file, or with --id of what was applied; the exit status */
static int
chosen_text(struct service *service, char **operands, const char **name,
    const char **text)
{
	const char *problem;
	size_t len;
	int status;

	*name = operands[0];
	if (asked.id == 0)
		return catalog_read(service->arena, operands[0], text, &len,
			   &problem) == RC_OK ?
		    EXIT_DONE :
		    command_line_fail(service, EXIT_CONFIG, "%s", problem);
	*name = arena_printf(service->arena, "catalog %ld", asked.id);
	status = applied_text(service, asked.id, text);
	if (status == EXIT_DONE && *text == NULL)
		return command_line_fail(service, EXIT_FAILED,
		    "no catalog %ld was applied; see account catalog show "
		    "--list",
		    asked.id);
	return status;
}

/* apply - the command */
static int
apply(struct service *service, int count, char **operands)
{
	struct application application = { .text = NULL };
	const char *name;
	int status;
	enum rc rc;

	if ((asked.id != 0) == (count == 1))
		return command_line_fail(service, EXIT_USAGE,
		    "give either a file or --id N, a catalog that was "
		    "applied");
	status = chosen_text(service, operands, &name, &application.text);
	if (status != EXIT_DONE ||
	    (status = command_line_connect(service)) != EXIT_DONE)
		return status;
	application.grace_days = days_text(service->arena, asked.grace_days);
	application.referral_days = days_text(
	    service->arena, asked.referral_days);
	rc = (asked.dry_run ? db_trial : db_transaction)(
	    service->db, apply_work, &application);
	if (rc == RC_OK || rc == RC_BAD_REQUEST)
		print_changes(application.changes);
	status = conclude(service, name, &application, rc);
	db_result_free(application.changes);
	return status;
}

/* diff - the command: 1 when the file says something else */
static int
diff(struct service *service, int count, char **operands)
{
	const char *text, *applied, *problem;
	json_object *old, *new;
	size_t len;
	int status;

	(void)count;
	if (catalog_read(service->arena, operands[0], &text, &len, &problem) !=
	    RC_OK)
		return command_line_fail(service, EXIT_CONFIG, "%s", problem);
	status = applied_text(service, 0, &applied);
	if (status != EXIT_DONE)
		return status;
	if (applied == NULL)
		applied = "{}";
	if (json_parse(service->arena, applied, strlen(applied), &old) !=
		RC_OK ||
	    json_parse(service->arena, text, len, &new) != RC_OK)
		return command_line_fail(
		    service, EXIT_FAILED, "the catalogs are too large");
	return catalog_diff(service->arena, old, new, stdout) ? EXIT_FAILED :
								EXIT_DONE;
}

/* show_list - every catalog that was applied */
static void
show_list(const struct db_result *result)
{
	static const char *const columns[] = { "id", "applied", "by", "bytes",
		NULL };
	struct table *table = table_new(columns);

	for (int i = 0; i < db_result_rows(result); i++) {
		const char *const cells[] = { db_result_text(result, i, 0),
			db_result_text(result, i, 1),
			db_result_text(result, i, 2),
			db_result_text(result, i, 3) };

		table_row(table, cells);
	}
	command_line_table(table, false);
}

/* show - the command: the newest one, byte for byte */
static int
show(struct service *service, int count, char **operands)
{
	struct db_result *result;
	const char *text;
	int status = applied_text(service, asked.id, &text);

	(void)count;
	(void)operands;
	if (status != EXIT_DONE)
		return status;
	if (!asked.list && text == NULL)
		return command_line_fail(service, EXIT_FAILED,
		    "no catalog was applied: account catalog apply FILE");
	if (!asked.list) {
		fputs(text, stdout);
		return EXIT_DONE;
	}
	if (db_run_bare(service->db, sql_catalog_list, &result) != RC_OK)
		return command_line_database(service);
	show_list(result);
	db_result_free(result);
	return EXIT_DONE;
}

#define ID_OPTION \
	{ \
		.name = "--id", .number = &asked.id, .min = 1, \
		.max = INT32_MAX \
	}

static const struct option apply_options[] = {
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--allow-loss",
	    .number = &asked.allow_loss,
	    .min = 0,
	    .max = INT32_MAX },
	{ .name = "--grace-days",
	    .number = &asked.grace_days,
	    .min = 0,
	    .max = DAYS_MAX },
	{ .name = "--referral-days",
	    .number = &asked.referral_days,
	    .min = 0,
	    .max = DAYS_MAX },
	{ .name = "--quiet", .flag = &asked.quiet },
	ID_OPTION,
	{ .name = NULL },
};

static const struct option show_options[] = {
	{ .name = "--list", .flag = &asked.list },
	ID_OPTION,
	{ .name = NULL },
};

const struct command catalog_apply_command = {
	.name = "catalog apply",
	.arguments = "[--dry-run] [--allow-loss N] [--grace-days N] "
		     "[--referral-days N] [--quiet] FILE | --id N",
	.help = "make a file the catalog, or go back to one that was",
	.role = "paydesk_operator",
	.options = apply_options,
	.operands_min = 0,
	.operands_max = 1,
	.run = apply,
};

const struct command catalog_show_command = {
	.name = "catalog show",
	.arguments = "[--list | --id N]",
	.help = "print the catalog, or list all that were applied",
	.role = "paydesk_operator",
	.options = show_options,
	.run = show,
};

const struct command catalog_diff_command = {
	.name = "catalog diff",
	.arguments = "FILE",
	.help = "what a file says otherwise than the catalog; 1: something",
	.role = "paydesk_operator",
	.operands_min = 1,
	.operands_max = 1,
	.run = diff,
};
