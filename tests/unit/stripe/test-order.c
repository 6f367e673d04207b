#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "base/json.h"
#include "program/config.h"
#include "program/request_fcgi.h"
#include "stripe/order.h"
#include "unit.h"

#define RULES \
	"{\"quantity_max\":5,\"locale\":\"de\"," \
	"\"return_urls\":[\"https://shop.example/done\"]}"

static struct arena *arena;
static struct config *config;
static struct catalog_checkout rules;
static struct site *site;
static struct order order;

/* set_up - rules and a site */
static void
set_up(void)
{
	static const enum setting used[] = { SITE_SETTINGS, SETTING_END };
	json_object *member;
	const char *problem;

	clearenv();
	setenv("SITE_URL", "https://app.example.com", 1);
	arena = arena_new(4 << 20);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	site = site_new(arena, config);
	ck_assert_int_eq(
	    json_parse(arena, RULES, sizeof RULES - 1, &member), RC_OK);
	ck_assert_int_eq(
	    catalog_checkout_read(arena, member, &rules, &problem), RC_OK);
	peer_open();
}

/* tear_down - the end */
static void
tear_down(void)
{
	peer_close();
	arena_free(arena);
	config_free(config);
}

/* read_order - from a body; with a key, unless that is NULL */
static enum rc
read_order(const char *body, const char *key)
{
	peer_param("CONTENT_TYPE=application/json");
	peer_param(arena_printf(arena, "CONTENT_LENGTH=%zu", strlen(body)));
	if (key != NULL)
		peer_param(arena_printf(arena, "HTTP_IDEMPOTENCY_KEY=%s", key));
	peer_send(body, strlen(body));
	peer_begin();
	ck_assert_int_eq(request_read_body(peer.request, 2000), RC_OK);
	return order_read(&rules, site, peer.request, &order);
}

/* A body, and the plan and period that it names. */
static const struct {
	const char *body, *plan, *period;
} offers[] = {
	{ "{\"cadence\":\"monthly\"}", NULL, "monthly" },
	{ "{\"cadence\":\"annual\",\"plan\":null}", NULL, "annual" },
	{ "{\"cadence\":\"once\",\"plan\":\"team\"}", "team", "once" },
};

START_TEST(plan_and_cadence_are_read)
{
	ck_assert_int_eq(read_order(offers[_i].body, NULL), RC_OK);
	ck_assert_str_eq(order.period, offers[_i].period);
	if (offers[_i].plan == NULL)
		ck_assert_ptr_null(order.plan);
	else
		ck_assert_str_eq(order.plan, offers[_i].plan);
}

START_TEST(what_is_not_said_is_usual)
{
	ck_assert_int_eq(read_order("{\"cadence\":\"monthly\"}", NULL), RC_OK);
	ck_assert_int_eq(order.quantity, 1);
	ck_assert_str_eq(order.locale, "de");
	ck_assert_str_eq(
	    order.success_url, "https://app.example.com/settings?upgraded=1");
	ck_assert_str_eq(order.cancel_url, "https://app.example.com/pricing");
	ck_assert_ptr_null(order.referral_code);
	ck_assert_ptr_null(order.client_key);
}

START_TEST(what_is_said_is_taken)
{
	ck_assert_int_eq(
	    read_order("{\"cadence\":\"monthly\",\"quantity\":5,"
		       "\"locale\":\"auto\",\"referral_code\":\"FRIEND\","
		       "\"success_url\":\"https://shop.example/done\","
		       "\"cancel_url\":\"https://app.example.com/no\"}",
		"order-1"),
	    RC_OK);
	ck_assert_int_eq(order.quantity, 5);
	ck_assert_str_eq(order.locale, "auto");
	ck_assert_str_eq(order.referral_code, "FRIEND");
	ck_assert_str_eq(order.success_url, "https://shop.example/done");
	ck_assert_str_eq(order.cancel_url, "https://app.example.com/no");
	ck_assert_str_eq(order.client_key, "order-1");
}

START_TEST(an_empty_referral_code_is_none)
{
	ck_assert_int_eq(
	    read_order(
		"{\"cadence\":\"monthly\",\"referral_code\":\"\"}", NULL),
	    RC_OK);
	ck_assert_ptr_null(order.referral_code);
}

#define MONTHLY(more) "{\"cadence\":\"monthly\"," more "}"
#define TEXT_65 \
	"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""

/* A body, and the code of the error. */
static const struct {
	const char *body, *code;
} refused[] = {
	{ "{}", "invalid_cadence" },
	{ "{\"cadence\":\"\"}", "invalid_cadence" },
	{ "{\"cadence\":1}", "invalid_cadence" },
	{ MONTHLY("\"plan\":1"), "unknown_plan" },
	{ MONTHLY("\"quantity\":0"), "invalid_quantity" },
	{ MONTHLY("\"quantity\":6"), "invalid_quantity" },
	{ MONTHLY("\"quantity\":-1"), "invalid_quantity" },
	{ MONTHLY("\"quantity\":1.5"), "invalid_quantity" },
	{ MONTHLY("\"quantity\":\"2\""), "invalid_quantity" },
	{ MONTHLY("\"quantity\":4294967297"), "invalid_quantity" },
	{ MONTHLY("\"quantity\":18446744073709551617"), "invalid_quantity" },
	{ MONTHLY("\"referral_code\":7"), "invalid_referral_code" },
	{ MONTHLY("\"referral_code\":" TEXT_65), "invalid_referral_code" },
	{ MONTHLY("\"locale\":\"klingon\""), "invalid_locale" },
	{ MONTHLY("\"locale\":5"), "invalid_locale" },
	{ MONTHLY("\"success_url\":\"https://evil.example/\""),
	    "invalid_return_url" },
	{ MONTHLY("\"cancel_url\":\"https://app.example.com.evil.example/\""),
	    "invalid_return_url" },
	{ MONTHLY("\"cancel_url\":\"/pricing\""), "invalid_return_url" },
	{ MONTHLY("\"success_url\":5"), "invalid_return_url" },
	{ "[]", "invalid_json" },
	{ "{", "invalid_json" },
};

START_TEST(a_wrong_order_is_refused_with_its_code)
{
	const char *reply;

	ck_assert_int_eq(read_order(refused[_i].body, NULL), RC_BAD_REQUEST);
	reply = peer_sent();
	unit_assert_begins(reply, "Status: 400");
	ck_assert_msg(strstr(reply, refused[_i].code) != NULL, "%s", reply);
}

static const char *const keys[] = { "", " ", "a b", "a\tb", "a\x7f",
	"\xc3\xa9" };

START_TEST(a_key_is_printable_ascii)
{
	ck_assert_int_eq(
	    read_order("{\"cadence\":\"monthly\"}", keys[_i]), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(peer_sent(), "invalid_idempotency_key"));
}

START_TEST(a_key_has_255_bytes_at_most)
{
	int size = ORDER_KEY_MAX + _i;

	ck_assert_int_eq(read_order("{\"cadence\":\"monthly\"}",
			     arena_printf(arena, "%0*d", size, 0)),
	    _i == 0 ? RC_OK : RC_BAD_REQUEST);
}

/* Two bodies, and whether they order the same. */
static const struct {
	const char *first, *second;
	bool same;
} pairs[] = {
	{ MONTHLY("\"quantity\":1"), "{\"cadence\":\"monthly\"}", true },
	{ MONTHLY("\"plan\":\"pro\""), MONTHLY("\"locale\":\"de\""), true },
	{ MONTHLY("\"referral_code\":\"A\""), "{\"cadence\":\"monthly\"}",
	    true },
	{ MONTHLY("\"quantity\":2"), "{\"cadence\":\"monthly\"}", false },
	{ MONTHLY("\"locale\":\"fr\""), "{\"cadence\":\"monthly\"}", false },
	{ MONTHLY("\"success_url\":\"https://app.example.com/a\""),
	    "{\"cadence\":\"monthly\"}", false },
	{ MONTHLY("\"cancel_url\":\"https://app.example.com/a\""),
	    "{\"cadence\":\"monthly\"}", false },
};

START_TEST(equal_orders_have_one_canonical_form)
{
	const char *first;

	ck_assert_int_eq(read_order(pairs[_i].first, NULL), RC_OK);
	first = arena_printf(arena, "%s", order.canonical);
	peer_close();
	peer_open();
	ck_assert_int_eq(read_order(pairs[_i].second, NULL), RC_OK);
	ck_assert_int_eq(strcmp(first, order.canonical) == 0, pairs[_i].same);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, plan_and_cadence_are_read, offers);
	tcase_add_test(tests, what_is_not_said_is_usual);
	tcase_add_test(tests, what_is_said_is_taken);
	tcase_add_test(tests, an_empty_referral_code_is_none);
	unit_add_table(tests, a_wrong_order_is_refused_with_its_code, refused);
	unit_add_table(tests, a_key_is_printable_ascii, keys);
	tcase_add_loop_test(tests, a_key_has_255_bytes_at_most, 0, 2);
	unit_add_table(tests, equal_orders_have_one_canonical_form, pairs);
}

int
main(void)
{
	return unit_main("order", add);
}
