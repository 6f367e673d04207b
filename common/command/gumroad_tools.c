#include "command/gumroad_tools.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
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

/* What a command line asks for. */
struct options {
	bool failed, dry_run, json, now, watch;
	char **ids;
	int id_count;
};

/* A replay under way. */
struct run {
	struct service *service;
	const struct gumroad_books *books;
	const struct options *options;
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

/* parse_options - those in allowed; false: the usage is wrong */
static bool
parse_options(
    struct options *options, const char *allowed, int argc, char **argv)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--failed", &options->failed },
		{ "--dry-run", &options->dry_run },
		{ "--json", &options->json },
		{ "--now", &options->now },
		{ "--watch", &options->watch },
	};
	size_t count = sizeof flags / sizeof *flags, j;

	memset(options, 0, sizeof *options);
	options->ids = argv + 1;
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-') {
			options->ids[options->id_count++] = argv[i];
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
	return true;
}

/* ready - connected, or a status to exit with */
static int
ready(struct service *service)
{
	if (service->db == NULL)
		return command_line_fail(
		    service, EXIT_CONFIG, "DATABASE_URL is not set");
	if (db_connect(service->db) != RC_OK)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
	return EXIT_DONE;
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

	if (!run->options->dry_run) {
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

/* gumroad_tools_replay - the command */
int
gumroad_tools_replay(struct service *service, const struct gumroad_books *books,
    int argc, char **argv)
{
	static const char *const columns[] = { "delivery", "resource", "order",
		"status", "license_key", "error", NULL };
	struct options options;
	struct run run = { service, books, &options, NULL, NULL, 0, 0, 0 };
	bool asked = true;
	int status;

	if (!parse_options(&options, "--failed --dry-run --json", argc, argv) ||
	    options.failed == (options.id_count > 0))
		return command_line_fail(service, EXIT_USAGE,
		    "give either --failed or the ids of deliveries; see "
		    "--help");
	if ((status = ready(service)) != EXIT_DONE)
		return status;
	run.arena = arena_new(DELIVERY_ARENA_MAX);
	run.table = table_new(columns);
	run.total = options.id_count;
	if (options.failed)
		asked = replay_found(&run, &sql_gumroad_unprocessed.is, NULL);
	for (int i = 0; asked && i < options.id_count; i++)
		asked = replay_found(&run, &sql_gumroad_one.is, options.ids[i]);
	table_print(run.table, options.json, stdout);
	table_free(run.table);
	arena_free(run.arena);
	if (!asked)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
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

/* gumroad_tools_deliver - the command */
int
gumroad_tools_deliver(struct service *service,
    const struct gumroad_books *books, struct mailer *mailer, int argc,
    char **argv)
{
	const char *params[1];
	struct options options;
	struct arena *arena;
	int status, sent = 0, unsent = 0;
	enum rc rc = RC_OK;

	if (!parse_options(&options, "--watch --now --failed", argc, argv) ||
	    options.id_count > 0)
		return command_line_fail(service, EXIT_USAGE,
		    "usage: deliver [--watch] [--now] [--failed]");
	status = ready(service);
	if (status != EXIT_DONE &&
	    !(options.watch && status == EXIT_UNAVAILABLE))
		return status;
	arena = arena_new(DELIVERY_ARENA_MAX);
	params[0] = options.failed ? "true" : "false";
	if (options.now || options.failed)
		rc = db_run(service->db, sql_outbox_hurry, params, NULL);
	if (rc == RC_OK && options.watch)
		status = watch(service, books, mailer, arena);
	else if (rc == RC_OK && (rc = take_up(books, arena)) == RC_OK)
		rc = work_off(service, arena, mailer, &sent, &unsent);
	arena_free(arena);
	if (rc != RC_OK)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
	if (!options.watch)
		printf("%d sent, %d not sent\n", sent, unsent);
	return unsent > 0 ? EXIT_FAILED : status;
}

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
