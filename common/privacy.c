#include "privacy.h"

#include <stdio.h>
#include <string.h>

#include "table.h"

#define PATIENCE_MS 600000 /* both read the whole ledger */

/* What a command line asks for. */
struct options {
	bool by_email, dry_run, yes, json;
	const char *id;
};

/* An erasure under way. */
struct erasure {
	const struct options *options;
	struct db_result *result;
};

/* parse_options - those in allowed, and one id; false: the usage is wrong */
static bool
parse_options(
    struct options *options, const char *allowed, int argc, char **argv)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--email", &options->by_email },
		{ "--dry-run", &options->dry_run },
		{ "--yes", &options->yes },
		{ "--json", &options->json },
	};
	size_t count = sizeof flags / sizeof *flags, j;

	memset(options, 0, sizeof *options);
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-') {
			if (options->id != NULL || *argv[i] == '\0')
				return false;
			options->id = argv[i];
			continue;
		}
		for (j = 0; j < count; j++) {
			if (strcmp(argv[i], flags[j].name) == 0 &&
			    strstr(allowed, argv[i]) != NULL)
				break;
		}
		if (j == count)
			return false;
		*flags[j].flag = true;
	}
	return options->id != NULL;
}

/* unavailable - why the database did not do it */
static int
unavailable(struct service *service)
{
	if (strcmp(db_sqlstate(service->db), "42501") == 0)
		return program_fail(service, EXIT_CONFIG,
		    "the role in DATABASE_URL may not do this: use "
		    "paydesk_operator, e.g. "
		    "DATABASE_URL=postgresql://paydesk_operator@/paydesk");
	return program_fail(
	    service, EXIT_UNAVAILABLE, "database: %s", db_error(service->db));
}

/* ready - connected and with enough time, or a status to exit with */
static int
ready(struct service *service)
{
	enum rc rc;

	if (service->db == NULL)
		return program_fail(
		    service, EXIT_CONFIG, "DATABASE_URL is not set");
	rc = db_allow(service->db, PATIENCE_MS);
	if (rc == RC_INTERNAL)
		return program_fail(service, EXIT_CONFIG, "database: %s",
		    db_error(service->db));
	return rc == RC_OK ? EXIT_DONE : unavailable(service);
}

/* privacy_export - as privacy.h says */
int
privacy_export(struct service *service, int argc, char **argv)
{
	struct options options;
	struct db_result *result;
	const char *problem;
	int status;

	if (!parse_options(&options, "--email", argc, argv))
		return program_fail(
		    service, EXIT_USAGE, "usage: export [--email] ID");
	if ((status = ready(service)) != EXIT_DONE)
		return status;
	const char *const params[] = { options.id,
		options.by_email ? "true" : "false" };
	if (db_run(service->db, "operator_export", 2, params, &result) != RC_OK)
		return unavailable(service);
	problem = db_result_text(result, 0, 0);
	if (problem != NULL)
		status = program_fail(service, EXIT_FAILED, "%s", problem);
	else if (puts(db_result_text(result, 0, 1)) == EOF ||
	    fflush(stdout) != 0)
		status = program_fail(
		    service, EXIT_FAILED, "the document was not written");
	db_result_free(result);
	return status;
}

/* erase - as a transaction's work; a dry run rolls back by not being RC_OK */
static enum rc
erase(struct db *db, void *context)
{
	struct erasure *erasure = context;
	const char *const params[] = { erasure->options->id,
		erasure->options->by_email ? "true" : "false" };
	enum rc rc;

	db_result_free(erasure->result);
	rc = db_run(db, "operator_erase", 2, params, &erasure->result);
	if (rc == RC_OK && erasure->options->dry_run)
		return RC_NOT_FOUND;
	return rc;
}

/* print_erasure - what was done; or why nothing was, and the status for that */
static int
print_erasure(struct service *service, const struct erasure *erasure)
{
	static const char *const columns[] = { "what", "rows", "becomes",
		NULL };
	const struct db_result *result = erasure->result;
	struct table *table;

	if (db_result_text(result, 0, 1) == NULL)
		return program_fail(
		    service, EXIT_FAILED, "%s", db_result_text(result, 0, 0));
	table = table_new(columns);
	for (int i = 0; i < db_result_rows(result); i++) {
		const char *const cells[] = { db_result_text(result, i, 0),
			db_result_text(result, i, 1),
			db_result_text(result, i, 2) };

		table_row(table, cells);
	}
	table_print(table, erasure->options->json, stdout);
	table_free(table);
	return EXIT_DONE;
}

/* privacy_erase - as privacy.h says */
int
privacy_erase(struct service *service, int argc, char **argv)
{
	struct options options;
	struct erasure erasure = { &options, NULL };
	enum rc rc;
	int status;

	if (!parse_options(
		&options, "--email --dry-run --yes --json", argc, argv))
		return program_fail(service, EXIT_USAGE,
		    "usage: erase [--email] [--dry-run | --yes] [--json] ID");
	if (options.dry_run == options.yes)
		return program_fail(service, EXIT_USAGE,
		    "this cannot be undone: look with --dry-run, then give "
		    "--yes");
	if ((status = ready(service)) != EXIT_DONE)
		return status;
	rc = db_transaction(service->db, erase, &erasure);
	if (rc == RC_OK || (rc == RC_NOT_FOUND && options.dry_run))
		status = print_erasure(service, &erasure);
	else
		status = unavailable(service);
	db_result_free(erasure.result);
	return status;
}
