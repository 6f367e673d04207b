#include <string.h>

#include "base/json.h"
#include "licence/gumroad.h"
#include "unit.h"

#define SALE "sale_id=s&email=a@b.example&product_id=p"

static struct arena *arena;
static struct gumroad_event event;
static const char *problem;

static void
set_up(void)
{
	arena = arena_new(4 << 20);
}

static void
tear_down(void)
{
	arena_free(arena);
}

/* read_form - a delivery of these fields */
static enum rc
read_form(const char *text)
{
	struct form *form;

	ck_assert_int_eq(form_parse(arena, text, strlen(text), &form), RC_OK);
	return gumroad_read(arena, form, &event, &problem);
}

START_TEST(a_sale_is_read)
{
	ck_assert_int_eq(
	    read_form(SALE "&permalink=q&short_product_id=r"
			   "&product_permalink=https://x/l/t&price=900"
			   "&currency=eur&full_name=A&test=true"
			   "&subscription_id=u&recurrence=monthly"
			   "&sale_timestamp=2026-01-05T19:38:56Z"
			   "&variants%5BTier%5D=Gold&refunded=false"),
	    RC_OK);
	ck_assert_str_eq(event.resource, "sale");
	ck_assert_str_eq(event.order, "s");
	ck_assert_str_eq(event.email, "a@b.example");
	ck_assert_str_eq(event.products[0], "p");
	ck_assert_str_eq(event.products[1], "q");
	ck_assert_str_eq(event.products[2], "r");
	ck_assert_str_eq(event.products[3], "t");
	ck_assert_ptr_null(event.products[4]);
	ck_assert_str_eq(event.plans[0], "Gold");
	ck_assert_int_eq(event.amount_cents, 900);
	ck_assert_str_eq(event.subscription, "u");
	ck_assert(event.test && !event.refunded);
}

/* What a form lacks; NULL: nothing. */
static const struct {
	const char *form, *problem;
} forms[] = {
	{ SALE, NULL },
	{ SALE "&price=", NULL },
	{ SALE "&price=1.5", "price is not a whole number of cents" },
	{ SALE "&price=12345678901", "price is not a whole number of cents" },
	{ SALE "&sale_timestamp=2026-01-05", "sale_timestamp is not a time" },
	{ SALE "&sale_timestamp=2026-01-05T19:38:56.5%2B02:00", NULL },
	{ "email=a@b.example&product_id=p", "sale_id is missing" },
	{ "sale_id=s&product_id=p", "email is missing" },
	{ "sale_id=s&email=a&product_id=p", "email is not an e-mail address" },
	{ "sale_id=s&email=a@b.example", "product_id is missing" },
	{ SALE "&custom_fields[sale_id]=s", "sale_id was overwritten" },
	{ SALE "&custom_fields[sale_id]=x", NULL },
	{ SALE "&sale_id=x&custom_fields[sale_id]=x", NULL },
	{ SALE "&custom_fields[product_id]=p", "product_id is missing" },
	{ "resource_name=refund&sale_id=s", NULL },
	{ "resource_name=refund", "sale_id is missing" },
	{ "resource_name=cancellation&subscription_id=u", NULL },
	{ "resource_name=cancellation", "subscription_id is missing" },
	{ "resource_name=subscription_ended&subscription_id=u&ended_at=x",
	    "ended_at is not a time" },
	{ "resource_name=subscription_updated&subscription_id=u&product_id=p",
	    "new_plan[tier] is missing" },
	{ "resource_name=whatever", NULL },
	{ "resource_name=%00", "resource_name is not valid UTF-8" },
};

START_TEST(what_is_wrong_is_said)
{
	enum rc rc = read_form(forms[_i].form);

	if (forms[_i].problem == NULL) {
		ck_assert_msg(rc == RC_OK, "%s", problem);
		return;
	}
	ck_assert_int_eq(rc, RC_BAD_REQUEST);
	unit_assert_begins(problem, forms[_i].problem);
}

START_TEST(custom_fields_are_not_believed)
{
	ck_assert_int_eq(
	    read_form(SALE "&price=1&custom_fields[price]=1&test=true"
			   "&custom_fields[test]=true&full_name=x"
			   "&custom_fields[full_name]=x&refunded=x"
			   "&custom_fields[refunded]=x&refunded=true"),
	    RC_OK);
	ck_assert_int_eq(event.amount_cents, -1);
	ck_assert(!event.test);
	ck_assert_ptr_null(event.name);
	ck_assert(event.refunded);
}

/* What the catalog is asked for: the names of a delivery, in their order. */
static const struct {
	const char *form, *products, *plans;
} named[] = {
	{ SALE, "[\"p\"]", "[]" },
	{ "sale_id=s&email=a@b.example&product_id=x&permalink=p",
	    "[\"x\",\"p\"]", "[]" },
	{ SALE "&variants[Size]=L&variants[Tier]=Gold", "[\"p\"]",
	    "[\"L\",\"Gold\"]" },
	{ "resource_name=subscription_updated&subscription_id=u&product_id=p"
	  "&new_plan[tier][id]=plan-id&new_plan[tier][name]=Gold",
	    "[\"p\"]", "[\"plan-id\",\"Gold\"]" },
};

START_TEST(the_facts_name_product_and_plan)
{
	json_object *facts;

	ck_assert_int_eq(read_form(named[_i].form), RC_OK);
	facts = gumroad_facts_json(&event);
	ck_assert_str_eq(
	    json_object_to_json_string_ext(
		json_member(facts, "products"), JSON_C_TO_STRING_PLAIN),
	    named[_i].products);
	ck_assert_str_eq(
	    json_object_to_json_string_ext(
		json_member(facts, "plans"), JSON_C_TO_STRING_PLAIN),
	    named[_i].plans);
	json_object_put(facts);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_sale_is_read);
	unit_add_table(tests, what_is_wrong_is_said, forms);
	tcase_add_test(tests, custom_fields_are_not_believed);
	unit_add_table(tests, the_facts_name_product_and_plan, named);
}

int
main(void)
{
	return unit_main("gumroad", add);
}
