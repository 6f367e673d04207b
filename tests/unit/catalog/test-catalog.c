#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/catalog_shape.h"
#include "base/json.h"
#include "unit.h"

#define FILE_MAX (256 << 10) /* bytes, as in catalog.c */

static struct arena *arena;
static struct catalog *catalog;
static const char *problem;

/* set_up - an arena as large as a program's */
static void
set_up(void)
{
	arena = arena_new(4 << 20);
}

/* tear_down - everything goes with it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* load - a catalog of this text */
static enum rc
load(const char *text)
{
	return catalog_load(
	    arena, unit_file(text, strlen(text)), &catalog, &problem);
}

/* A price id, and what it stands for. */
static const struct {
	const char *price_id, *plan, *period;
	long trial_days;
} prices[] = {
	{ "price_pm", "pro", "monthly", 0 },
	{ "price_pa", "pro", "annual", 14 },
	{ "price_ta", "team", "annual", 730 },
	{ "price_sm", "solo", "monthly", 0 },
	{ "price_none", NULL, NULL, 0 },
	{ "price_p", NULL, NULL, 0 },
	{ "price_pmx", NULL, NULL, 0 },
	{ "", NULL, NULL, 0 },
	{ NULL, NULL, NULL, 0 },
};

START_TEST(prices_are_found)
{
	const struct catalog_price *price;

	ck_assert_int_eq(
	    load("{\"default_plan\":\"pro\",\"gumroad\":{},\"plans\":{"
		 "\"pro\":{\"monthly\":{\"price\":\"price_pm\"},"
		 "\"annual\":{\"price\":\"price_pa\",\"trial_days\":14}},"
		 "\"team\":{\"monthly\":null,"
		 "\"annual\":{\"price\":\"price_ta\",\"trial_days\":730}},"
		 "\"solo\":{\"monthly\":{\"price\":\"price_sm\","
		 "\"trial_days\":0}},\"none\":{}}}"),
	    RC_OK);
	price = catalog_find_price(catalog, prices[_i].price_id);
	if (prices[_i].plan == NULL) {
		ck_assert_ptr_null(price);
		return;
	}
	ck_assert_ptr_nonnull(price);
	ck_assert_str_eq(price->price_id, prices[_i].price_id);
	ck_assert_str_eq(price->plan, prices[_i].plan);
	ck_assert_str_eq(price->period, prices[_i].period);
	ck_assert_int_eq(price->trial_days, prices[_i].trial_days);
}

static const char *const empty[] = { "{}", "{\"plans\":{}}", "{\"plans\":null}",
	"{\"plans\":{\"pro\":{}}}",
	"{\"plans\":{\"pro\":{\"monthly\":null,\"annual\":null}}}",
	"{\"default_plan\":null,\"plans\":{}}" };

START_TEST(a_catalog_can_be_empty)
{
	ck_assert_int_eq(load(empty[_i]), RC_OK);
	ck_assert_ptr_null(catalog_find_price(catalog, "price_1"));
	ck_assert_ptr_null(catalog_price(catalog, 0));
}

#define IN_PRO(monthly) "{\"plans\":{\"pro\":{\"monthly\":" monthly "}}}"

START_TEST(remarks_are_allowed)
{
	static const char text[] =
	    "{\"_\":1,\"plans\":{\"_why\":{},\"pro\":{\"_a\":[],"
	    "\"features\":{\"x\":{\"y\":1}},"
	    "\"annual\":{\"price\":\"p\",\"_\":null}}},"
	    "\"checkout\":{\"_x\":1},\"free\":{\"_y\":2}}";
	json_object *document = json_tokener_parse(text);

	ck_assert_int_eq(load(text), RC_OK);
	ck_assert_str_eq(catalog_price(catalog, 0)->price_id, "p");
	ck_assert_ptr_null(catalog_shape_unread(arena, document));
	json_object_put(document);
}

static const struct {
	const char *text, *sentence;
} unread[] = {
	{ "{\"plan\":{}}",
	    "plan is not known; known there: default_plan, plans, "
	    "free, checkout, gumroad, other_prices, metadata_key, "
	    "client_reference, policy, referral, subscription" },
	{ "{\"plans\":{\"pro\":{\"yearly\":{}}}}",
	    "plans.pro.yearly is not known; known there: monthly, "
	    "annual, prices, products, features, rank, addon, per_seat" },
	{ IN_PRO("{\"price\":\"p\",\"trail_days\":14}"),
	    "plans.pro.monthly.trail_days is not known" },
	{ "{\"free\":{\"feature\":{}}}", "free.feature is not" },
	{ "{\"checkout\":{\"tax\":true}}", "checkout.tax is not" },
	{ "{\"gumroad\":{\"x\":{\"tier\":\"a\",\"tear\":\"b\"}}}",
	    "gumroad.x.tear is not known; known there: tier, plans" },
	{ "{\"gumroad\":{\"x\":{\"tier\":\"a\","
	  "\"plans\":{\"y\":{\"tier\":\"b\",\"name\":1}}}}}",
	    "gumroad.x.plans.y.name is not known" },
};

START_TEST(a_member_that_nobody_reads_is_told)
{
	json_object *document = json_tokener_parse(unread[_i].text);
	const char *sentence = catalog_shape_unread(arena, document);

	ck_assert_ptr_nonnull(sentence);
	ck_assert_ptr_nonnull(strstr(sentence, unread[_i].sentence));
	ck_assert_int_eq(load(unread[_i].text), RC_OK);
	json_object_put(document);
}

START_TEST(prices_have_numbers)
{
	ck_assert_int_eq(load("{\"plans\":{\"pro\":{"
			      "\"monthly\":{\"price\":\"price_pm\"},"
			      "\"annual\":{\"price\":\"price_pa\"}}}}"),
	    RC_OK);
	ck_assert_str_eq(catalog_price(catalog, 0)->price_id, "price_pm");
	ck_assert_str_eq(catalog_price(catalog, 1)->price_id, "price_pa");
	ck_assert_ptr_null(catalog_price(catalog, 2));
}

START_TEST(a_catalog_can_be_missing)
{
	ck_assert_int_eq(catalog_load(arena, NULL, &catalog, &problem), RC_OK);
	ck_assert_ptr_null(catalog_find_price(catalog, "price_1"));
}

#define NO_PRICE \
	"CATALOG: plans.pro.monthly.price must be the id of a Stripe price"
#define NO_DAYS \
	"CATALOG: plans.pro.monthly.trial_days must be a whole number from " \
	"0 to 730"
#define NO_DEFAULT "CATALOG: default_plan must be the name of an entry of plans"
#define NO_OBJECT "is not one JSON object"

static const struct {
	const char *text, *problem;
} broken[] = {
	{ "", NO_OBJECT },
	{ "[]", NO_OBJECT },
	{ "\"pro\" ", NO_OBJECT },
	{ "null ", NO_OBJECT },
	{ "{", NO_OBJECT },
	{ "{} {}", NO_OBJECT },
	{ "{\"plans\":{}", NO_OBJECT },
	{ "{'plans\xff':{}}", NO_OBJECT },
	{ "{\"free\":\n\n  x}", "JSON object: line 3, column 3" },
	{ "{\"plans\":{}}\n}", "JSON object: line 2, column 1" },
	{ "{\n\"default_plan", "JSON object: line 2, column 14" },
	{ "{\n 'plans':{}}", "JSON object: line 2, column 2" },
	{ "{\"a\":\"\t\"}", "JSON object: line 1, column 7" },
	{ "{\"plans\":[]}", "CATALOG: plans must be an object" },
	{ "{\"plans\":\"pro\"}", "CATALOG: plans must be an object" },
	{ "{\"plans\":{\"pro\":\"price_1\"}}",
	    "CATALOG: plans.pro must be an object" },
	{ "{\"plans\":{\"pro\":null}}",
	    "CATALOG: plans.pro must be an object" },
	{ "{\"plans\":{\"a\":{},\"b\":[]}}",
	    "CATALOG: plans.b must be an object" },
	{ IN_PRO("{}"), NO_PRICE },
	{ IN_PRO("5"), NO_PRICE },
	{ IN_PRO("\"price_1\""), NO_PRICE },
	{ IN_PRO("{\"price\":null}"), NO_PRICE },
	{ IN_PRO("{\"price\":\"\"}"), NO_PRICE },
	{ IN_PRO("{\"price\":5}"), NO_PRICE },
	{ IN_PRO("{\"price\":\"a\\u0000b\"}"), NO_PRICE },
	{ IN_PRO("{\"price\":\"p\",\"trial_days\":-1}"), NO_DAYS },
	{ IN_PRO("{\"price\":\"p\",\"trial_days\":731}"), NO_DAYS },
	{ IN_PRO("{\"price\":\"p\",\"trial_days\":1.5}"), NO_DAYS },
	{ IN_PRO("{\"price\":\"p\",\"trial_days\":\"14\"}"), NO_DAYS },
	{ IN_PRO("{\"price\":\"p\",\"trial_days\":99999999999999999999}"),
	    NO_DAYS },
	{ "{\"plans\":{\"pro\":{\"monthly\":{\"price\":\"p\"},"
	  "\"annual\":{\"price\":\"p\"}}}}",
	    "CATALOG: plans.pro.annual.price is already used" },
	{ "{\"plans\":{\"a\":{\"annual\":{\"price\":\"p\"}},"
	  "\"b\":{\"annual\":{\"price\":\"p\"}}}}",
	    "CATALOG: plans.b.annual.price is already used" },
	{ "{\"default_plan\":\"x\",\"plans\":{\"pro\":{}}}", NO_DEFAULT },
	{ "{\"default_plan\":\"\",\"plans\":{\"pro\":{}}}", NO_DEFAULT },
	{ "{\"default_plan\":1,\"plans\":{\"pro\":{}}}", NO_DEFAULT },
};

START_TEST(errors_are_told_with_their_place)
{
	ck_assert_int_eq(load(broken[_i].text), RC_BAD_REQUEST);
	unit_assert_begins(problem, "CATALOG: ");
	ck_assert_msg(
	    strstr(problem, broken[_i].problem) != NULL, "%s", problem);
}

START_TEST(the_file_must_be_readable)
{
	static const char *const paths[] = { "/nonexistent/catalog.json", "/" };

	ck_assert_int_eq(
	    catalog_load(arena, paths[_i], &catalog, &problem), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "CATALOG: "));
	ck_assert_ptr_nonnull(strstr(problem, paths[_i]));
}

START_TEST(the_file_has_a_maximum)
{
	char *text = malloc(FILE_MAX + 1);

	memset(text, ' ', FILE_MAX + 1);
	memcpy(text, "{}", 2);
	ck_assert_int_eq(
	    catalog_load(arena, unit_file(text, FILE_MAX), &catalog, &problem),
	    RC_OK);
	ck_assert_int_eq(catalog_load(arena, unit_file(text, FILE_MAX + 1),
			     &catalog, &problem),
	    RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "larger than 262144 bytes"));
	free(text);
}

START_TEST(many_plans_fit)
{
	char *text = malloc(FILE_MAX), *end = text, price_id[16];

	end += sprintf(end, "{\"plans\":{\"p\":{}");
	for (int i = 0; i < 2000; i++)
		end += sprintf(end,
		    ",\"p%d\":{\"annual\":{\"price\":\"a%d\"},"
		    "\"monthly\":{\"price\":\"m%d\"}}",
		    i, i, i);
	sprintf(end, "}}");
	ck_assert_int_eq(load(text), RC_OK);
	for (int i = 0; i < 2000; i++) {
		sprintf(price_id, "a%d", i);
		ck_assert_str_eq(
		    catalog_find_price(catalog, price_id)->period, "annual");
		price_id[0] = 'm';
		ck_assert_str_eq(
		    catalog_find_price(catalog, price_id)->period, "monthly");
	}
	free(text);
}

/* An arena of every size up to one that suffices. */
START_TEST(survives_an_arena_without_room)
{
	static const char text[] =
	    "{\"plans\":{\"pro\":{\"monthly\":{\"price\":\"p\"}}}}";
	enum rc rc = RC_INTERNAL;

	for (size_t max = 0; rc != RC_OK && max < FILE_MAX + 4096;
	     max += max == 64 ? FILE_MAX - 64 : 16) {
		struct arena *small = arena_new(max);

		rc = catalog_load(
		    small, unit_file(text, strlen(text)), &catalog, &problem);
		arena_free(small);
	}
	ck_assert_int_eq(rc, RC_OK);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, prices_are_found, prices);
	unit_add_table(tests, a_catalog_can_be_empty, empty);
	tcase_add_test(tests, remarks_are_allowed);
	tcase_add_loop_test(tests, a_member_that_nobody_reads_is_told, 0,
	    sizeof unread / sizeof *unread);
	tcase_add_test(tests, prices_have_numbers);
	tcase_add_test(tests, a_catalog_can_be_missing);
	unit_add_table(tests, errors_are_told_with_their_place, broken);
	tcase_add_loop_test(tests, the_file_must_be_readable, 0, 2);
	tcase_add_test(tests, the_file_has_a_maximum);
	tcase_add_test(tests, many_plans_fit);
	tcase_add_test(tests, survives_an_arena_without_room);
}

int
main(void)
{
	return unit_main("catalog", add);
}
