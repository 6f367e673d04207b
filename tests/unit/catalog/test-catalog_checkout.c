#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "unit.h"

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

START_TEST(all_switches_are_read)
{
	const struct catalog_checkout *rules;

	ck_assert_int_eq(load("{\"checkout\":{\"automatic_tax\":true,"
			      "\"tax_id_collection\":true,"
			      "\"promotion_codes\":false,"
			      "\"several_subscriptions\":true,"
			      "\"billing_address\":\"required\","
			      "\"payment_method\":\"if_required\","
			      "\"locale\":\"pt-BR\",\"quantity_max\":5,"
			      "\"return_urls\":[\"https://a.example/\"]}}"),
	    RC_OK);
	rules = catalog_checkout(catalog);
	ck_assert(rules->automatic_tax && rules->tax_id_collection &&
	    !rules->promotion_codes && rules->several_subscriptions);
	ck_assert_str_eq(rules->billing_address, "required");
	ck_assert_str_eq(rules->payment_method, "if_required");
	ck_assert_str_eq(rules->locale, "pt-BR");
	ck_assert_int_eq(rules->quantity_max, 5);
	ck_assert_str_eq(rules->return_urls[0], "https://a.example/");
	ck_assert_ptr_null(rules->return_urls[1]);
}

static const char *const silent[] = { "{}", "{\"checkout\":{}}",
	"{\"checkout\":null}", "{\"checkout\":{\"locale\":null}}" };

START_TEST(what_is_not_said_has_a_default)
{
	const struct catalog_checkout *rules;

	ck_assert_int_eq(load(silent[_i]), RC_OK);
	rules = catalog_checkout(catalog);
	ck_assert(!rules->automatic_tax && !rules->tax_id_collection &&
	    rules->promotion_codes && !rules->several_subscriptions);
	ck_assert_ptr_null(rules->billing_address);
	ck_assert_ptr_null(rules->payment_method);
	ck_assert_ptr_null(rules->locale);
	ck_assert_int_eq(rules->quantity_max, 1000);
	ck_assert_ptr_null(rules->return_urls[0]);
}

START_TEST(no_catalog_has_the_defaults_too)
{
	ck_assert_int_eq(catalog_load(arena, NULL, &catalog, &problem), RC_OK);
	ck_assert(catalog_checkout(catalog)->promotion_codes);
	ck_assert_ptr_null(catalog_plan(catalog, NULL));
	ck_assert_ptr_null(catalog_plan(catalog, "pro"));
}

/* A catalog that is refused, and the place that the problem names. */
static const struct {
	const char *text, *place;
} wrong[] = {
	{ "{\"checkout\":[]}", "checkout must be an object" },
	{ "{\"checkout\":{\"automatic_tax\":1}}", "checkout.automatic_tax" },
	{ "{\"checkout\":{\"tax_id_collection\":\"yes\"}}",
	    "checkout.tax_id_collection" },
	{ "{\"checkout\":{\"promotion_codes\":0}}",
	    "checkout.promotion_codes" },
	{ "{\"checkout\":{\"several_subscriptions\":[]}}",
	    "checkout.several_subscriptions" },
	{ "{\"checkout\":{\"billing_address\":\"never\"}}",
	    "checkout.billing_address" },
	{ "{\"checkout\":{\"payment_method\":true}}",
	    "checkout.payment_method" },
	{ "{\"checkout\":{\"locale\":\"german\"}}", "checkout.locale" },
	{ "{\"checkout\":{\"quantity_max\":0}}", "checkout.quantity_max" },
	{ "{\"checkout\":{\"return_urls\":\"https://a.example/\"}}",
	    "checkout.return_urls" },
	{ "{\"checkout\":{\"return_urls\":[1]}}", "checkout.return_urls" },
	{ "{\"checkout\":{\"return_urls\":[\"/settings\"]}}",
	    "checkout.return_urls" },
	{ "{\"free\":{\"features\":[]}}", "free.features" },
	{ "{\"plans\":{\"pro\":{\"features\":1}}}", "plans.pro.features" },
};

START_TEST(a_wrong_value_is_refused_with_its_place)
{
	ck_assert_int_eq(load(wrong[_i].text), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, wrong[_i].place));
}

static const struct {
	const char *locale;
	bool is;
} locales[] = {
	{ "auto", true },
	{ "de", true },
	{ "fil", true },
	{ "pt-BR", true },
	{ "es-419", true },
	{ "", false },
	{ "d", false },
	{ "deut", false },
	{ "DE", false },
	{ "de-", false },
	{ "de-d", false },
	{ "de_DE", false },
	{ "de-DE-x", false },
	{ "de-DEUTS", false },
};

START_TEST(locales_are_told_from_other_words)
{
	ck_assert_int_eq(catalog_locale(locales[_i].locale), locales[_i].is);
}

#define PLANS \
	"{\"default_plan\":\"pro\",\"plans\":{" \
	"\"pro\":{\"monthly\":{\"price\":\"price_pm\"}," \
	"\"features\":{\"n\":10}}," \
	"\"team\":{\"annual\":{\"price\":\"price_ta\",\"trial_days\":7}," \
	"\"features\":{\"n\":100}},\"bare\":{}}," \
	"\"free\":{\"features\":{\"n\":1}}}"

/* A plan and a period, and the price for them. */
static const struct {
	const char *plan, *name, *period, *price;
} offers[] = {
	{ NULL, "pro", "monthly", "price_pm" },
	{ "pro", "pro", "monthly", "price_pm" },
	{ "pro", "pro", "annual", NULL },
	{ "team", "team", "annual", "price_ta" },
	{ "bare", "bare", "monthly", NULL },
	{ "gold", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
};

START_TEST(offers_are_found)
{
	const struct catalog_price *price;
	const char *name;

	ck_assert_int_eq(load(PLANS), RC_OK);
	name = catalog_plan(catalog, offers[_i].plan);
	if (offers[_i].name == NULL) {
		ck_assert_ptr_null(name);
		return;
	}
	ck_assert_str_eq(name, offers[_i].name);
	price = catalog_offer(catalog, name, offers[_i].period);
	if (offers[_i].price == NULL)
		ck_assert_ptr_null(price);
	else
		ck_assert_str_eq(price->price_id, offers[_i].price);
}

/* add - all of the above */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, all_switches_are_read);
	unit_add_table(tests, what_is_not_said_has_a_default, silent);
	tcase_add_test(tests, no_catalog_has_the_defaults_too);
	unit_add_table(tests, a_wrong_value_is_refused_with_its_place, wrong);
	unit_add_table(tests, locales_are_told_from_other_words, locales);
	unit_add_table(tests, offers_are_found, offers);
}

int
main(void)
{
	return unit_main("catalog_checkout", add);
}
