#include "command/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/table.h"

DB_STATEMENT(stripe_prune_due, 1,
    "SELECT part, rows, oldest FROM billing.stripe_prune_due($1)");
DB_STATEMENT(stripe_prune, 4,
    "SELECT rows, reached FROM billing.stripe_prune($1, $2, $3, $4)");
DB_STATEMENT(gumroad_prune_due, 1,
    "SELECT part, rows, oldest FROM billing.gumroad_prune_due($1)");
DB_STATEMENT(gumroad_prune, 4,
    "SELECT rows, reached FROM billing.gumroad_prune($1, $2, $3, $4)");

const struct db_statement *const prune_stripe_statements[] = {
	&sql_stripe_prune_due.is,
	&sql_stripe_prune.is,
	NULL,
};
const struct db_statement *const prune_gumroad_statements[] = {
	&sql_gumroad_prune_due.is,
	&sql_gumroad_prune.is,
	NULL,
};

#define BATCH "500"	   /* rows of one transaction */
#define PAUSE_MIN_MS 5L	   /* between batches … */
#define PAUSE_MAX_MS 1000L /* … which otherwise last as long as the batch */
#define DAYS_MAX 36500L

/* What the command line asks for. */
static struct {
	long days; /* 0: as the setting says */
	bool dry_run, json;
} asked;

/* The statements of one provider of events. */
struct provider {
	const struct db_statement *due, *prune;
};

/* A prune under way. */
struct run {
	struct db *db;
	const struct provider *provider;
	char days[16];
	struct table *table;
	int done, total;
};

/* leave_room - a pause as long as the batch: the other half is for deliveries */
static void
leave_room(long took_ms)
{
	struct timespec pause;

	if (took_ms < PAUSE_MIN_MS)
		took_ms = PAUSE_MIN_MS;
	if (took_ms > PAUSE_MAX_MS)
		took_ms = PAUSE_MAX_MS;
	pause.tv_sec = took_ms / 1000;
	pause.tv_nsec = took_ms % 1000 * 1000000;
	nanosleep(&pause, NULL);
}

/* batch - one step from *since on; *rows is 0 when there is nothing left */
static enum rc
batch(struct run *run, const char *part, char *since, size_t since_size,
    int *rows)
{
	const char *const params[] = { part, run->days,
		*since != '\0' ? since : NULL, BATCH };
	struct db_result *result;
	enum rc rc;

	rc = db_run_any(run->db, run->provider->prune,
	    sizeof params / sizeof *params, params, &result);
	if (rc != RC_OK)
		return rc;
	*rows = atoi(db_result_text(result, 0, 0));
	if (*rows > 0)
		snprintf(since, since_size, "%s", db_result_text(result, 0, 1));
	db_result_free(result);
	return RC_OK;
}

/* prune_part - until nothing of it is left; *count is what was emptied */
static enum rc
prune_part(struct run *run, const char *part, int *count)
{
	char since[64] = "";
	int64_t began_ms;
	int rows;
	enum rc rc;

	*count = 0;
	for (;;) {
		began_ms = clock_monotonic_ms();
		rc = batch(run, part, since, sizeof since, &rows);
		if (rc != RC_OK || rows == 0)
			return rc;
		*count += rows;
		run->done += rows;
		if (run->done > run->total)
			run->total = run->done;
		command_line_progress(run->done, run->total);
		leave_room(clock_monotonic_ms() - began_ms);
	}
}

/* prune_all - every part that is due, to a row of the table each */
static enum rc
prune_all(struct run *run, const struct db_result *due)
{
	enum rc rc = RC_OK;
	char rows[16];
	int count;

	for (int i = 0; i < db_result_rows(due); i++)
		run->total += atoi(db_result_text(due, i, 1));
	for (int i = 0; rc == RC_OK && i < db_result_rows(due); i++) {
		const char *cells[] = { db_result_text(due, i, 0),
			db_result_text(due, i, 1), db_result_text(due, i, 2) };

		if (!asked.dry_run) {
			rc = prune_part(run, cells[0], &count);
			snprintf(rows, sizeof rows, "%d", count);
			cells[1] = rows;
		}
		table_row(run->table, cells);
	}
	return rc;
}

/* prune - of one provider */
static int
prune(struct service *service, const struct provider *provider)
{
	static const char *const columns[] = { "what", "rows", "oldest", NULL };
	struct run run = { .db = service->db, .provider = provider };
	const char *const params[] = { run.days };
	struct db_result *due;
	int status;
	enum rc rc;

	snprintf(run.days, sizeof run.days, "%ld",
	    asked.days > 0 ? asked.days :
			     config_long(service->config, PAYLOAD_KEEP_DAYS));
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	rc = db_run_any(service->db, provider->due,
	    sizeof params / sizeof *params, params, &due);
	if (rc == RC_OK) {
		run.table = table_new(columns);
		rc = prune_all(&run, due);
		command_line_table(run.table, asked.json);
		db_result_free(due);
	}
	if (rc != RC_OK)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "stopped after %d rows, run it again to go on: %s",
		    run.done, db_error(service->db));
	return EXIT_DONE;
}

/* run_stripe - what belongs to stripe-webhook */
static int
run_stripe(struct service *service, int count, char **operands)
{
	static const struct provider provider = { &sql_stripe_prune_due.is,
		&sql_stripe_prune.is };

	(void)count, (void)operands;
	return prune(service, &provider);
}

/* run_gumroad - what belongs to gumroad-webhook */
static int
run_gumroad(struct service *service, int count, char **operands)
{
	static const struct provider provider = { &sql_gumroad_prune_due.is,
		&sql_gumroad_prune.is };

	(void)count, (void)operands;
	return prune(service, &provider);
}

/* What came today may have to be looked at still: a day at least. */
static const struct option options[] = {
	{ .name = "--days", .number = &asked.days, .min = 1, .max = DAYS_MAX },
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

#define ARGUMENTS "[--days N] [--dry-run] [--json]"
#define HELP "empty what is older than PAYLOAD_KEEP_DAYS"

const struct command prune_stripe_command = {
	.name = "prune",
	.arguments = ARGUMENTS,
	.help = HELP,
	.options = options,
	.run = run_stripe,
};

const struct command prune_gumroad_command = {
	.name = "prune",
	.arguments = ARGUMENTS,
	.help = HELP,
	.options = options,
	.run = run_gumroad,
};
