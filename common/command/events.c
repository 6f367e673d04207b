#include "command/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/events_show.h"
#include "base/moment.h"
#include "command/replay.h"
#include "base/table.h"
#include "stripe/stripe_state.h"

DB_STATEMENT(events_find, 7,
    "SELECT event_id, type, outcome, billing.utc(created_at),"
    " billing.utc(received_at), deliveries,"
    " stripe_customer_id, stripe_subscription_id,"
    " coalesce(error, skip_reason) FROM billing.events_find("
    "$1, $2, $3, to_timestamp($4), to_timestamp($5), $6, $7)");
DB_STATEMENT(events_skip, 2,
    "SELECT type, outcome, done"
    " FROM billing.stripe_skip($1, $2)");

const struct db_statement *const events_statements[] = {
	&sql_events_find.is,
	&sql_events_skip.is,
	NULL,
};

/* Which events, and what about them. */
static struct {
	const char *type, *outcome, *customer, *reason;
	int64_t since_s, until_s; /* -1: not given */
	long limit;
	bool failed, dry_run, json;
} asked = { .since_s = -1, .until_s = -1, .limit = EVENTS_LIMIT };

/* filtered - whether any filter was given */
static bool
filtered(void)
{
	return asked.type != NULL || asked.outcome != NULL ||
	    asked.customer != NULL || asked.since_s >= 0 || asked.until_s >= 0;
}

/* check_outcome - EXIT_DONE when there is one of that name */
static int
check_outcome(struct service *service, const char *outcome)
{
	static const char *const names[] = { "applied", "ignored", "stale",
		"unmatched", "handler_error", "skipped" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (outcome == NULL || strcmp(outcome, names[i]) == 0)
			return EXIT_DONE;
	}
	return command_line_fail(service, EXIT_USAGE,
	    "--outcome %s: an outcome is applied, ignored, stale, unmatched, "
	    "handler_error or skipped",
	    outcome);
}

/* moment - as a parameter; NULL when it was not given */
static const char *
moment(struct service *service, int64_t moment_s)
{
	return moment_s < 0 ?
	    NULL :
	    arena_printf(service->arena, "%" PRId64, moment_s);
}

/* find - the events that fit the filters, one more than the limit */
static int
find(struct service *service, bool undone, long limit, struct db_result **rows)
{
	const char *const params[] = { asked.type, asked.outcome,
		asked.customer, moment(service, asked.since_s),
		moment(service, asked.until_s), undone ? "true" : "false",
		arena_printf(service->arena, "%ld", limit + 1) };
	int status = check_outcome(service, asked.outcome);

	if (status == EXIT_DONE)
		status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_events_find, params, rows) != RC_OK)
		return command_line_database(service);
	return EXIT_DONE;
}

/* list - failures first, then the newest */
static int
list(struct service *service, int count, char **operands)
{
	static const char *const all[] = { "event", "type", "outcome",
		"created", "received", "deliveries", "customer", "subscription",
		"error", NULL };
	static const char *const few[] = { "received", "event", "type",
		"outcome", "customer", "error", NULL };
	static const int few_from[] = { 4, 0, 1, 2, 6, 8 };
	struct db_result *rows;
	struct table *table;
	int status;

	(void)operands;
	status = find(service, false, asked.limit, &rows);
	if (status != EXIT_DONE)
		return status;
	table = table_new(asked.json ? all : few);
	count = db_result_rows(rows);
	for (int i = 0; i < count && i < asked.limit; i++) {
		const char *cells[9];

		for (int c = 0; c < (asked.json ? 9 : 6); c++)
			cells[c] = db_result_text(
			    rows, i, asked.json ? c : few_from[c]);
		table_row(table, cells);
	}
	command_line_table(table, asked.json);
	db_result_free(rows);
	if (count > asked.limit)
		fprintf(stderr, "there are more: --limit takes up to %d\n",
		    EVENTS_LIMIT_MAX);
	return EXIT_DONE;
}

/* show - everything about one event */
static int
show(struct service *service, int count, char **operands)
{
	int status = command_line_connect(service);

	(void)count;
	return status == EXIT_DONE ?
	    events_show(service, operands[0], asked.json) :
	    status;
}

/* replay_matching - what fits and can be changed by it, the oldest first */
static int
replay_matching(struct service *service, struct stripe_intake *intake)
{
	const char *ids[EVENTS_LIMIT_MAX];
	struct db_result *rows;
	int status, count, more;

	status = find(service, true, EVENTS_LIMIT_MAX, &rows);
	if (status != EXIT_DONE)
		return status;
	count = db_result_rows(rows);
	more = count > EVENTS_LIMIT_MAX;
	count -= more;
	for (int i = 0; i < count; i++)
		ids[count - 1 - i] = db_result_text(rows, i, 0);
	status = replay_ids(
	    service, intake, ids, count, asked.dry_run, asked.json);
	db_result_free(rows);
	if (more)
		fprintf(stderr, "there are more: %d are replayed at once\n",
		    EVENTS_LIMIT_MAX);
	return status;
}

/* replay - those named, those that fit, or all that failed */
static int
replay(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	int status;

	if (filtered() + asked.failed + (count > 0) != 1)
		return command_line_fail(service, EXIT_USAGE,
		    "give the ids of events, or filters, or --failed");
	if (filtered())
		return replay_matching(service, state->intake);
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	if (asked.failed)
		return replay_failed(
		    service, state->intake, asked.dry_run, asked.json);
	return replay_ids(service, state->intake, (const char *const *)operands,
	    count, asked.dry_run, asked.json);
}

/* skip_one - to a row of the table; EXIT_DONE, EXIT_FAILED or no database */
static int
skip_one(struct service *service, struct table *table, const char *id,
    const char *reason)
{
	const char *const params[] = { id, reason };
	const char *cells[] = { id, NULL, "there is no such event" };
	int status = EXIT_FAILED;
	struct db_result *row;

	if (db_run(service->db, sql_events_skip, params, &row) != RC_OK)
		return command_line_database(service);
	if (db_result_rows(row) == 1) {
		cells[1] = db_result_text(row, 0, 0);
		cells[2] = db_result_text(row, 0, 1);
		if (*db_result_text(row, 0, 2) == 't')
			status = EXIT_DONE;
		else
			cells[2] = arena_printf(service->arena,
			    "nothing to skip: it is %s", cells[2]);
	}
	table_row(table, cells);
	db_result_free(row);
	return status;
}

/* skip - what nobody will ever apply */
static int
skip(struct service *service, int count, char **operands)
{
	static const char *const columns[] = { "event", "type", "result",
		NULL };
	int status = EXIT_DONE, one;
	struct table *table;

	if (asked.reason == NULL || *asked.reason == '\0')
		return command_line_fail(service, EXIT_USAGE,
		    "--reason TEXT is missing: say why, for whoever asks later");
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	table = table_new(columns);
	for (int i = 0; i < count; i++) {
		one = skip_one(service, table, operands[i], asked.reason);
		status = one > status ? one : status;
	}
	command_line_table(table, asked.json);
	return status;
}

#define FILTERS \
	{ .name = "--type", .text = &asked.type }, \
	    { .name = "--outcome", .text = &asked.outcome }, \
	    { .name = "--customer", .text = &asked.customer }, \
	    { .name = "--since", .moment_s = &asked.since_s }, \
	{ \
		.name = "--until", .moment_s = &asked.until_s \
	}

static const struct option list_options[] = {
	FILTERS,
	{ .name = "--limit",
	    .number = &asked.limit,
	    .min = 1,
	    .max = EVENTS_LIMIT_MAX },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

static const struct option show_options[] = {
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

static const struct option replay_options[] = {
	FILTERS,
	{ .name = "--failed", .flag = &asked.failed },
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

static const struct option skip_options[] = {
	{ .name = "--reason", .text = &asked.reason },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command events_list_command = {
	.name = "events list",
	.arguments = "[FILTER…] [--limit N] [--json]",
	.help = "look at the ledger; filters: --type --outcome --customer "
		"--since --until",
	.options = list_options,
	.run = list,
};

const struct command events_show_command = {
	.name = "events show",
	.arguments = "ID [--json]",
	.help = "everything about one event",
	.options = show_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = show,
};

const struct command events_replay_command = {
	.name = "events replay",
	.arguments = "ID… | FILTER… | --failed [--dry-run] [--json]",
	.help = "apply events of the ledger again",
	.options = replay_options,
	.operands_max = EVENTS_LIMIT_MAX,
	.run = replay,
};

const struct command events_skip_command = {
	.name = "events skip",
	.arguments = "ID… --reason TEXT [--json]",
	.help = "settle events that nobody will ever apply",
	.options = skip_options,
	.operands_min = 1,
	.operands_max = EVENTS_LIMIT_MAX,
	.run = skip,
};
