#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "stripe/stripe_intake.h"
#include "stripe/stripe_types.h"
#include "unit.h"

static const enum setting used[] = { STRIPE_INTAKE_SETTINGS, SETTING_END };
static struct arena *arena;
static struct config *config;
static struct stripe_intake *intake;

/* set_up - no setting */
static void
set_up(void)
{
	clearenv();
	arena = arena_new(4 << 20);
}

/* tear_down - the intake goes with the arena */
static void
tear_down(void)
{
	arena_free(arena);
	config_free(config);
}

/* begin - with the settings of the environment */
static void
begin(void)
{
	const char *problem;

	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	intake = stripe_intake_new(arena, config);
	ck_assert_ptr_nonnull(intake);
}

/* subscription - as Stripe answers it, with more members */
static json_object *
subscription(const char *more)
{
	const char *text = arena_printf(arena,
	    "{\"id\": \"sub_1\", \"object\": \"subscription\","
	    " \"customer\": \"cus_1\", \"status\": \"active\"%s}",
	    more);
	json_object *document;

	ck_assert_int_eq(
	    json_parse(arena, text, strlen(text), &document), RC_OK);
	return document;
}

START_TEST(every_type_that_is_handled_is_stripes)
{
	const char *(*const lists[])(
	    size_t) = { stripe_types_applied, stripe_types_recorded };
	size_t count;

	for (size_t l = 0; l < COUNT(lists); l++) {
		for (count = 0; lists[l](count) != NULL; count++)
			ck_assert_msg(strncmp(lists[l](count), "paydesk.", 8),
			    "%s is not Stripe's", lists[l](count));
		ck_assert_uint_gt(count, 0);
	}
}

/* Settings, and what is wrong with them; NULL: nothing. */
static const struct {
	const char *key, *livemode, *trouble;
} troubles[] = {
	{ NULL, NULL, "STRIPE_API_KEY is not set" },
	{ "sk_test_1", NULL, NULL },
	{ "sk_test_1", "false", NULL },
	{ "rk_live_1", "true", NULL },
	{ "sk_test_1", "true", "STRIPE_API_KEY is of the other mode" },
	{ "rk_live_1", "false", "STRIPE_API_KEY is of the other mode" },
};

START_TEST(what_cannot_ask_stripe_says_why)
{
	const char *trouble;

	if (troubles[_i].key != NULL)
		setenv("STRIPE_API_KEY", troubles[_i].key, 1);
	if (troubles[_i].livemode != NULL)
		setenv("STRIPE_LIVEMODE", troubles[_i].livemode, 1);
	begin();
	trouble = stripe_intake_trouble(intake);
	if (troubles[_i].trouble == NULL)
		ck_assert_pstr_eq(trouble, NULL);
	else
		unit_assert_begins(trouble, troubles[_i].trouble);
}

/* What the setting and the object say about the mode, and the event's. */
static const struct {
	const char *setting, *members;
	bool livemode;
} modes[] = {
	{ NULL, "", false },
	{ "true", "", true },
	{ "false", "", false },
	{ NULL, ", \"livemode\": true", true },
	{ "true", ", \"livemode\": true", true },
	{ "true", ", \"livemode\": false", false },
};

START_TEST(an_event_of_our_own_goes_the_way_of_a_delivery)
{
	struct ledger_entry entry;
	const char *body;
	size_t len;

	if (modes[_i].setting != NULL)
		setenv("STRIPE_LIVEMODE", modes[_i].setting, 1);
	begin();
	body = stripe_intake_own_event(intake, arena,
	    subscription(modes[_i].members), 1795208721500000, &len);
	ck_assert_ptr_nonnull(body);
	ck_assert_uint_eq(strlen(body), len);
	ck_assert_int_eq(
	    stripe_intake_prepare(intake, NULL, arena, body, len, &entry),
	    RC_OK);
	ck_assert_str_eq(entry.event.id, "reconcile_sub_1_1795208721");
	ck_assert_str_eq(entry.event.type, "paydesk.reconcile");
	ck_assert_int_eq(entry.event.created_s, 1795208721);
	ck_assert_int_eq(entry.event.livemode, modes[_i].livemode);
	if (modes[_i].setting != NULL &&
	    modes[_i].livemode != (strcmp(modes[_i].setting, "true") == 0)) {
		ck_assert_int_eq(entry.action, LEDGER_IGNORE);
		return;
	}
	ck_assert_int_eq(entry.action, LEDGER_APPLY);
	ck_assert_int_eq(entry.facts.rank, RANK_FETCHED);
	ck_assert_int_eq(entry.facts.fetched_us, 1795208721500000);
	ck_assert_str_eq(entry.facts.subscription, "sub_1");
	ck_assert_str_eq(entry.facts.status, "active");
	ck_assert_pstr_eq(entry.problem, NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, every_type_that_is_handled_is_stripes);
	unit_add_table(tests, what_cannot_ask_stripe_says_why, troubles);
	unit_add_table(
	    tests, an_event_of_our_own_goes_the_way_of_a_delivery, modes);
}

int
main(void)
{
	return unit_main("stripe_intake", add);
}
