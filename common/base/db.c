#include "base/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/db_link.h"

#define BACKOFF_MS 10 /* after the first refusal; doubles */

/* struct db_result is never defined: it is libpq's PGresult by another name. */

/* db_new - nothing is sent yet */
struct db *
db_new(const char *conninfo, const char *options,
    const struct db_statement *const *const *statements, int timeout_ms)
{
	struct db *db = memory_new(sizeof *db);

	db->conninfo = conninfo;
	db->options = options;
	db->statements = statements;
	db->timeout_ms = timeout_ms;
	return db;
}

/* db_free - the end */
void
db_free(struct db *db)
{
	if (db == NULL)
		return;
	db_link_close(db);
	free(db);
}

/* db_connect - unless it is */
enum rc
db_connect(struct db *db)
{
	enum rc rc = db->conn != NULL ? RC_OK : db_link_open(db);

	db->misfit = rc == RC_INTERNAL;
	return rc;
}

/* plain - SQL without parameters or rows */
static enum rc
plain(struct db *db, const char *sql)
{
	PGresult *result = NULL;
	enum rc rc = db_link_exchange(db, NULL, sql, 0, NULL, &result);

	PQclear(result);
	return rc;
}

/* retryable - refused for what another session or an operator did */
static bool
retryable(const struct db *db)
{
	static const char *const states[] = {
		"40001", /* serialization_failure */
		"40P01", /* deadlock_detected */
		"57P01", /* admin_shutdown: this backend was told to end */
	};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (strcmp(db->sqlstate, states[i]) == 0)
			return true;
	}
	return false;
}

/* back_off - a growing, jittered pause between attempts */
static void
back_off(int attempt)
{
	struct timespec pause = { 0, 0 };
	long ms = BACKOFF_MS << attempt;

	pause.tv_nsec = (ms / 2 + random() % ms) * 1000000;
	nanosleep(&pause, NULL);
}

/* run - a prepared statement, or plain SQL without a name, until it is done */
static enum rc
run(struct db *db, const char *name, const char *sql, size_t count,
    const char *const *params, struct db_result **result)
{
	PGresult *answer = NULL;
	enum rc rc = RC_BUSY;

	if (result != NULL)
		*result = NULL;
	db_link_drop_dead(db);
	for (int attempt = 0; attempt < DB_ATTEMPTS; attempt++) {
		if (!db->in_transaction && db_connect(db) != RC_OK)
			return RC_BUSY;
		if (db->conn == NULL)
			return RC_BUSY; /* lost inside the transaction */
		rc = db_link_exchange(db, name, sql, count, params, &answer);
		if (rc != RC_BUSY || db->in_transaction || !retryable(db))
			break;
		back_off(attempt);
	}
	if (rc == RC_UNCERTAIN && db->in_transaction)
		rc = RC_BUSY;
	if (result != NULL)
		*result = (struct db_result *)answer;
	else
		PQclear(answer);
	return rc;
}

/* db_run_any - one statement */
enum rc
db_run_any(struct db *db, const struct db_statement *statement, size_t count,
    const char *const *params, struct db_result **result)
{
	if (count != statement->params) {
		if (result != NULL)
			*result = NULL;
		db_link_error(db, "", "not as many parameters as are taken");
		return RC_INTERNAL;
	}
	return run(db, statement->name, NULL, count, params, result);
}

/* db_query - one statement that is not prepared */
enum rc
db_query(struct db *db, const char *sql, struct db_result **result)
{
	return run(db, NULL, sql, 0, NULL, result);
}

/* What is to be done between BEGIN and COMMIT, or ROLLBACK when it is a trial. */
struct transaction {
	enum rc (*work)(struct db *db, void *context);
	void *context;
	bool trial;
};

/* roll_back - and keep what went wrong before */
static void
roll_back(struct db *db)
{
	char sqlstate[sizeof db->sqlstate], error[sizeof db->error];

	memcpy(sqlstate, db->sqlstate, sizeof sqlstate);
	memcpy(error, db->error, sizeof error);
	if (plain(db, "ROLLBACK") == RC_OK)
		db_link_error(db, sqlstate, error);
}

/* attempt - BEGIN, work, COMMIT or ROLLBACK, once */
static enum rc
attempt(struct db *db, const struct transaction *transaction)
{
	enum rc rc;

	if (plain(db, "BEGIN") != RC_OK)
		return RC_BUSY;
	db->in_transaction = true;
	rc = transaction->work(db, transaction->context);
	db->in_transaction = false;
	if (db->conn == NULL)
		return RC_BUSY;
	if (rc == RC_OK && !transaction->trial)
		return plain(db, "COMMIT");
	roll_back(db);
	return rc;
}

/* run_transaction - until it is done or refused for good */
static enum rc
run_transaction(struct db *db, const struct transaction *transaction)
{
	enum rc rc = RC_BUSY;

	db_link_drop_dead(db);
	for (int number = 0; number < DB_ATTEMPTS; number++) {
		if (db_connect(db) != RC_OK)
			return RC_BUSY;
		db_link_error(db, "", "");
		rc = attempt(db, transaction);
		if (rc != RC_BUSY || !retryable(db))
			break;
		back_off(number);
	}
	return rc;
}

/* db_transaction - all of work or nothing */
enum rc
db_transaction(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	const struct transaction transaction = { work, context, false };

	return run_transaction(db, &transaction);
}

/* db_trial - as if, and nothing of it */
enum rc
db_trial(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	const struct transaction transaction = { work, context, true };

	return run_transaction(db, &transaction);
}

/* db_misfit - as the last connection found it */
const char *
db_misfit(const struct db *db)
{
	return db->misfit ? db->error : NULL;
}

/* db_schema_fits - neither too old nor too new */
bool
db_schema_fits(int version, int compatible_from)
{
	return version >= DB_SCHEMA_VERSION &&
	    compatible_from <= DB_SCHEMA_VERSION;
}

/* db_schema_version - as the database said it last */
int
db_schema_version(const struct db *db)
{
	return db->schema_version;
}

/* db_result_rows - how many */
int
db_result_rows(const struct db_result *result)
{
	return PQntuples((const PGresult *)result);
}

/* db_result_text - one field */
const char *
db_result_text(const struct db_result *result, int row, int column)
{
	const PGresult *answer = (const PGresult *)result;

	return PQgetisnull(answer, row, column) ?
	    NULL :
	    PQgetvalue(answer, row, column);
}

/* db_result_named - libpq looks the name up */
const char *
db_result_named(const struct db_result *result, int row, const char *column)
{
	int number = PQfnumber((const PGresult *)result, column);

	if (number < 0) {
		log_message("error", "no statement here selects %s", column);
		abort();
	}
	return db_result_text(result, row, number);
}

/* db_result_true - as PostgreSQL writes it */
bool
db_result_true(const struct db_result *result, int row, const char *column)
{
	const char *text = db_result_named(result, row, column);

	return text != NULL && *text == 't';
}

/* db_result_free - NULL is harmless */
void
db_result_free(struct db_result *result)
{
	PQclear((PGresult *)result);
}

/* db_sqlstate - of the last failure */
const char *
db_sqlstate(const struct db *db)
{
	return db->sqlstate;
}

/* db_error - the last failure in words */
const char *
db_error(const struct db *db)
{
	return db->error;
}

/* db_round_trips - since the last call */
unsigned
db_round_trips(struct db *db)
{
	unsigned count = db->round_trips;

	db->round_trips = 0;
	return count;
}
