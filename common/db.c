#include "db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define BACKOFF_MS 10 /* after the first refusal; doubles */

struct db {
	const char *conninfo, *options;
	const struct db_statement *statements;
	int timeout_ms;
	PGconn *conn; /* NULL when not connected */
	bool in_transaction;
	int schema_version; /* 0: unknown */
	unsigned round_trips;
	char sqlstate[6], error[512];
};

/* struct db_result is never defined: it is libpq's PGresult by another name. */

/* db_new - nothing is sent yet */
struct db *
db_new(const char *conninfo, const char *options,
    const struct db_statement *statements, int timeout_ms)
{
	struct db *db = calloc(1, sizeof *db);

	if (db == NULL) {
		fputs("paydesk: out of memory at start\n", stderr);
		exit(71);
	}
	db->conninfo = conninfo;
	db->options = options;
	db->statements = statements;
	db->timeout_ms = timeout_ms;
	return db;
}

/* disconnect - the next use connects again */
static void
disconnect(struct db *db)
{
	PQfinish(db->conn);
	db->conn = NULL;
	db->in_transaction = false;
}

/* db_free - the end */
void
db_free(struct db *db)
{
	if (db == NULL)
		return;
	disconnect(db);
	free(db);
}

/* set_error - keep the first line of what went wrong */
static void
set_error(struct db *db, const char *sqlstate, const char *message)
{
	snprintf(db->sqlstate, sizeof db->sqlstate, "%s",
	    sqlstate != NULL ? sqlstate : "");
	snprintf(db->error, sizeof db->error, "%s", message);
	db->error[strcspn(db->error, "\n")] = '\0';
}

/* notice - what the server remarks goes to the log */
static void
notice(void *unused, const PGresult *result)
{
	(void)unused;
	log_message("warn", "postgresql: %s",
	    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

/* now_ms - monotonic clock */
static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* wait_for - until the socket is ready or the deadline has passed */
static bool
wait_for(struct db *db, short events, long deadline_ms)
{
	struct pollfd poll_fd = { PQsocket(db->conn), events, 0 };
	int ready;

	do {
		long left_ms = deadline_ms - now_ms();

		if (left_ms <= 0)
			return false;
		ready = poll(&poll_fd, 1, (int)left_ms);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready > 0;
}

/* drain - read until the server has said something; false: it has not */
static bool
drain(struct db *db, long deadline_ms)
{
	while (PQisBusy(db->conn)) {
		if (!wait_for(db, POLLIN, deadline_ms) ||
		    !PQconsumeInput(db->conn))
			return false;
	}
	return true;
}

/*
 * receive - the answer to what was sent; NULL when the link failed or hung.
 *
 * A transaction of one statement commits after its result and before the server
 * says that it is ready again. So the answer is what stands when it is ready:
 * an error that follows the result takes its place.
 */
static PGresult *
receive(struct db *db)
{
	long deadline_ms = now_ms() + db->timeout_ms;
	PGresult *answer = NULL, *result;
	int unsent;

	while ((unsent = PQflush(db->conn)) == 1) {
		if (!wait_for(db, POLLOUT | POLLIN, deadline_ms) ||
		    !PQconsumeInput(db->conn))
			return NULL;
	}
	if (unsent != 0)
		return NULL;
	while (drain(db, deadline_ms) &&
	    (result = PQgetResult(db->conn)) != NULL) {
		if (answer == NULL ||
		    PQresultStatus(result) == PGRES_FATAL_ERROR) {
			PQclear(answer);
			answer = result;
		} else
			PQclear(result);
	}
	db->round_trips++;
	if (PQtransactionStatus(db->conn) == PQTRANS_ACTIVE ||
	    (PQstatus(db->conn) != CONNECTION_OK &&
		PQresultStatus(answer) != PGRES_FATAL_ERROR)) {
		PQclear(answer);
		return NULL;
	}
	return answer;
}

/* exchange - send a prepared statement (or plain SQL without a name), judge */
static enum rc
exchange(struct db *db, const char *name, const char *sql, size_t count,
    const char *const *params, PGresult **result)
{
	const char *sqlstate;
	PGresult *answer = NULL;
	int sent;

	sent = name != NULL ?
	    PQsendQueryPrepared(
		db->conn, name, (int)count, params, NULL, NULL, 0) :
	    PQsendQueryParams(db->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
	if (sent)
		answer = receive(db);
	if (answer == NULL) {
		set_error(db, "", PQerrorMessage(db->conn));
		if (*db->error == '\0')
			set_error(db, "", "PostgreSQL did not answer in time");
		disconnect(db);
		return RC_UNCERTAIN;
	}
	switch (PQresultStatus(answer)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		*result = answer;
		return RC_OK;
	default:
		break;
	}
	sqlstate = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
	set_error(db, sqlstate,
	    sqlstate != NULL ?
		PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY) :
		PQresultErrorMessage(answer));
	PQclear(answer);
	if (PQstatus(db->conn) != CONNECTION_OK)
		disconnect(db);
	if (*db->sqlstate == '\0')
		return RC_UNCERTAIN;
	if (strncmp(db->sqlstate, "22", 2) == 0 ||
	    strncmp(db->sqlstate, "23", 2) == 0 ||
	    strcmp(db->sqlstate, "P0001") == 0)
		return RC_BAD_REQUEST;
	return RC_BUSY;
}

/* plain - SQL without parameters or rows */
static enum rc
plain(struct db *db, const char *sql)
{
	PGresult *result = NULL;
	enum rc rc = exchange(db, NULL, sql, 0, NULL, &result);

	PQclear(result);
	return rc;
}

/* check_schema - the programs and the database must be of one version */
static enum rc
check_schema(struct db *db)
{
	PGresult *result = NULL;
	enum rc rc;

	db->schema_version = 0;
	rc = exchange(db, NULL,
	    "SELECT max(version) FROM billing.schema_version", 0, NULL,
	    &result);
	if (rc != RC_OK) {
		if (strcmp(db->sqlstate, "3F000") == 0 ||
		    strcmp(db->sqlstate, "42P01") == 0) {
			set_error(db, "",
			    "the database has no paydesk schema: run "
			    "sql/migrate");
			return RC_INTERNAL;
		}
		return strncmp(db->sqlstate, "42", 2) == 0 ? RC_INTERNAL :
							     RC_BUSY;
	}
	db->schema_version = atoi(PQgetvalue(result, 0, 0));
	PQclear(result);
	if (db->schema_version == DB_SCHEMA_VERSION)
		return RC_OK;
	snprintf(db->error, sizeof db->error,
	    "the database's schema is at version %d and this program needs "
	    "%d: %s",
	    db->schema_version, DB_SCHEMA_VERSION,
	    db->schema_version < DB_SCHEMA_VERSION ?
		"run sql/migrate" :
		"install the newer programs");
	return RC_INTERNAL;
}

/* prepare - all statements, so that a typo stops the start and not a payment */
static enum rc
prepare(struct db *db)
{
	const struct db_statement *statement;
	PGresult *result;

	for (statement = db->statements; statement->name; statement++) {
		if (!PQsendPrepare(
			db->conn, statement->name, statement->sql, 0, NULL) ||
		    (result = receive(db)) == NULL) {
			set_error(db, "", PQerrorMessage(db->conn));
			return RC_BUSY;
		}
		if (PQresultStatus(result) != PGRES_COMMAND_OK) {
			set_error(db,
			    PQresultErrorField(result, PG_DIAG_SQLSTATE),
			    PQresultErrorMessage(result));
			PQclear(result);
			return strncmp(db->sqlstate, "42", 2) == 0 ?
			    RC_INTERNAL :
			    RC_BUSY;
		}
		PQclear(result);
	}
	return RC_OK;
}

/* connect_now - what the conninfo leaves open gets careful values */
static PGconn *
connect_now(struct db *db)
{
	const char *keywords[] = { "connect_timeout", "target_session_attrs",
		"tcp_user_timeout", "options", "dbname",
		"fallback_application_name", NULL };
	const char *values[] = { "3", "read-write", "10000", db->options,
		db->conninfo, "paydesk", NULL };

	return PQconnectdbParams(keywords, values, 1);
}

/* db_connect - connected, of the right version, statements prepared */
enum rc
db_connect(struct db *db)
{
	enum rc rc;

	if (db->conn != NULL)
		return RC_OK;
	db->conn = connect_now(db);
	if (PQstatus(db->conn) != CONNECTION_OK) {
		set_error(db, "", PQerrorMessage(db->conn));
		disconnect(db);
		return RC_BUSY;
	}
	PQsetNoticeReceiver(db->conn, notice, NULL);
	PQsetnonblocking(db->conn, 1);
	rc = check_schema(db);
	if (rc == RC_OK)
		rc = prepare(db);
	if (rc != RC_OK)
		disconnect(db);
	return rc;
}

/*
 * drop_dead_link - notice a closed connection before anything is sent on it.
 * The server may have said something before it closed, so read to the end.
 */
static void
drop_dead_link(struct db *db)
{
	struct pollfd poll_fd = { -1, POLLIN, 0 };

	if (db->conn == NULL || db->in_transaction)
		return;
	poll_fd.fd = PQsocket(db->conn);
	while (poll(&poll_fd, 1, 0) == 1) {
		if (!PQconsumeInput(db->conn) ||
		    PQstatus(db->conn) != CONNECTION_OK) {
			disconnect(db);
			return;
		}
	}
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
	drop_dead_link(db);
	for (int attempt = 0; attempt < DB_ATTEMPTS; attempt++) {
		if (!db->in_transaction && db_connect(db) != RC_OK)
			return RC_BUSY;
		if (db->conn == NULL)
			return RC_BUSY; /* lost inside the transaction */
		rc = exchange(db, name, sql, count, params, &answer);
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

/* db_run - one statement */
enum rc
db_run(struct db *db, const char *name, size_t count, const char *const *params,
    struct db_result **result)
{
	return run(db, name, NULL, count, params, result);
}

/* db_query - one statement that is not prepared */
enum rc
db_query(struct db *db, const char *sql, struct db_result **result)
{
	return run(db, NULL, sql, 0, NULL, result);
}

/* attempt_transaction - BEGIN, work, COMMIT or ROLLBACK, once */
static enum rc
attempt_transaction(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	char sqlstate[sizeof db->sqlstate], error[sizeof db->error];
	enum rc rc;

	if (plain(db, "BEGIN") != RC_OK)
		return RC_BUSY;
	db->in_transaction = true;
	rc = work(db, context);
	db->in_transaction = false;
	if (db->conn == NULL)
		return RC_BUSY;
	if (rc == RC_OK)
		return plain(db, "COMMIT");
	memcpy(sqlstate, db->sqlstate, sizeof sqlstate);
	memcpy(error, db->error, sizeof error);
	if (plain(db, "ROLLBACK") == RC_OK)
		set_error(db, sqlstate, error);
	return rc;
}

/* db_transaction - all of work or nothing */
enum rc
db_transaction(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	enum rc rc = RC_BUSY;

	drop_dead_link(db);
	for (int attempt = 0; attempt < DB_ATTEMPTS; attempt++) {
		if (db_connect(db) != RC_OK)
			return RC_BUSY;
		set_error(db, "", "");
		rc = attempt_transaction(db, work, context);
		if (rc != RC_BUSY || !retryable(db))
			break;
		back_off(attempt);
	}
	return rc;
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
