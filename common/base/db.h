/*
 * db.h - PostgreSQL: one connection a worker, statements prepared in advance.
 *
 * A connection that was lost is made again, and its statements prepared again,
 * by the next use. A statement outside db_transaction() is a transaction of its
 * own. What is refused for a serialization failure or a deadlock is tried again
 * a bounded number of times.
 */
#ifndef PAYDESK_DB_H
#define PAYDESK_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rc.h"
/*
 * DB_SCHEMA_VERSION, the newest file in sql/, and DB_RULES_DIGEST, of the rules
 * that the programs were built beside.
 */
#include "base/schema_version.h"

#define DB_PARAMS_MAX 32
#define DB_ATTEMPTS 5

struct db;
struct db_result;

/* $n parameters only, as many as params; every name qualified by its schema. */
struct db_statement {
	const char *name, *sql;
	size_t params;
	bool
	    operators; /* of a command that is run as another role than usual */
};

/*
 * Defines sql_NAME, a statement of this file with so many parameters. Their
 * count is a part of its type, so that a call with another count does not
 * compile. Modules offer their statements as a list of pointers that ends with
 * NULL.
 */
#define DB_STATEMENT(name, count, text) \
	DB_STATEMENT_OF(name, count, text, false)

/* The same for operators: the program's own role need not have the right to it. */
#define DB_OPERATOR_STATEMENT(name, count, text) \
	DB_STATEMENT_OF(name, count, text, true)

#define DB_STATEMENT_OF(name, count, text, for_operators) \
	static const struct { \
		struct db_statement is; \
		char takes[(count) + 1]; \
	} sql_##name = { { #name, text, count, for_operators }, { 0 } }

/*
 * Prepares to connect as conninfo says; statements are lists, each ended by a
 * NULL as they are together, and outlive the db. timeout_ms bounds every wait for an answer,
 * options are session settings, "-c name=value …". Ends the program when there
 * is no memory.
 */
struct db *db_new(const char *conninfo, const char *options,
    const struct db_statement *const *const *statements, int timeout_ms);
void db_free(struct db *db);

/*
 * Connects unless connected, checks the schema's version, prepares.
 * RC_BUSY: no connection now; RC_INTERNAL: the database is not what these
 * programs need (db_misfit() says why): that may change by itself.
 */
enum rc db_connect(struct db *db) MUST_CHECK;

/*
 * Why the database is not what these programs need, as the last db_connect()
 * saw it: a sentence that says what to do. NULL: it is, or nothing is known.
 */
const char *db_misfit(const struct db *db);

/*
 * Whether these programs can work with a schema of a version, which fits the
 * programs of schema compatible_from and of later ones.
 */
bool db_schema_fits(int version, int compatible_from);

/*
 * Runs a statement with text parameters, NULL for SQL's NULL: params is an array
 * of just as many. On RC_OK *result is the caller's to db_result_free() (a NULL
 * result pointer is allowed when nobody reads it).
 *   RC_BAD_REQUEST  the data were refused (SQLSTATE 22, 23, P0001)
 *   RC_BUSY         nothing was committed
 *   RC_UNCERTAIN    the link died before the answer: it may have been committed
 */
#define db_run(db, statement, params, result) \
	db_run_any(db, &(statement).is, \
	    DB_CHECKED(sizeof(params) / sizeof *(params), statement), params, \
	    result)

/* The same for a statement without parameters. */
#define db_run_bare(db, statement, result) \
	db_run_any(db, &(statement).is, DB_CHECKED(0, statement), NULL, result)

#define DB_CHECKED(count, statement) \
	((count) + 0 * sizeof(struct { \
		_Static_assert((count) + 1 == sizeof(statement).takes, \
		    "not as many parameters as the statement takes"); \
		char unused; \
	}))

/*
 * The same for one of several statements, or parameters that come as a pointer.
 * RC_INTERNAL: it takes another count.
 */
enum rc db_run_any(struct db *db, const struct db_statement *statement,
    size_t count, const char *const *params,
    struct db_result **result) MUST_CHECK;

/*
 * The same with SQL that is not prepared, for a look at the database itself.
 * No word from outside may be in it.
 */
enum rc db_query(
    struct db *db, const char *sql, struct db_result **result) MUST_CHECK;

/*
 * Runs work(db, context) between BEGIN and COMMIT, again from the start after a
 * serialization failure or deadlock. Anything but RC_OK from work rolls back
 * and is returned. work must make no network call of its own.
 */
enum rc db_transaction(struct db *db,
    enum rc (*work)(struct db *db, void *context), void *context) MUST_CHECK;

/*
 * The same, and nothing of it stays: what work would do is rolled back, RC_OK or
 * not.
 */
enum rc db_trial(struct db *db, enum rc (*work)(struct db *db, void *context),
    void *context) MUST_CHECK;

/* The schema's version that the last db_connect() saw; 0: none. */
int db_schema_version(const struct db *db);

int db_result_rows(const struct db_result *result);

/* The text of a field, NULL for SQL's NULL; lives as long as the result. */
const char *db_result_text(const struct db_result *result, int row, int column);

/*
 * The same by the column's name. A name that the statement does not select is a
 * defect of the program, and ends it.
 */
const char *db_result_named(
    const struct db_result *result, int row, const char *column);

/* Whether a field is SQL's true; NULL is not. */
bool db_result_true(
    const struct db_result *result, int row, const char *column);
void db_result_free(struct db_result *result);

/* The last failure: SQLSTATE ("" when the server said none) and a sentence. */
const char *db_sqlstate(const struct db *db);
const char *db_error(const struct db *db);

/* Round trips to the server since the last call of this. */
unsigned db_round_trips(struct db *db);

#endif
