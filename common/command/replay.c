#include "command/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "program/doctor.h"

DB_STATEMENT(replay_failed, 0,
    "SELECT event_id FROM billing.stripe_events"
    " WHERE processed_at IS NULL ORDER BY created_at, received_at");
DB_STATEMENT(replay_one, 1,
    "SELECT type FROM billing.stripe_events"
    " WHERE event_id = $1");
DB_STATEMENT(replay_body, 1,
    "SELECT payload, payload_truncated"
    " FROM billing.stripe_events WHERE event_id = $1");

const struct db_statement *const replay_statements[] = {
	&sql_replay_failed.is,
	&sql_replay_one.is,
	&sql_replay_body.is,
	NULL,
};

#define FETCH_TIMEOUT_MS 10000
#define EVENT_ARENA_MAX (4 << 20) /* bytes that one event may take */

/* A replay under way. */
struct run {
	struct service *service;
	struct stripe_intake *intake;
	bool dry_run;
	struct arena *arena;
	struct table *table;
	int done, failures, total;
};

/*
 * fetch_body - from Stripe; NULL with *why set. lost says what became of the
 * body that the ledger had.
 */
static const char *
fetch_body(struct stripe_intake *intake, struct arena *arena, const char *id,
    const char *lost, size_t *len, const char **why)
{
	struct stripe_api *api = stripe_intake_api(intake);
	const char *body = NULL;

	if (api == NULL)
		*why = arena_printf(arena,
		    "its body was %s; set STRIPE_API_KEY to fetch it", lost);
	else if (stripe_api_event(
		     api, arena, id, FETCH_TIMEOUT_MS, &body, len) != RC_OK)
		*why = arena_printf(arena,
		    "its body was %s, and Stripe no longer has it or did not "
		    "answer",
		    lost);
	return body;
}

/* load_body - from the ledger, or from Stripe when it was cut or pruned there */
static const char *
load_body(struct db *db, struct stripe_intake *intake, struct arena *arena,
    const char *id, size_t *len, const char **why)
{
	const char *const params[] = { id };
	const char *text, *body = NULL;
	struct db_result *result;

	*why = "it is not in the ledger";
	if (db_run(db, sql_replay_body, params, &result) != RC_OK) {
		*why = db_error(db);
		return NULL;
	}
	if (db_result_rows(result) == 1) {
		text = db_result_text(result, 0, 0);
		if (text == NULL || *db_result_text(result, 0, 1) == 't')
			body = fetch_body(intake, arena, id,
			    text == NULL ? "emptied since" : "cut", len, why);
		else {
			*len = strlen(text);
			body = arena_copy(arena, text, *len);
			*why = "out of memory";
		}
	}
	db_result_free(result);
	return body;
}

/* apply_again - as a delivery, or without leaving a trace */
static enum rc
apply_again(struct db *db, struct stripe_intake *intake, struct arena *arena,
    const char *id, const char *body, size_t len, bool dry_run,
    struct replay_result *result)
{
	struct ledger_entry entry;
	enum rc rc;

	result->problem = "its body is not that of an event";
	rc = stripe_intake_prepare(intake, db, arena, body, len, &entry);
	if (rc == RC_BUSY)
		result->problem = "Stripe or the database did not answer";
	else if (rc == RC_UPSTREAM)
		result->problem = entry.problem;
	if (rc != RC_OK)
		return rc;
	result->problem = "its body is that of another event";
	if (strcmp(entry.event.id, id) != 0)
		return RC_UPSTREAM;
	entry.again = true;
	result->problem = db_error(db);
	if (dry_run)
		return ledger_try(
		    db, arena, &entry, &result->outcome, &result->problem);
	rc = ledger_apply(db, arena, &entry, &result->outcome);
	if (entry.problem != NULL)
		result->problem = entry.problem;
	return rc;
}

/* replay_event - one */
void
replay_event(struct db *db, struct stripe_intake *intake, struct arena *arena,
    const char *id, bool dry_run, struct replay_result *result)
{
	const char *body;
	size_t len = 0;

	memset(result, 0, sizeof *result);
	result->outcome = LEDGER_HANDLER_ERROR;
	body = load_body(db, intake, arena, id, &len, &result->problem);
	result->known = body != NULL &&
	    apply_again(db, intake, arena, id, body, len, dry_run, result) ==
		RC_OK;
	if (result->outcome != LEDGER_HANDLER_ERROR)
		result->problem = NULL;
}

/* replay_one - to a row of the table */
static void
replay_one(struct run *run, const char *id, const char *type)
{
	const char *cells[] = { id, type, "cannot be replayed", NULL };
	struct replay_result result;

	replay_event(run->service->db, run->intake, run->arena, id,
	    run->dry_run, &result);
	if (result.known)
		cells[2] = ledger_outcome_name(result.outcome);
	if (result.outcome == LEDGER_HANDLER_ERROR)
		run->failures++;
	cells[3] = result.problem;
	table_row(run->table, cells);
	arena_reset(run->arena);
	run->done++;
	command_line_progress(run->done, run->total);
}

/* replay_id - what the ledger has under an id; false: it could not be asked */
static bool
replay_id(struct run *run, const char *id)
{
	const char *const params[] = { id };
	struct db_result *result;

	if (db_run(run->service->db, sql_replay_one, params, &result) != RC_OK)
		return false;
	replay_one(run, id,
	    db_result_rows(result) == 1 ? db_result_text(result, 0, 0) : NULL);
	db_result_free(result);
	return true;
}

/* replay_ids - one after the other */
int
replay_ids(struct service *service, struct stripe_intake *intake,
    const char *const *ids, int count, bool dry_run, bool as_json)
{
	static const char *const columns[] = { "event", "type", "outcome",
		"error", NULL };
	struct run run = { .service = service,
		.intake = intake,
		.dry_run = dry_run,
		.total = count };
	bool asked = true;

	run.arena = arena_new(EVENT_ARENA_MAX);
	run.table = table_new(columns);
	for (int i = 0; asked && i < count; i++)
		asked = replay_id(&run, ids[i]);
	command_line_table(run.table, as_json);
	arena_free(run.arena);
	if (!asked)
		return command_line_database(service);
	return run.failures > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* replay_rows - the events whose ids a query has found */
int
replay_rows(struct service *service, struct stripe_intake *intake,
    const struct db_result *rows, bool dry_run, bool as_json)
{
	int count = db_result_rows(rows), status;
	const char **ids = calloc((size_t)count + 1, sizeof *ids);

	if (ids == NULL)
		return command_line_fail(service, EXIT_FAILED, "out of memory");
	for (int i = 0; i < count; i++)
		ids[i] = db_result_text(rows, i, 0);
	status = replay_ids(service, intake, ids, count, dry_run, as_json);
	free(ids);
	return status;
}

/* replay_failed - all that could not be applied */
int
replay_failed(struct service *service, struct stripe_intake *intake,
    bool dry_run, bool as_json)
{
	struct db_result *rows;
	int status;

	if (db_run_bare(service->db, sql_replay_failed, &rows) != RC_OK)
		return command_line_database(service);
	status = replay_rows(service, intake, rows, dry_run, as_json);
	db_result_free(rows);
	return status;
}

/* replay_examine - what could not be applied, while the database is there */
void
replay_examine(struct service *service, struct doctor *doctor)
{
	struct db_result *failed;
	int count;

	if (service->db == NULL ||
	    db_run_bare(service->db, sql_replay_failed, &failed) != RC_OK)
		return;
	count = db_result_rows(failed);
	if (count > 0)
		doctor_warn(doctor, "ledger",
		    "Mend the cause that events replay --failed --dry-run "
		    "lists, then run stripe-webhook events replay --failed.",
		    "%d event%s could not be applied", count,
		    count == 1 ? "" : "s");
	else
		doctor_ok(doctor, "ledger", "no event waits to be applied");
	db_result_free(failed);
}
