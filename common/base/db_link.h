/*
 * db_link.h - the connection below db.c: connect, send, wait, judge.
 *
 * For db.c alone. These two are the only modules that know libpq.
 */
#ifndef PAYDESK_DB_LINK_H
#define PAYDESK_DB_LINK_H

#include <libpq-fe.h>

#include "base/db.h"

struct db {
	const char *conninfo, *options;
	const struct db_statement *const *const *statements;
	int timeout_ms;
	PGconn *conn; /* NULL when not connected */
	bool in_transaction;
	int schema_version; /* 0: unknown */
	bool misfit;	    /* error says what is wrong with it */
	unsigned round_trips;
	char sqlstate[6], error[512];
};

/* As db_connect(), when there is no connection. */
enum rc db_link_open(struct db *db) MUST_CHECK;

/* The next use connects again. */
void db_link_close(struct db *db);

/* Keeps the SQLSTATE, which may be NULL, and the first line of the message. */
void db_link_error(struct db *db, const char *sqlstate, const char *message);

/*
 * Sends a prepared statement with count parameters, or plain SQL when name is
 * NULL, and judges the answer. Codes as db_run(); no attempt is repeated.
 */
enum rc db_link_exchange(struct db *db, const char *name, const char *sql,
    size_t count, const char *const *params, PGresult **result) MUST_CHECK;

/*
 * Closes a link that the server has closed, before anything is sent on it;
 * never inside a transaction.
 */
void db_link_drop_dead(struct db *db);

#endif
