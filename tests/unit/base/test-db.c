/*
 * Without a server: that a database can be away. What it does with one is for
 * the endpoint and fault tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "server.h"
#include "unit.h"

DB_STATEMENT(one, 0, "SELECT 1");
static const struct db_statement *const list[] = { &sql_one.is, NULL };
static const struct db_statement *const *const statements[] = { list, NULL };
static const struct server_turn rude[] = {
	{ SERVER_BLURT, "HTTP/1.1 400 Bad Request\r\n\r\n", 0 },
	{ SERVER_BLURT, "E", 0 },
	{ SERVER_BLURT, "", 0 },
};

/* Places where there is no PostgreSQL. */
static const char *const nowhere[] = { "host=/nonexistent dbname=paydesk",
	"host=127.0.0.1 port=1 dbname=paydesk",
	"postgresql://paydesk@127.0.0.1:1/paydesk", "host=127.0.0.1 port=no",
	"no such setting", "nonsense=1" };

/* set_up - nothing of libpq's own variables */
static void
set_up(void)
{
	clearenv();
	setenv("PGHOST", "/nonexistent", 1);
}

/* never - work that must not be done */
static enum rc
never(struct db *db, void *context)
{
	(void)db;
	(void)context;
	ck_abort_msg("there is nothing to work on");
	return RC_OK;
}

START_TEST(a_database_can_be_away)
{
	char arbitrary[1];
	struct db *db = db_new(nowhere[_i], "", statements, 1000);
	struct db_result *result = (struct db_result *)arbitrary;

	ck_assert_int_eq(db_connect(db), RC_BUSY);
	ck_assert_str_ne(db_error(db), "");
	ck_assert_str_eq(db_sqlstate(db), "");
	ck_assert_int_eq(db_run_bare(db, sql_one, &result), RC_BUSY);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(db_run_bare(db, sql_one, NULL), RC_BUSY);
	ck_assert_int_eq(db_transaction(db, never, NULL), RC_BUSY);
	ck_assert_uint_eq(db_round_trips(db), 0);
	db_free(db);
}

START_TEST(a_database_can_be_something_else)
{
	char conninfo[64];
	struct db *db;

	snprintf(conninfo, sizeof conninfo,
	    "host=127.0.0.1 sslmode=disable port=%d",
	    server_start(&rude[_i], 1));
	db = db_new(conninfo, "", statements, 1000);
	ck_assert_int_eq(db_connect(db), RC_BUSY);
	ck_assert_str_ne(db_error(db), "");
	db_free(db);
	server_stop(NULL);
}

START_TEST(errors_are_one_line_and_no_secret)
{
	struct db *db = db_new("postgresql://paydesk:topsecret@127.0.0.1:1,"
			       "127.0.0.1:2/paydesk",
	    "", statements, 1000);

	ck_assert_int_eq(db_connect(db), RC_BUSY);
	ck_assert_ptr_null(strchr(db_error(db), '\n'));
	ck_assert_ptr_null(strstr(db_error(db), "topsecret"));
	db_free(db);
}

START_TEST(nothing_can_be_freed)
{
	db_free(NULL);
	db_result_free(NULL);
	ck_assert_int_eq(db_result_rows(NULL), 0);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, NULL);
	unit_add_table(tests, a_database_can_be_away, nowhere);
	unit_add_table(tests, a_database_can_be_something_else, rude);
	tcase_add_test(tests, errors_are_one_line_and_no_secret);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("db", add);
}
