#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/catalog_shape.h"
#include "base/json.h"
#include "unit.h"

static struct arena *arena;
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

/* check - a catalog of this text */
static enum rc
check(const char *text)
{
	return catalog_check(arena, text, strlen(text), &problem);
}

/* read_path - a file */
static enum rc
read_path(const char *path)
{
	const char *text;
	size_t len;

	return catalog_read(arena, path, &text, &len, &problem);
}

static const char *const right[] = { "{}", "{\"plans\":{}}", "{\"plans\":null}",
	"{\"plans\":{\"pro\":{}}}",
	"{\"plans\":{\"pro\":{\"monthly\":null,\"annual\":null}}}",
	"{\"default_plan\":null,\"plans\":{}}",
	"{\"plans\":{\"a\":{\"prices\":[{\"price\":\"p\",\"period\":\"once\","
	"\"days\":30},{\"price\":\"q\",\"period\":\"once\",\"sold\":false,"
	"\"license\":{\"tier\":\"core\"}}]}}}",
	"{\"gumroad\":{\"p\":{\"tier\":\"a\",\"seller_id\":\"s\",\"activations\":3,"
	"\"expires\":\"1y\",\"after_end\":\"revoke\",\"plans\":{\"x\":{"
	"\"tier\":\"b\",\"expires\":\"with_membership\"}}}}}",
	"{\"checkout\":{\"extra\":{\"custom_text[submit][message]\":\"c\","
	"\"consent_collection[terms_of_service]\":\"required\"}}}" };

START_TEST(what_is_right_passes)
{
	ck_assert_int_eq(check(right[_i]), RC_OK);
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

	ck_assert_int_eq(check(text), RC_OK);
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
	ck_assert_int_eq(check(unread[_i].text), RC_OK);
	json_object_put(document);
}

#define ONCE(more) \
	"{\"plans\":{\"pro\":{\"prices\":[{\"price\":\"p\"," \
	"\"period\":\"once\"," more "}]}}}"
#define GUMROAD(more) "{\"gumroad\":{\"p\":{" more "}}}"
#define EXTRA(more) "{\"checkout\":{\"extra\":{" more "}}}"
#define NO_PRICE "plans.pro.monthly.price must be the id of a Stripe price"
#define NO_DAYS \
	"plans.pro.monthly.trial_days must be a whole number from " \
	"0 to 730"
#define NO_DEFAULT "default_plan must be the name of an entry of plans"
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
	{ "{\"free\":\n\n  x}", "JSON object from line 3, column 3" },
	{ "{\"plans\":{}}\n}", "JSON object from line 2, column 1" },
	{ "{\n\"default_plan", "JSON object from line 2, column 14" },
	{ "{\n 'plans':{}}", "JSON object from line 2, column 2" },
	{ "{\"a\":\"\t\"}", "JSON object from line 1, column 7" },
	{ "{\"plans\":[]}", "plans must be an object" },
	{ "{\"plans\":\"pro\"}", "plans must be an object" },
	{ "{\"plans\":{\"pro\":\"price_1\"}}", "plans.pro must be an object" },
	{ "{\"plans\":{\"pro\":null}}", "plans.pro must be an object" },
	{ "{\"plans\":{\"a\":{},\"b\":[]}}", "plans.b must be an object" },
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
	    "plans.pro.annual.price is already used" },
	{ "{\"plans\":{\"a\":{\"annual\":{\"price\":\"p\"}},"
	  "\"b\":{\"annual\":{\"price\":\"p\"}}}}",
	    "plans.b.annual.price is already used" },
	{ IN_PRO("{\"price\":\"p\",\"sold\":1}"),
	    "plans.pro.monthly.sold must be true or false" },
	{ IN_PRO("{\"price\":\"p\",\"days\":30}"),
	    "plans.pro.monthly.days and license are for the period" },
	{ ONCE("\"days\":0"), "prices[0].days must be a whole number" },
	{ ONCE("\"days\":\"30\""), "prices[0].days must be a whole number" },
	{ ONCE("\"license\":\"core\""), "prices[0].license must be an object" },
	{ ONCE("\"license\":{}"), "prices[0].license must be an object" },
	{ ONCE("\"license\":{\"tier\":\"a b\"}"),
	    "prices[0].license must be an object with a tier" },
	{ ONCE("\"days\":1,\"license\":{\"tier\":\"a\"}"),
	    "prices[0].days is of no use beside license" },
	{ GUMROAD("\"tier\":\"\""), "gumroad.p.tier must be 1 to 32 letters" },
	{ GUMROAD("\"tier\":\"a\",\"seller_id\":7"), "gumroad.p.seller_id" },
	{ GUMROAD("\"tier\":\"a\",\"activations\":0"),
	    "gumroad.p.activations must be a whole number" },
	{ GUMROAD("\"tier\":\"a\",\"expires\":\"soon\""),
	    "gumroad.p.expires must be \"with_membership\" or" },
	{ GUMROAD("\"tier\":\"a\",\"expires\":\"0y\""), "gumroad.p.expires" },
	{ GUMROAD("\"tier\":\"a\",\"after_end\":\"never\""),
	    "gumroad.p.after_end must be \"keep\" or \"revoke\"" },
	{ GUMROAD("\"tier\":\"a\",\"plans\":{\"x\":{}}"),
	    "gumroad.p.plans.x.tier must be" },
	{ GUMROAD("\"tier\":\"a\",\"plans\":[]"),
	    "gumroad.p.plans must be an object" },
	{ "{\"gumroad\":[]}", "gumroad must be an object" },
	{ EXTRA("\"a b\":\"c\""), "checkout.extra.a b must be named as param" },
	{ EXTRA("\"a[b\":\"c\""), "checkout.extra.a[b must be named as" },
	{ EXTRA("\"a\":1"), "checkout.extra.a must be a text" },
	{ EXTRA("\"mode\":\"setup\""),
	    "checkout.extra.mode is a parameter that checkout sets itself" },
	{ EXTRA("\"metadata[account]\":\"7\""),
	    "is a parameter that checkout sets itself" },
	{ EXTRA("\"line_items[1][price]\":\"p\""),
	    "is a parameter that checkout sets itself" },
	{ "{\"checkout\":{\"extra\":[]}}", "checkout.extra must be an object" },
	{ "{\"default_plan\":\"x\",\"plans\":{\"pro\":{}}}", NO_DEFAULT },
	{ "{\"default_plan\":\"\",\"plans\":{\"pro\":{}}}", NO_DEFAULT },
	{ "{\"free\":{\"features\":[]}}", "free.features must be an object" },
	{ "{\"plans\":{\"pro\":{\"features\":1}}}",
	    "plans.pro.features must be an object" },
	{ "{\"default_plan\":1,\"plans\":{\"pro\":{}}}", NO_DEFAULT },
};

START_TEST(errors_are_told_with_their_place)
{
	ck_assert_int_eq(check(broken[_i].text), RC_BAD_REQUEST);
	ck_assert_msg(
	    strstr(problem, broken[_i].problem) != NULL, "%s", problem);
}

START_TEST(the_file_must_be_readable)
{
	static const char *const paths[] = { "/nonexistent/catalog.json", "/" };

	ck_assert_int_eq(read_path(paths[_i]), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, paths[_i]));
}

START_TEST(what_is_wrong_with_a_file_names_it)
{
	const char *path = unit_file("{\"plans\":1}", 11);

	ck_assert_int_eq(read_path(path), RC_BAD_REQUEST);
	ck_assert_str_eq(
	    problem, arena_printf(arena, "%s: plans must be an object", path));
}

START_TEST(the_file_has_a_maximum)
{
	char *text = malloc(CATALOG_MAX + 1);

	memset(text, ' ', CATALOG_MAX + 1);
	memcpy(text, "{}", 2);
	ck_assert_int_eq(read_path(unit_file(text, CATALOG_MAX)), RC_OK);
	ck_assert_int_eq(
	    read_path(unit_file(text, CATALOG_MAX + 1)), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "larger than 262144 bytes"));
	free(text);
}

START_TEST(many_plans_fit)
{
	char *text = malloc(CATALOG_MAX), *end = text;

	end += sprintf(end, "{\"plans\":{\"p\":{}");
	for (int i = 0; i < 2000; i++)
		end += sprintf(end,
		    ",\"p%d\":{\"annual\":{\"price\":\"a%d\"},"
		    "\"monthly\":{\"price\":\"m%d\"}}",
		    i, i, i);
	sprintf(end, "}}");
	ck_assert_int_eq(check(text), RC_OK);
	sprintf(end, ",\"last\":{\"annual\":{\"price\":\"m0\"}}}}");
	ck_assert_int_eq(check(text), RC_BAD_REQUEST);
	free(text);
}

/* An arena of every size up to one that suffices. */
START_TEST(survives_an_arena_without_room)
{
	static const char text[] =
	    "{\"plans\":{\"pro\":{\"monthly\":{\"price\":\"p\"}}}}";
	enum rc rc = RC_INTERNAL;

	for (size_t max = 0; rc != RC_OK && max < 65536; max += 16) {
		struct arena *small = arena_new(max);

		rc = catalog_check(small, text, strlen(text), &problem);
		ck_assert(rc == RC_OK || problem != NULL);
		arena_free(small);
	}
	ck_assert_int_eq(rc, RC_OK);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, what_is_right_passes, right);
	tcase_add_test(tests, remarks_are_allowed);
	tcase_add_loop_test(tests, a_member_that_nobody_reads_is_told, 0,
	    sizeof unread / sizeof *unread);
	unit_add_table(tests, errors_are_told_with_their_place, broken);
	tcase_add_loop_test(tests, the_file_must_be_readable, 0, 2);
	tcase_add_test(tests, what_is_wrong_with_a_file_names_it);
	tcase_add_test(tests, the_file_has_a_maximum);
	tcase_add_test(tests, many_plans_fit);
	tcase_add_test(tests, survives_an_arena_without_room);
}

int
main(void)
{
	return unit_main("catalog", add);
}
