#include <string.h>

#include "base/json.h"
#include "catalog/catalog_checkout.h"
#include "unit.h"

static struct arena *arena;
static struct catalog_checkout rules;
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

/* load - the rules of a catalog of this text */
static enum rc
load(const char *text)
{
	json_object *document;

	ck_assert_int_eq(
	    json_parse(arena, text, strlen(text), &document), RC_OK);
	return catalog_checkout_read(
	    arena, json_member(document, "checkout"), &rules, &problem);
}

START_TEST(all_switches_are_read)
{
	ck_assert_int_eq(load("{\"checkout\":{\"automatic_tax\":true,"
			      "\"tax_id_collection\":true,"
			      "\"promotion_codes\":false,"
			      "\"several_subscriptions\":true,"
			      "\"billing_address\":\"required\","
			      "\"payment_method\":\"if_required\","
			      "\"locale\":\"pt-BR\",\"quantity_max\":5,"
			      "\"return_urls\":[\"https://a.example/\"]}}"),
	    RC_OK);
	ck_assert(rules.automatic_tax && rules.tax_id_collection &&
	    !rules.promotion_codes);
	ck_assert_str_eq(rules.billing_address, "required");
	ck_assert_str_eq(rules.payment_method, "if_required");
	ck_assert_str_eq(rules.locale, "pt-BR");
	ck_assert_int_eq(rules.quantity_max, 5);
	ck_assert_str_eq(rules.return_urls[0], "https://a.example/");
	ck_assert_ptr_null(rules.return_urls[1]);
}

static const char *const silent[] = { "{}", "{\"checkout\":{}}",
	"{\"checkout\":null}", "{\"checkout\":{\"locale\":null}}" };

START_TEST(what_is_not_said_has_a_default)
{
	ck_assert_int_eq(load(silent[_i]), RC_OK);
	ck_assert(!rules.automatic_tax && !rules.tax_id_collection &&
	    rules.promotion_codes);
	ck_assert_ptr_null(rules.billing_address);
	ck_assert_ptr_null(rules.payment_method);
	ck_assert_ptr_null(rules.locale);
	ck_assert_int_eq(rules.quantity_max, 1000);
	ck_assert_ptr_null(rules.return_urls[0]);
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
	{ "zh-Hant-TW", true },
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

/* add - all of the above */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, all_switches_are_read);
	unit_add_table(tests, what_is_not_said_has_a_default, silent);
	unit_add_table(tests, a_wrong_value_is_refused_with_its_place, wrong);
	unit_add_table(tests, locales_are_told_from_other_words, locales);
}

int
main(void)
{
	return unit_main("catalog_checkout", add);
}
