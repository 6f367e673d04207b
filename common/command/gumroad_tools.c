#include "command/gumroad_tools.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "licence/gumroad_state.h"
#include "mail/outbox.h"
#include "program/doctor.h"
#include "base/table.h"

DB_STATEMENT(gumroad_unprocessed, 0,
    "SELECT id, resource, order_id, error"
    " FROM billing.gumroad_events WHERE NOT processed"
    " AND (retry_at IS NULL OR retry_at <= now()) ORDER BY id");
DB_STATEMENT(gumroad_one, 1,
    "SELECT id, resource, order_id, error"
    " FROM billing.gumroad_events WHERE id = $1");
DB_STATEMENT(gumroad_payload, 1,
    "SELECT payload FROM billing.gumroad_events"
    " WHERE id = $1");
DB_STATEMENT(gumroad_retry, 0,
    "SELECT id FROM billing.gumroad_events WHERE NOT processed"
    " AND retry_at <= now() ORDER BY id LIMIT 100");
DB_STATEMENT(outbox_hurry, 1, "SELECT billing.outbox_hurry($1)");

const struct db_statement *const gumroad_tools_statements[] = {
	&sql_outbox_hurry.is,
	&sql_gumroad_unprocessed.is,
	&sql_gumroad_one.is,
	&sql_gumroad_payload.is,
	&sql_gumroad_retry.is,
	NULL,
};

#define DELIVERY_ARENA_MAX (4 << 20) /* bytes that one delivery may take */
#define WATCH_PAUSE_S 2

/* What the command line asks for. */
static struct {
	bool failed, dry_run, json, now, watch;
} asked;

/* A replay under way. */
struct run {
	struct service *service;
	const struct gumroad_books *books;
	struct arena *arena;
	struct table *table;
	int done, total, failures;
};

static volatile sig_atomic_t stopping;

/* on_term - finish the mail in hand, take no other */
static void
on_term(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

/* apply_again - the delivery of an audit row; RC_NOT_FOUND: it was emptied */
static enum rc
apply_again(const struct gumroad_books *books, struct arena *arena,
    const char *id, struct gumroad_result *result)
{
	const char *const params[] = { id };
	struct db_result *row;
	const char *body = NULL;
	enum rc rc;

	rc = db_run(books->db, sql_gumroad_payload, params, &row);
	if (rc != RC_OK)
		return rc;
	if (db_result_rows(row) == 1 && db_result_text(row, 0, 0) != NULL)
		body = arena_printf(arena, "%s", db_result_text(row, 0, 0));
	db_result_free(row);
	if (body == NULL)
		return RC_NOT_FOUND;
	return gumroad_books_apply(
	    books, arena, id, body, strlen(body), result);
}

/* replay_one - to a row of the table */
static void
replay_one(struct run *run, const char *id, const char *resource,
    const char *order, const char *error)
{
	const char *cells[] = { id, resource, order, "would be replayed", NULL,
		error };
	struct gumroad_result result;
	enum rc rc;

	if (!asked.dry_run) {
		rc = apply_again(run->books, run->arena, id, &result);
		if (rc == RC_OK) {
			cells[1] = result.resource;
			cells[2] = result.order;
			cells[3] = result.status;
			cells[4] = result.license_key;
			cells[5] = result.problem;
			run->failures += result.problem != NULL;
		} else {
			cells[3] = rc_name(rc);
			cells[5] = rc == RC_NOT_FOUND ?
			    "its payload was emptied since, and Gumroad has "
			    "no copy" :
			    db_error(run->books->db);
			run->failures++;
		}
	}
	table_row(run->table, cells);
	arena_reset(run->arena);
	run->done++;
	command_line_progress(run->done, run->total);
}

/* replay_found - every row that a statement finds; false: it failed */
static bool
replay_found(
    struct run *run, const struct db_statement *statement, const char *id)
{
	const char *const params[] = { id };
	struct db_result *result;
	int rows;
	enum rc rc;

	rc = db_run_any(
	    run->books->db, statement, statement->params, params, &result);
	if (rc != RC_OK && rc != RC_BAD_REQUEST)
		return false;
	rows = rc == RC_OK ? db_result_rows(result) : 0;
	if (id == NULL)
		run->total = rows;
	for (int i = 0; i < rows; i++)
		replay_one(run, db_result_text(result, i, 0),
		    db_result_text(result, i, 1), db_result_text(result, i, 2),
		    db_result_text(result, i, 3));
	if (rows == 0 && id != NULL) {
		const char *cells[] = { id, NULL, NULL, "not_found", NULL,
			"there is no such delivery" };

		table_row(run->table, cells);
		run->failures++;
	}
	db_result_free(result);
	return true;
}

/* replay - the command: deliveries of the audit table, once more */
static int
replay(struct service *service, int count, char **operands)
{
	static const char *const columns[] = { "delivery", "resource", "order",
		"status", "license_key", "error", NULL };
	const struct gumroad_books books = gumroad_state_books(service, 0);
	struct run run = {
		.service = service, .books = &books, .total = count
	};
	bool done = true;
	int status;

	if (asked.failed == (count > 0))
		return command_line_fail(service, EXIT_USAGE,
		    "give the ids of deliveries, or --failed");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	run.arena = arena_new(DELIVERY_ARENA_MAX);
	run.table = table_new(columns);
	if (asked.failed)
		done = replay_found(&run, &sql_gumroad_unprocessed.is, NULL);
	for (int i = 0; done && i < count; i++)
		done = replay_found(&run, &sql_gumroad_one.is, operands[i]);
	command_line_table(run.table, asked.json);
	arena_free(run.arena);
	if (!done)
		return command_line_database(service);
	return run.failures > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* take_up - deliveries that broke off, or whose time has come */
static enum rc
take_up(const struct gumroad_books *books, struct arena *arena)
{
	struct gumroad_result result;
	struct db_result *found;
	enum rc rc;

	rc = db_run_bare(books->db, sql_gumroad_retry, &found);
	for (int i = 0; rc == RC_OK && i < db_result_rows(found) && !stopping;
	     i++) {
		const char *id = db_result_text(found, i, 0);

		rc = apply_again(books, arena, id, &result);
		if (rc == RC_OK)
			log_message("info", "delivery %s: taken up again: %s",
			    id, result.status);
		arena_reset(arena);
	}
	db_result_free(found);
	return rc;
}

/* work_off - the outbox until nothing is due; *failed counts lost mails */
static enum rc
work_off(struct service *service, struct arena *arena, struct mailer *mailer,
    int *count, int *failed)
{
	enum mail_verdict verdict;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !stopping) {
		rc = outbox_step(service->db, arena, mailer, &verdict);
		arena_reset(arena);
		if (rc != RC_OK)
			break;
		*count += verdict == MAIL_SENT;
		*failed += verdict != MAIL_SENT;
	}
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* watch - until SIGTERM or SIGINT; a lost database is waited for */
static int
watch(struct service *service, const struct gumroad_books *books,
    struct mailer *mailer, struct arena *arena)
{
	const struct timespec pause = { WATCH_PAUSE_S, 0 };
	struct sigaction action;
	bool lost = false;
	int ignored = 0;
	enum rc rc;

	memset(&action, 0, sizeof action);
	action.sa_handler = on_term;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	while (!stopping) {
		rc = take_up(books, arena);
		if (rc == RC_OK)
			rc = work_off(
			    service, arena, mailer, &ignored, &ignored);
		if (rc != RC_OK && !lost)
			log_message("warn", "the outbox waits: %s",
			    db_error(service->db));
		else if (rc == RC_OK && lost)
			log_message("info", "the outbox goes on");
		lost = rc != RC_OK;
		if (!stopping)
			nanosleep(&pause, NULL);
	}
	return EXIT_DONE;
}

/* deliver - the command: what broke off, then the outbox */
static int
deliver(struct service *service, int count, char **operands)
{
	const char *const params[] = { asked.failed ? "true" : "false" };
	const struct gumroad_books books = gumroad_state_books(service, 0);
	const struct gumroad_state *state = service->state;
	int status = command_line_connect(service), sent = 0, unsent = 0;
	struct arena *arena;
	enum rc rc = RC_OK;

	(void)count, (void)operands;
	if (status != EXIT_DONE && !(asked.watch && status == EXIT_UNAVAILABLE))
		return status;
	arena = arena_new(DELIVERY_ARENA_MAX);
	if (asked.now || asked.failed)
		rc = db_run(service->db, sql_outbox_hurry, params, NULL);
	if (rc == RC_OK && asked.watch)
		status = watch(service, &books, state->mailer, arena);
	else if (rc == RC_OK && (rc = take_up(&books, arena)) == RC_OK)
		rc = work_off(service, arena, state->mailer, &sent, &unsent);
	arena_free(arena);
	if (rc != RC_OK)
		return command_line_database(service);
	if (!asked.watch)
		printf("%d sent, %d not sent\n", sent, unsent);
	return unsent > 0 ? EXIT_FAILED : status;
}

static const struct option replay_options[] = {
	{ .name = "--failed", .flag = &asked.failed },
	{ .name = "--dry-run", .flag = &asked.dry_run },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

static const struct option deliver_options[] = {
	{ .name = "--watch", .flag = &asked.watch },
	{ .name = "--now", .flag = &asked.now },
	{ .name = "--failed", .flag = &asked.failed },
	{ .name = NULL },
};

const struct command gumroad_tools_replay_command = {
	.name = "replay",
	.arguments = "[--failed | ID…] [--dry-run] [--json]",
	.help = "apply deliveries of the audit table again",
	.options = replay_options,
	.operands_max = ANY_OPERANDS,
	.run = replay,
};

const struct command gumroad_tools_deliver_command = {
	.name = "deliver",
	.arguments = "[--watch] [--now] [--failed]",
	.help = "send the mails that wait, once or for ever",
	.options = deliver_options,
	.run = deliver,
};

/* gumroad_tools_examine - what waits, while the database is there */
void
gumroad_tools_examine(struct service *service, struct doctor *doctor)
{
	struct db_result *waiting;
	int count;

	if (service->db == NULL ||
	    db_run_bare(service->db, sql_gumroad_unprocessed, &waiting) !=
		RC_OK)
		return;
	count = db_result_rows(waiting);
	if (count > 0)
		doctor_warn(doctor, "deliveries",
		    "Mend the cause that replay --failed --dry-run lists, then "
		    "run gumroad-webhook replay --failed.",
		    "%d could not be applied", count);
	else
		doctor_ok(doctor, "deliveries", "none waits to be applied");
	db_result_free(waiting);
}
