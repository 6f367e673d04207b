#include "command/events.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/events_show.h"
#include "base/moment.h"
#include "base/options.h"
#include "command/replay.h"
#include "base/table.h"

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
struct options {
	const char *type, *outcome, *customer, *since, *until, *limit, *reason;
	bool dry_run, json;
	const char *const *ids;
	int id_count;
};

/* One of the parts of the command. */
struct part {
	const char *name, *usage;
	int (*run)(struct service *service, struct stripe_intake *intake,
	    const struct options *options);
};

/* database - its failure, as an exit status */
static int
database(struct service *service)
{
	return command_line_fail(
	    service, EXIT_UNAVAILABLE, "database: %s", db_error(service->db));
}

/* filtered - whether any filter was given */
static bool
filtered(const struct options *options)
{
	return options->type != NULL || options->outcome != NULL ||
	    options->customer != NULL || options->since != NULL ||
	    options->until != NULL;
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

/* read_moment - of an option that may be missing, as a parameter */
static int
read_moment(struct service *service, const char *option, const char *given,
    const char **parameter)
{
	int64_t moment_s;

	*parameter = NULL;
	if (given == NULL)
		return EXIT_DONE;
	if (moment_parse(given, (int64_t)time(NULL), &moment_s) != RC_OK)
		return command_line_fail(
		    service, EXIT_USAGE, "%s %s: " MOMENT_FORMS, option, given);
	*parameter = arena_printf(service->arena, "%" PRId64, moment_s);
	return EXIT_DONE;
}

/* find - the events that fit the filters, one more than the limit */
static int
find(struct service *service, const struct options *options, bool undone,
    int limit, struct db_result **rows)
{
	const char *params[7] = { options->type, options->outcome,
		options->customer, NULL, NULL, undone ? "true" : "false",
		arena_printf(service->arena, "%d", limit + 1) };
	int status = check_outcome(service, options->outcome);

	if (status == EXIT_DONE)
		status = read_moment(
		    service, "--since", options->since, &params[3]);
	if (status == EXIT_DONE)
		status = read_moment(
		    service, "--until", options->until, &params[4]);
	if (status == EXIT_DONE)
		status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_events_find, params, rows) != RC_OK)
		return database(service);
	return EXIT_DONE;
}

/* list - failures first, then the newest */
static int
list(struct service *service, struct stripe_intake *intake,
    const struct options *options)
{
	static const char *const all[] = { "event", "type", "outcome",
		"created", "received", "deliveries", "customer", "subscription",
		"error", NULL };
	static const char *const few[] = { "received", "event", "type",
		"outcome", "customer", "error", NULL };
	static const int few_from[] = { 4, 0, 1, 2, 6, 8 };
	long limit = EVENTS_LIMIT;
	struct db_result *rows;
	struct table *table;
	int status, count;

	(void)intake;
	if (options->limit != NULL)
		limit = strtol(options->limit, NULL, 10);
	if (limit < 1 || limit > EVENTS_LIMIT_MAX)
		return command_line_fail(service, EXIT_USAGE,
		    "--limit is a number from 1 to %d", EVENTS_LIMIT_MAX);
	status = find(service, options, false, (int)limit, &rows);
	if (status != EXIT_DONE)
		return status;
	table = table_new(options->json ? all : few);
	count = db_result_rows(rows);
	for (int i = 0; table != NULL && i < count && i < limit; i++) {
		const char *cells[9];

		for (int c = 0; c < (options->json ? 9 : 6); c++)
			cells[c] = db_result_text(
			    rows, i, options->json ? c : few_from[c]);
		table_row(table, cells);
	}
	if (table != NULL)
		table_print(table, options->json, stdout);
	table_free(table);
	db_result_free(rows);
	if (count > limit)
		fprintf(stderr, "there are more: --limit takes up to %d\n",
		    EVENTS_LIMIT_MAX);
	return EXIT_DONE;
}

/* show - everything about one event */
static int
show(struct service *service, struct stripe_intake *intake,
    const struct options *options)
{
	int status = command_line_connect(service);

	(void)intake;
	if (status != EXIT_DONE)
		return status;
	return events_show(service, options->ids[0], options->json);
}

/* replay_matching - what fits and can be changed by it, the oldest first */
static int
replay_matching(struct service *service, struct stripe_intake *intake,
    const struct options *options)
{
	const char *ids[EVENTS_LIMIT_MAX];
	struct db_result *rows;
	int status, count, more;

	status = find(service, options, true, EVENTS_LIMIT_MAX, &rows);
	if (status != EXIT_DONE)
		return status;
	count = db_result_rows(rows);
	more = count > EVENTS_LIMIT_MAX;
	count -= more;
	for (int i = 0; i < count; i++)
		ids[count - 1 - i] = db_result_text(rows, i, 0);
	status = replay_ids(
	    service, intake, ids, count, options->dry_run, options->json);
	db_result_free(rows);
	if (more)
		fprintf(stderr, "there are more: %d are replayed at once\n",
		    EVENTS_LIMIT_MAX);
	return status;
}

/* replay - those named, or those that fit */
static int
replay(struct service *service, struct stripe_intake *intake,
    const struct options *options)
{
	int status;

	if (filtered(options) == (options->id_count > 0))
		return command_line_fail(service, EXIT_USAGE,
		    "give either filters or the ids of events; see --help");
	if (options->id_count == 0)
		return replay_matching(service, intake, options);
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	return replay_ids(service, intake, options->ids, options->id_count,
	    options->dry_run, options->json);
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
		return database(service);
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
skip(struct service *service, struct stripe_intake *intake,
    const struct options *options)
{
	static const char *const columns[] = { "event", "type", "result",
		NULL };
	int status = EXIT_DONE, one;
	struct table *table;

	(void)intake;
	if (options->reason == NULL || *options->reason == '\0')
		return command_line_fail(service, EXIT_USAGE,
		    "--reason TEXT is missing: say why, for whoever asks later");
	status = command_line_connect(service);
	if (status != EXIT_DONE)
		return status;
	table = table_new(columns);
	for (int i = 0; table != NULL && i < options->id_count; i++) {
		one = skip_one(
		    service, table, options->ids[i], options->reason);
		status = one > status ? one : status;
	}
	if (table != NULL)
		table_print(table, options->json, stdout);
	table_free(table);
	return status;
}

/* The parts, with the operands that they take. */
static const struct part parts[] = {
	{ "list",
	    "events list [--type T] [--outcome O] [--customer C] [--since T] "
	    "[--until T] [--limit N] [--json]",
	    list },
	{ "show", "events show ID [--json]", show },
	{ "replay", "events replay ID…|filters [--dry-run] [--json]", replay },
	{ "skip", "events skip ID… --reason TEXT [--json]", skip },
};

/* find_part - by name; NULL: there is none */
static const struct part *
find_part(const char *name)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (name != NULL && strcmp(name, parts[i].name) == 0)
			return &parts[i];
	}
	return NULL;
}

/* fits - whether the part takes what was given */
static bool
fits(const struct part *part, const struct options *options)
{
	if (part->run == list)
		return options->id_count == 0 && !options->dry_run &&
		    options->reason == NULL;
	if (part->run == replay)
		return options->limit == NULL && options->reason == NULL;
	return !filtered(options) && options->limit == NULL &&
	    !options->dry_run &&
	    (part->run == show ?
		    options->id_count == 1 && options->reason == NULL :
		    options->id_count > 0);
}

/* events - the command */
int
events(struct service *service, struct stripe_intake *intake, int argc,
    char **argv)
{
	const struct part *part = find_part(argc > 1 ? argv[1] : NULL);
	struct options options = { 0 };
	const struct option_spec specs[] = { { "--type", NULL, &options.type },
		{ "--outcome", NULL, &options.outcome },
		{ "--customer", NULL, &options.customer },
		{ "--since", NULL, &options.since },
		{ "--until", NULL, &options.until },
		{ "--limit", NULL, &options.limit },
		{ "--reason", NULL, &options.reason },
		{ "--dry-run", &options.dry_run, NULL },
		{ "--json", &options.json, NULL }, { NULL, NULL, NULL } };

	if (part == NULL)
		return command_line_fail(service, EXIT_USAGE,
		    "usage: events list | show | replay | skip; see --help");
	options.id_count = options_read(specs, argc - 1, argv + 1);
	options.ids = (const char *const *)argv + 2;
	if (options.id_count < 0 || !fits(part, &options))
		return command_line_fail(
		    service, EXIT_USAGE, "usage: %s", part->usage);
	return part->run(service, intake, &options);
}
