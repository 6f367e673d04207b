#include "replay.h"

#include <string.h>

#include "table.h"

#define FETCH_TIMEOUT_MS 10000
#define EVENT_ARENA_MAX (4 << 20) /* bytes that one event may take */

/* What the command line asks for. */
struct options {
	bool failed, dry_run, json;
	char **ids;
	int id_count;
};

/* A replay under way. */
struct run {
	struct service *service;
	struct stripe_intake *intake;
	const struct options *options;
	struct arena *arena;
	struct table *table;
	int done, failures, total;
};

/* parse_options - false: the usage is wrong */
static bool
parse_options(struct options *options, int argc, char **argv)
{
	memset(options, 0, sizeof *options);
	options->ids = argv + 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--failed") == 0)
			options->failed = true;
		else if (strcmp(argv[i], "--dry-run") == 0)
			options->dry_run = true;
		else if (strcmp(argv[i], "--json") == 0)
			options->json = true;
		else if (argv[i][0] == '-')
			return false;
		else
			options->ids[options->id_count++] = argv[i];
	}
	return options->failed != (options->id_count > 0);
}

/*
 * fetch_body - from Stripe; NULL with *why set. lost says what became of the
 * body that the ledger had.
 */
static const char *
fetch_body(struct run *run, const char *id, const char *lost, size_t *len,
    const char **why)
{
	struct stripe_api *api = stripe_intake_api(run->intake);
	const char *body = NULL;

	if (api == NULL)
		*why = arena_printf(run->arena,
		    "its body was %s; set STRIPE_API_KEY to fetch it", lost);
	else if (stripe_api_event(api, run->arena, id, FETCH_TIMEOUT_MS, &body,
		     len) != RC_OK)
		*why = arena_printf(run->arena,
		    "its body was %s, and Stripe no longer has it or did not "
		    "answer",
		    lost);
	return body;
}

/* load_body - from the ledger, or from Stripe when it was cut or pruned there */
static const char *
load_body(struct run *run, const char *id, size_t *len, const char **why)
{
	const char *const params[] = { id };
	const char *text, *body = NULL;
	struct db_result *result;

	*why = "it is not in the ledger";
	if (db_run(run->service->db, "replay_body", 1, params, &result) !=
	    RC_OK) {
		*why = db_error(run->service->db);
		return NULL;
	}
	if (db_result_rows(result) == 1) {
		text = db_result_text(result, 0, 0);
		if (text == NULL || *db_result_text(result, 0, 1) == 't')
			body = fetch_body(run, id,
			    text == NULL ? "emptied since" : "cut", len, why);
		else {
			*len = strlen(text);
			body = arena_copy(run->arena, text, *len);
			*why = "out of memory";
		}
	}
	db_result_free(result);
	return body;
}

/* apply_again - as a delivery, or without leaving a trace */
static enum rc
apply_again(struct run *run, const char *id, const char *body, size_t len,
    enum ledger_outcome *outcome, const char **why)
{
	struct db *db = run->service->db;
	struct ledger_entry entry;
	enum rc rc;

	*why = "its body is not that of an event";
	rc = stripe_intake_prepare(
	    run->intake, db, run->arena, body, len, &entry);
	if (rc != RC_OK)
		return rc;
	*why = "its body is that of another event";
	if (strcmp(entry.event.id, id) != 0)
		return RC_UPSTREAM;
	*why = db_error(db);
	if (run->options->dry_run)
		return ledger_try(db, run->arena, &entry, outcome, why);
	rc = ledger_apply(db, run->arena, &entry, outcome);
	if (entry.problem != NULL)
		*why = entry.problem;
	return rc;
}

/* replay_one - to a row of the table */
static void
replay_one(struct run *run, const char *id, const char *type)
{
	const char *cells[] = { id, type, "cannot be replayed", NULL };
	enum ledger_outcome outcome = LEDGER_HANDLER_ERROR;
	const char *body;
	size_t len = 0;

	body = load_body(run, id, &len, &cells[3]);
	if (body != NULL &&
	    apply_again(run, id, body, len, &outcome, &cells[3]) == RC_OK)
		cells[2] = ledger_outcome_name(outcome);
	if (outcome == LEDGER_HANDLER_ERROR)
		run->failures++;
	else
		cells[3] = NULL;
	table_row(run->table, cells);
	arena_reset(run->arena);
	run->done++;
	program_progress(run->done, run->total);
}

/* replay_found - every row that a statement finds; false: it failed */
static bool
replay_found(struct run *run, const char *statement, const char *id)
{
	const char *const params[] = { id };
	struct db_result *result;
	int rows;

	if (db_run(run->service->db, statement, id != NULL, params, &result) !=
	    RC_OK)
		return false;
	rows = db_result_rows(result);
	if (id == NULL)
		run->total = rows;
	for (int i = 0; i < rows; i++)
		replay_one(run, db_result_text(result, i, 0),
		    db_result_text(result, i, 1));
	if (rows == 0 && id != NULL)
		replay_one(run, id, NULL);
	db_result_free(result);
	return true;
}

/* replay_events - the command */
int
replay_events(struct service *service, struct stripe_intake *intake, int argc,
    char **argv)
{
	static const char *const columns[] = { "event", "type", "outcome",
		"error", NULL };
	struct options options;
	struct run run = { service, intake, &options, NULL, NULL, 0, 0, 0 };
	bool asked = true;
	int status;

	if (!parse_options(&options, argc, argv))
		return program_fail(service, EXIT_USAGE,
		    "give either --failed or the ids of events; see --help");
	status = program_connect(service);
	if (status != EXIT_DONE)
		return status;
	run.arena = arena_new(EVENT_ARENA_MAX);
	run.table = table_new(columns);
	run.total = options.id_count;
	if (options.failed)
		asked = replay_found(&run, "replay_failed", NULL);
	for (int i = 0; asked && i < options.id_count; i++)
		asked = replay_found(&run, "replay_one", options.ids[i]);
	table_print(run.table, options.json, stdout);
	table_free(run.table);
	arena_free(run.arena);
	if (!asked)
		return program_fail(service, EXIT_UNAVAILABLE, "database: %s",
		    db_error(service->db));
	return run.failures > 0 ? EXIT_FAILED : EXIT_DONE;
}
