/*
 * The functions of db.c that the ledger calls are defined here: they answer as
 * they are told, and keep what they were asked. What the statements do is for
 * the endpoint tests.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "stripe/ledger.h"
#include "unit.h"

#define CALLS_MAX 4

/* What the database is to answer, call by call. */
static struct {
	enum rc rc;
	const char *word; /* the one field of the result */
	const char *sqlstate, *error;
} answers[CALLS_MAX];

/* What it was asked. */
static struct {
	const char *name;
	size_t count;
	char *params[DB_PARAMS_MAX];
} calls[CALLS_MAX];

static size_t call_count;
static int results_held;
static bool rolled_back;

enum rc
db_run_any(struct db *db, const struct db_statement *statement, size_t count,
    const char *const *params, struct db_result **result)
{
	size_t i = call_count++;

	(void)db;
	ck_assert_uint_lt(i, CALLS_MAX);
	ck_assert_uint_eq(count, statement->params);
	calls[i].name = statement->name;
	calls[i].count = count;
	for (size_t j = 0; j < count; j++)
		calls[i].params[j] = params[j] != NULL ? strdup(params[j]) :
							 NULL;
	if (result != NULL)
		*result = NULL;
	if (answers[i].rc == RC_OK && result != NULL) {
		*result = (struct db_result *)&answers[i];
		results_held++;
	}
	return answers[i].rc;
}

const char *
db_result_text(const struct db_result *result, int row, int column)
{
	ck_assert_int_eq(row, 0);
	ck_assert_int_eq(column, 0);
	return answers[(size_t)((const char *)result - (char *)answers) /
	    sizeof *answers]
	    .word;
}

void
db_result_free(struct db_result *result)
{
	results_held -= result != NULL;
}

const char *
db_error(const struct db *db)
{
	const char *error = answers[call_count - 1].error;

	(void)db;
	return error != NULL ? error : "";
}

const char *
db_sqlstate(const struct db *db)
{
	const char *sqlstate = answers[call_count - 1].sqlstate;

	(void)db;
	return sqlstate != NULL ? sqlstate : "";
}

enum rc
db_transaction(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	enum rc rc = work(db, context);

	rolled_back = rc != RC_OK;
	return rc;
}

enum rc
db_trial(
    struct db *db, enum rc (*work)(struct db *db, void *context), void *context)
{
	rolled_back = true;
	return work(db, context);
}

static struct arena *arena;
static struct ledger_entry entry;
static enum ledger_outcome outcome;

/* set_up - the least of an event */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	entry.event.id = "evt_1";
	entry.event.type = "";
	entry.event.created_s = -1;
	stripe_facts_clear(&entry.facts);
	entry.action = LEDGER_APPLY;
	entry.body = "{}";
	entry.body_len = 2;
	entry.store_max = 16384;
	answers[0].word = "applied";
}

/* tear_down - nothing of the database's may be left */
static void
tear_down(void)
{
	for (size_t i = 0; i < call_count; i++) {
		for (size_t j = 0; j < calls[i].count; j++)
			free(calls[i].params[j]);
	}
	arena_free(arena);
	ck_assert_int_eq(results_held, 0);
}

/* expect_call - its name and all of its parameters */
static void
expect_call(size_t i, const char *name, const char *const *params, size_t count)
{
	ck_assert_uint_lt(i, call_count);
	ck_assert_str_eq(calls[i].name, name);
	ck_assert_uint_eq(calls[i].count, count);
	for (size_t j = 0; j < count; j++)
		ck_assert_pstr_eq(calls[i].params[j], params[j]);
}

/* parsed - a value that lives with the arena */
static json_object *
parsed(const char *text)
{
	json_object *value;

	ck_assert_int_eq(json_parse(arena, text, strlen(text), &value), RC_OK);
	return value;
}

START_TEST(everything_known_is_passed_on)
{
	static const char *const expected[] = { "evt_9", "invoice.paid",
		"2024-06-20", "true", "1700000000", "{\"id\":\"evt_9\"}",
		"false", "apply",
		"{\"fact\":\"payment_paid\",\"customer\":\"cus_1\","
		"\"subscription\":\"sub_1\",\"reference\":\"acc_1\","
		"\"email\":\"a@b.c\",\"rank\":2,"
		"\"metadata\":{\"plan\":\"pro\"},"
		"\"status\":\"active\",\"previous\":{\"status\":\"trialing\"},"
		"\"items\":[{\"price\":\"price_1\",\"quantity\":3}],"
		"\"current_period_start\":\"1970-01-01T00:01:40Z\","
		"\"current_period_end\":\"1970-01-01T00:03:20Z\","
		"\"trial_end\":\"1970-01-01T00:02:30Z\","
		"\"cancel_at_period_end\":true,"
		"\"cancel_at\":\"1970-01-01T00:03:10Z\"}" };

	entry.event.id = "evt_9";
	entry.event.type = "invoice.paid";
	entry.event.api_version = "2024-06-20";
	entry.event.created_s = 1700000000;
	entry.event.livemode = entry.event.has_livemode = true;
	entry.facts.fact = "payment_paid";
	entry.facts.customer = "cus_1";
	entry.facts.subscription = "sub_1";
	entry.facts.reference = "acc_1";
	entry.facts.email = "a@b.c";
	entry.facts.status = "active";
	entry.facts.previous = parsed("{\"status\":\"trialing\"}");
	entry.facts.rank = RANK_UPDATED;
	entry.facts.metadata = parsed("{\"plan\":\"pro\"}");
	entry.facts.items = parsed("[{\"price\":\"price_1\"}]");
	entry.facts.quantity = 3;
	entry.facts.period_start_s = 100;
	entry.facts.period_end_s = 200;
	entry.facts.trial_end_s = 150;
	entry.facts.cancel_scheduled = true;
	entry.facts.cancel_at_s = 190;
	entry.body = "{\"id\":\"evt_9\"}";
	entry.body_len = strlen(entry.body);
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_APPLIED);
	expect_call(0, "ledger_apply", expected, COUNT(expected));
}

START_TEST(what_is_unknown_is_null_or_left_out)
{
	static const char *const expected[] = { "evt_1", "", NULL, NULL, NULL,
		"{}", "false", "apply", "{\"rank\":0}" };

	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	expect_call(0, "ledger_apply", expected, COUNT(expected));
	ck_assert_uint_eq(call_count, 1);
}

START_TEST(zero_is_not_unknown)
{
	entry.event.created_s = 0;
	entry.event.has_livemode = true;
	entry.facts.status = "active";
	entry.facts.period_start_s = 0;
	entry.facts.period_end_s = 0;
	entry.facts.trial_end_s = 0;
	entry.facts.cancel_at_s = 0;
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_str_eq(calls[0].params[3], "false");
	ck_assert_str_eq(calls[0].params[4], "0");
	ck_assert_str_eq(calls[0].params[8],
	    "{\"rank\":0,\"status\":\"active\",\"items\":[],"
	    "\"current_period_start\":\"1970-01-01T00:00:00Z\","
	    "\"current_period_end\":\"1970-01-01T00:00:00Z\","
	    "\"trial_end\":\"1970-01-01T00:00:00Z\","
	    "\"cancel_at_period_end\":false,"
	    "\"cancel_at\":\"1970-01-01T00:00:00Z\"}");
}

START_TEST(actions_have_words)
{
	static const char *const words[] = { [LEDGER_IGNORE] = "ignore",
		[LEDGER_RECORD] = "record",
		[LEDGER_APPLY] = "apply" };

	entry.action = (enum ledger_action)_i;
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_str_eq(calls[0].params[7], words[_i]);
}

static const struct {
	const char *word;
	enum ledger_outcome outcome;
} outcomes[] = {
	{ "applied", LEDGER_APPLIED },
	{ "duplicate", LEDGER_DUPLICATE },
	{ "ignored", LEDGER_IGNORED },
	{ "stale", LEDGER_STALE },
	{ "unmatched", LEDGER_UNMATCHED },
	{ "handler_error", LEDGER_HANDLER_ERROR },
};

START_TEST(outcomes_have_words)
{
	outcome = (enum ledger_outcome)77;
	answers[0].word = outcomes[_i].word;
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_int_eq(outcome, outcomes[_i].outcome);
	ck_assert_str_eq(ledger_outcome_name(outcome), outcomes[_i].word);
}

START_TEST(other_words_are_no_outcome)
{
	static const char *const words[] = { NULL, "", "APPLIED", "apply" };

	unit_capture(STDERR_FILENO);
	answers[0].word = words[_i];
	ck_assert_int_eq(
	    ledger_apply(NULL, arena, &entry, &outcome), RC_INTERNAL);
	unit_captured();
}

/* A body, how much of it may be kept, and what is. */
static const struct {
	const char *body;
	size_t store_max;
	const char *kept, *cut;
} payloads[] = {
	{ "abcdef", 7, "abcdef", "false" },
	{ "abcdef", 6, "abcdef", "false" },
	{ "abcdef", 5, "abcde", "true" },
	{ "abcdef", 1, "a", "true" },
	{ "abcdef", 0, "", "true" },
	{ "", 0, "", "false" },
	{ "a\xc3\xa9z", 4, "a\xc3\xa9z", "false" },
	{ "a\xc3\xa9z", 3, "a\xc3\xa9", "true" },
	{ "a\xc3\xa9z", 2, "a", "true" },
	{ "a\xe2\x82\xacz", 4, "a\xe2\x82\xac", "true" },
	{ "a\xe2\x82\xacz", 3, "a", "true" },
	{ "a\xe2\x82\xacz", 2, "a", "true" },
	{ "a\xf0\x9f\x98\x80z", 5, "a\xf0\x9f\x98\x80", "true" },
	{ "a\xf0\x9f\x98\x80z", 4, "a", "true" },
	{ "a\xf0\x9f\x98\x80z", 3, "a", "true" },
	{ "a\xf0\x9f\x98\x80z", 2, "a", "true" },
	{ "\xf0\x9f\x98\x80", 3, "", "true" },
	{ "\xc3\xa9\xc3\xa9", 3, "\xc3\xa9", "true" },
};

START_TEST(bodies_are_cut_between_characters)
{
	entry.body = payloads[_i].body;
	entry.body_len = strlen(entry.body);
	entry.store_max = payloads[_i].store_max;
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_str_eq(calls[0].params[5], payloads[_i].kept);
	ck_assert_str_eq(calls[0].params[6], payloads[_i].cut);
}

START_TEST(refused_data_are_recorded)
{
	static const char *const expected[] = { "evt_1", "invoice.paid", NULL,
		NULL, "5", "{}", "false", "cus_1", "sub_1", "value too long",
		"22001" };

	entry.event.type = "invoice.paid";
	entry.event.created_s = 5;
	entry.facts.customer = "cus_1";
	entry.facts.subscription = "sub_1";
	answers[0].rc = RC_BAD_REQUEST;
	answers[0].sqlstate = "22001";
	answers[0].error = "value too long";
	answers[1].word = "handler_error";
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_HANDLER_ERROR);
	ck_assert_uint_eq(call_count, 2);
	expect_call(1, "ledger_fail", expected, COUNT(expected));
}

START_TEST(a_problem_is_recorded_and_nothing_tried)
{
	entry.problem = "subscription.id is missing or malformed";
	answers[0].word = "handler_error";
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_HANDLER_ERROR);
	ck_assert_uint_eq(call_count, 1);
	ck_assert_str_eq(calls[0].name, "ledger_fail");
	ck_assert_str_eq(calls[0].params[9], entry.problem);
	ck_assert_ptr_null(calls[0].params[10]);
}

START_TEST(what_was_applied_before_stays_a_duplicate)
{
	entry.problem = "subscription.id is missing or malformed";
	answers[0].word = "duplicate";
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_DUPLICATE);
}

START_TEST(refused_twice_asks_for_a_resend)
{
	answers[0].rc = answers[1].rc = RC_BAD_REQUEST;
	answers[0].sqlstate = answers[1].sqlstate = "23514";
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_BUSY);
	ck_assert_uint_eq(call_count, 3);
	ck_assert_str_eq(calls[2].name, "ledger_note");
}

static const enum rc troubles[] = { RC_BUSY, RC_UNCERTAIN };

START_TEST(trouble_is_noted_while_the_server_talks)
{
	static const char *const expected[] = { "evt_1", "", "deadlock",
		"40P01" };

	answers[0].rc = troubles[_i];
	answers[0].sqlstate = "40P01";
	answers[0].error = "deadlock";
	ck_assert_int_eq(
	    ledger_apply(NULL, arena, &entry, &outcome), troubles[_i]);
	ck_assert_uint_eq(call_count, 2);
	expect_call(1, "ledger_note", expected, COUNT(expected));
}

START_TEST(trouble_is_logged_when_it_does_not)
{
	const char *written;

	answers[0].rc = troubles[_i];
	answers[0].error = "no route to host";
	unit_capture(STDERR_FILENO);
	ck_assert_int_eq(
	    ledger_apply(NULL, arena, &entry, &outcome), troubles[_i]);
	written = unit_captured();
	ck_assert_uint_eq(call_count, 1);
	ck_assert_ptr_nonnull(strstr(written, "level=error"));
	ck_assert_ptr_nonnull(strstr(written, "no route to host"));
}

START_TEST(a_note_that_fails_is_logged)
{
	const char *written;

	answers[0].rc = answers[1].rc = RC_BUSY;
	answers[0].sqlstate = "40001";
	unit_capture(STDERR_FILENO);
	ck_assert_int_eq(ledger_apply(NULL, arena, &entry, &outcome), RC_BUSY);
	written = unit_captured();
	ck_assert_uint_eq(call_count, 2);
	ck_assert_ptr_nonnull(strstr(written, "level=error"));
}

START_TEST(an_arena_without_room_asks_for_a_resend)
{
	struct arena *small;
	enum rc rc = RC_INTERNAL;
	int refused = 0;

	entry.event.created_s = 5;
	entry.store_max = 1;
	unit_capture(STDERR_FILENO);
	for (size_t max = 0; rc != RC_OK && max < 1024; max += 16) {
		small = arena_new(max);
		call_count = 1; /* one must have been, for its error */
		answers[1].word = "applied";
		rc = ledger_apply(NULL, small, &entry, &outcome);
		ck_assert(rc == RC_OK || rc == RC_BUSY);
		refused += rc == RC_BUSY;
		for (size_t i = 0; rc == RC_BUSY && i < call_count; i++)
			ck_assert(i == 0 ||
			    strcmp(calls[i].name, "ledger_apply") != 0);
		arena_free(small);
	}
	unit_captured();
	ck_assert_int_eq(rc, RC_OK);
	ck_assert_int_gt(refused, 0);
	ck_assert_pstr_eq(calls[1].params[4], "5");
	ck_assert_pstr_eq(calls[1].params[5], "{");
	ck_assert_pstr_eq(calls[1].params[8], "{\"rank\":0}");
}

START_TEST(a_trial_leaves_nothing)
{
	const char *problem;

	answers[0].word = outcomes[_i].word;
	ck_assert_int_eq(
	    ledger_try(NULL, arena, &entry, &outcome, &problem), RC_OK);
	ck_assert_int_eq(outcome, outcomes[_i].outcome);
	ck_assert(rolled_back);
	ck_assert_uint_eq(call_count, 1);
	ck_assert_str_eq(calls[0].name, "ledger_apply");
}

START_TEST(a_trial_tells_what_is_wrong)
{
	const char *problem;

	answers[0].rc = RC_BAD_REQUEST;
	answers[0].error = "value too long";
	ck_assert_int_eq(
	    ledger_try(NULL, arena, &entry, &outcome, &problem), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_HANDLER_ERROR);
	ck_assert_str_eq(problem, "value too long");
	ck_assert_uint_eq(call_count, 1);
}

START_TEST(a_trial_of_a_problem_asks_nobody)
{
	const char *problem;

	entry.problem = "event.created is missing or malformed";
	ck_assert_int_eq(
	    ledger_try(NULL, arena, &entry, &outcome, &problem), RC_OK);
	ck_assert_int_eq(outcome, LEDGER_HANDLER_ERROR);
	ck_assert_str_eq(problem, entry.problem);
	ck_assert_uint_eq(call_count, 0);
}

START_TEST(a_trial_in_trouble_says_so)
{
	const char *problem;

	answers[0].rc = troubles[_i];
	ck_assert_int_eq(
	    ledger_try(NULL, arena, &entry, &outcome, &problem), troubles[_i]);
	ck_assert_uint_eq(call_count, 1);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, everything_known_is_passed_on);
	tcase_add_test(tests, what_is_unknown_is_null_or_left_out);
	tcase_add_test(tests, zero_is_not_unknown);
	tcase_add_loop_test(tests, actions_have_words, 0, 3);
	unit_add_table(tests, outcomes_have_words, outcomes);
	tcase_add_loop_test(tests, other_words_are_no_outcome, 0, 4);
	unit_add_table(tests, bodies_are_cut_between_characters, payloads);
	tcase_add_test(tests, refused_data_are_recorded);
	tcase_add_test(tests, a_problem_is_recorded_and_nothing_tried);
	tcase_add_test(tests, what_was_applied_before_stays_a_duplicate);
	tcase_add_test(tests, refused_twice_asks_for_a_resend);
	unit_add_table(
	    tests, trouble_is_noted_while_the_server_talks, troubles);
	unit_add_table(tests, trouble_is_logged_when_it_does_not, troubles);
	tcase_add_test(tests, a_note_that_fails_is_logged);
	tcase_add_test(tests, an_arena_without_room_asks_for_a_resend);
	unit_add_table(tests, a_trial_leaves_nothing, outcomes);
	tcase_add_test(tests, a_trial_tells_what_is_wrong);
	tcase_add_test(tests, a_trial_of_a_problem_asks_nobody);
	unit_add_table(tests, a_trial_in_trouble_says_so, troubles);
}

int
main(void)
{
	return unit_main("ledger", add);
}
