#include "base/db_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

/* db_link_close - the next use connects again */
void
db_link_close(struct db *db)
{
	PQfinish(db->conn);
	db->conn = NULL;
	db->in_transaction = false;
}

/* db_link_error - keep the first line of what went wrong */
void
db_link_error(struct db *db, const char *sqlstate, const char *message)
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

/* wait_for - until the socket is ready or the deadline has passed */
static bool
wait_for(struct db *db, short events, int64_t deadline_ms)
{
	struct pollfd poll_fd = { PQsocket(db->conn), events, 0 };
	int ready;

	do {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();

		if (left_ms <= 0)
			return false;
		ready = poll(&poll_fd, 1, (int)left_ms);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready > 0;
}

/* drain - read until the server has said something; false: it has not */
static bool
drain(struct db *db, int64_t deadline_ms)
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
	int64_t deadline_ms = clock_monotonic_ms() + db->timeout_ms;
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

/* db_link_exchange - send a prepared statement (or plain SQL without a name), judge */
enum rc
db_link_exchange(struct db *db, const char *name, const char *sql, size_t count,
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
		db_link_error(db, "", PQerrorMessage(db->conn));
		if (*db->error == '\0')
			db_link_error(
			    db, "", "PostgreSQL did not answer in time");
		db_link_close(db);
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
	db_link_error(db, sqlstate,
	    sqlstate != NULL ?
		PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY) :
		PQresultErrorMessage(answer));
	PQclear(answer);
	if (PQstatus(db->conn) != CONNECTION_OK)
		db_link_close(db);
	if (*db->sqlstate == '\0')
		return RC_UNCERTAIN;
	if (strncmp(db->sqlstate, "22", 2) == 0 ||
	    strncmp(db->sqlstate, "23", 2) == 0 ||
	    strcmp(db->sqlstate, "P0001") == 0)
		return RC_BAD_REQUEST;
	return RC_BUSY;
}

/* no_schema - why the version cannot be read; not for want of the server */
static enum rc
no_schema(struct db *db)
{
	if (strcmp(db->sqlstate, "3F000") == 0 ||
	    strcmp(db->sqlstate, "42P01") == 0) {
		db_link_error(db, "",
		    "the database has no paydesk schema: run sql/migrate");
		return RC_INTERNAL;
	}
	return strncmp(db->sqlstate, "42", 2) == 0 ? RC_INTERNAL : RC_BUSY;
}

/* check_schema - the programs and the database must fit each other */
static enum rc
check_schema(struct db *db)
{
	PGresult *result = NULL;
	int compatible_from;
	enum rc rc;

	db->schema_version = 0;
	rc = db_link_exchange(db, NULL,
	    "SELECT max(version), max(coalesce(compatible_from, version))"
	    " FROM billing.schema_version",
	    0, NULL, &result);
	if (rc != RC_OK)
		return no_schema(db);
	db->schema_version = atoi(PQgetvalue(result, 0, 0));
	compatible_from = atoi(PQgetvalue(result, 0, 1));
	PQclear(result);
	if (db_schema_fits(db->schema_version, compatible_from))
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

/* prepare_one - a statement for the whole session */
static enum rc
prepare_one(struct db *db, const struct db_statement *statement)
{
	PGresult *result;
	bool done;

	if (!PQsendPrepare(
		db->conn, statement->name, statement->sql, 0, NULL) ||
	    (result = receive(db)) == NULL) {
		db_link_error(db, "", PQerrorMessage(db->conn));
		return RC_BUSY;
	}
	done = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!done)
		db_link_error(db, PQresultErrorField(result, PG_DIAG_SQLSTATE),
		    PQresultErrorMessage(result));
	PQclear(result);
	if (done)
		return RC_OK;
	return strncmp(db->sqlstate, "42", 2) == 0 ? RC_INTERNAL : RC_BUSY;
}

/* prepare - all statements, so that a typo stops the start and not a payment */
static enum rc
prepare(struct db *db)
{
	const struct db_statement *const *const *list, *const *statement;
	enum rc rc = RC_OK;

	for (list = db->statements; *list != NULL; list++) {
		for (statement = *list; rc == RC_OK && *statement != NULL;
		     statement++)
			rc = prepare_one(db, *statement);
	}
	return rc;
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

/* db_link_open - connected, of the right version, statements prepared */
enum rc
db_link_open(struct db *db)
{
	enum rc rc;

	db->conn = connect_now(db);
	if (PQstatus(db->conn) != CONNECTION_OK) {
		db_link_error(db, "", PQerrorMessage(db->conn));
		db_link_close(db);
		return RC_BUSY;
	}
	PQsetNoticeReceiver(db->conn, notice, NULL);
	PQsetnonblocking(db->conn, 1);
	rc = check_schema(db);
	if (rc == RC_OK)
		rc = prepare(db);
	if (rc != RC_OK)
		db_link_close(db);
	return rc;
}

/*
 * db_link_drop_dead - notice a closed connection before anything is sent on it.
 * The server may have said something before it closed, so read to the end.
 */
void
db_link_drop_dead(struct db *db)
{
	struct pollfd poll_fd = { -1, POLLIN, 0 };

	if (db->conn == NULL || db->in_transaction)
		return;
	poll_fd.fd = PQsocket(db->conn);
	while (poll(&poll_fd, 1, 0) == 1) {
		if (!PQconsumeInput(db->conn) ||
		    PQstatus(db->conn) != CONNECTION_OK) {
			db_link_close(db);
			return;
		}
	}
}
