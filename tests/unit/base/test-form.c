#include <string.h>

#include "base/form.h"
#include "unit.h"

static struct arena *arena;

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

/* parse - a form that is expected to be one */
static struct form *
parse(const char *text)
{
	struct form *form;

	ck_assert_int_eq(form_parse(arena, text, strlen(text), &form), RC_OK);
	return form;
}

/* A form, a key, and the value of its first field; NULL: there is none. */
static const struct {
	const char *form, *key, *value;
} values[] = {
	{ "a=b", "a", "b" },
	{ "a=b", "b", NULL },
	{ "a=b", "A", NULL },
	{ "a=b&c=d", "c", "d" },
	{ "a=1&a=2", "a", "1" },
	{ "&&a=b&&", "a", "b" },
	{ "a", "a", "" },
	{ "a=", "a", "" },
	{ "=b", "", "b" },
	{ "a==b=c", "a", "=b=c" },
	{ "a=b+c", "a", "b c" },
	{ "a=b%20c", "a", "b c" },
	{ "a=%C3%A9", "a", "\xc3\xa9" },
	{ "card%5Bvisual%5D=x", "card[visual]", "x" },
	{ "a=%", "a", "%" },
	{ "a=%4", "a", "%4" },
	{ "a=%zz%41", "a", "%zzA" },
	{ "a=%2525", "a", "%25" },
	{ "a=%3D%26", "a", "=&" },
	{ "", "a", NULL },
};

START_TEST(values_are_found_by_their_key)
{
	const struct form_field *field = form_next(
	    parse(values[_i].form), values[_i].key, NULL);

	if (values[_i].value == NULL)
		ck_assert_ptr_null(field);
	else
		ck_assert_str_eq(field->value, values[_i].value);
}

START_TEST(fields_come_in_their_order)
{
	struct form *form = parse("a=1&b=2&a=3&ab=4");
	const struct form_field *field = form_next(form, "a", NULL);

	field = form_next(form, "a", field);
	ck_assert_str_eq(field->value, "3");
	ck_assert_ptr_null(form_next(form, "a", field));
	field = form_prefixed(form, "a", NULL);
	ck_assert_str_eq(field->value, "4");
}

START_TEST(a_text_is_text)
{
	struct form *form = parse("ok=v&empty=&nul=a%00b&bad=%ff");
	const char *value;

	ck_assert_int_eq(form_text(form_next(form, "ok", NULL), &value), RC_OK);
	ck_assert_str_eq(value, "v");
	ck_assert_int_eq(
	    form_text(form_next(form, "empty", NULL), &value), RC_NOT_FOUND);
	ck_assert_int_eq(
	    form_text(form_next(form, "none", NULL), &value), RC_NOT_FOUND);
	ck_assert_int_eq(
	    form_text(form_next(form, "nul", NULL), &value), RC_BAD_REQUEST);
	ck_assert_int_eq(
	    form_text(form_next(form, "bad", NULL), &value), RC_BAD_REQUEST);
	ck_assert_ptr_null(value);
}

START_TEST(a_text_has_a_maximum)
{
	char text[FORM_TEXT_MAX + 8] = "a=";
	const char *value;

	memset(text + 2, 'x', FORM_TEXT_MAX);
	ck_assert_int_eq(
	    form_text(form_next(parse(text), "a", NULL), &value), RC_OK);
	text[FORM_TEXT_MAX + 2] = 'x';
	ck_assert_int_eq(form_text(form_next(parse(text), "a", NULL), &value),
	    RC_BAD_REQUEST);
}

START_TEST(a_form_has_a_maximum)
{
	static char text[2 * (FORM_FIELDS_MAX + 1)];
	struct form *form;

	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "a&", 2);
	ck_assert_int_eq(
	    form_parse(arena, text, 2 * FORM_FIELDS_MAX - 1, &form), RC_OK);
	ck_assert_int_eq(
	    form_parse(arena, text, sizeof text - 1, &form), RC_BAD_REQUEST);
}

START_TEST(a_printable_form_reads_the_same)
{
	static const char text[] = "a=\0\xff \n&b=%41+c";
	const struct form_field *field;
	const char *printable;

	printable = form_printable(arena, text, sizeof text - 1);
	ck_assert_str_eq(printable, "a=%00%FF%20%0A&b=%41+c");
	field = form_next(parse(printable), "a", NULL);
	ck_assert_uint_eq(field->value_len, 4);
	ck_assert_mem_eq(field->value, "\0\xff \n", 4);
	ck_assert_str_eq(form_next(parse(printable), "b", NULL)->value, "A c");
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, values_are_found_by_their_key, values);
	tcase_add_test(tests, fields_come_in_their_order);
	tcase_add_test(tests, a_text_is_text);
	tcase_add_test(tests, a_text_has_a_maximum);
	tcase_add_test(tests, a_form_has_a_maximum);
	tcase_add_test(tests, a_printable_form_reads_the_same);
}

int
main(void)
{
	return unit_main("form", add);
}
