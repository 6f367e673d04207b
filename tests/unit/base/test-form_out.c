#include <stdlib.h>
#include <string.h>

#include "base/form_out.h"
#include "unit.h"

static struct arena *arena;
static struct form_out *form;
static size_t len;

/* set_up - an empty form */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	form = form_out_new(arena);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
}

/* A pair, and how it is written. */
static const struct {
	const char *key, *value, *text;
} pairs[] = {
	{ "mode", "subscription", "mode=subscription" },
	{ "a", "", "a=" },
	{ "line_items[0][price]", "price_1", "line_items[0][price]=price_1" },
	{ "metadata[a b]", "c", "metadata[a%20b]=c" },
	{ "a", "x y", "a=x%20y" },
	{ "a", "x+y", "a=x%2By" },
	{ "a", "[0]", "a=%5B0%5D" },
	{ "a", "&=?/:@#%", "a=%26%3D%3F%2F%3A%40%23%25" },
	{ "a", "-._~", "a=-._~" },
	{ "a", "!'()*", "a=%21%27%28%29%2A" },
	{ "a", "{CHECKOUT_SESSION_ID}", "a=%7BCHECKOUT_SESSION_ID%7D" },
	{ "a", "\xc3\xbc\xe2\x82\xac", "a=%C3%BC%E2%82%AC" },
	{ "a", "\r\n\t\x7f", "a=%0D%0A%09%7F" },
	{ "a&b", "c", "a%26b=c" },
};

START_TEST(a_pair_is_written)
{
	form_out_add(form, pairs[_i].key, pairs[_i].value);
	ck_assert_str_eq(form_out_text(form, &len), pairs[_i].text);
	ck_assert_uint_eq(len, strlen(pairs[_i].text));
}

START_TEST(pairs_are_joined)
{
	form_out_add(form, "a", "1");
	form_out_add(form, "absent", NULL);
	form_out_add_number(form, "b", -20);
	ck_assert_str_eq(form_out_text(form, &len), "a=1&b=-20");
}

START_TEST(a_form_can_be_empty)
{
	ck_assert_str_eq(form_out_text(form, &len), "");
	ck_assert_uint_eq(len, 0);
}

START_TEST(what_does_not_fit_is_no_form)
{
	char value[FORM_OUT_MAX];

	memset(value, 'x', sizeof value);
	value[FORM_OUT_MAX - 2] = '\0';
	form_out_add(form, "a", value);
	ck_assert_ptr_nonnull(form_out_text(form, &len));
	ck_assert_uint_eq(len, FORM_OUT_MAX);
	form_out_add(form, "b", "");
	ck_assert_ptr_null(form_out_text(form, &len));
}

START_TEST(an_escape_is_not_cut)
{
	char value[FORM_OUT_MAX];

	memset(value, 'x', sizeof value);
	value[FORM_OUT_MAX - 4] = '/';
	value[FORM_OUT_MAX - 3] = '\0';
	form_out_add(form, "a", value);
	ck_assert_ptr_null(form_out_text(form, &len));
}

START_TEST(without_memory_there_is_no_form)
{
	struct arena *small = arena_new(100);
	struct form_out *none = form_out_new(small);

	ck_assert_ptr_null(none);
	form_out_add(none, "a", "b");
	ck_assert_ptr_null(form_out_text(none, &len));
	arena_free(small);
}

/* add - all of the above */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, a_pair_is_written, pairs);
	tcase_add_test(tests, pairs_are_joined);
	tcase_add_test(tests, a_form_can_be_empty);
	tcase_add_test(tests, what_does_not_fit_is_no_form);
	tcase_add_test(tests, an_escape_is_not_cut);
	tcase_add_test(tests, without_memory_there_is_no_form);
}

int
main(void)
{
	return unit_main("form_out", add);
}
