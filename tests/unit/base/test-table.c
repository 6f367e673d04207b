#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "unit.h"

static char *printed;

/* print - a table as text */
static const char *
print(const struct table *table, bool as_json)
{
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	table_print(table, as_json, out);
	fclose(out);
	return printed;
}

/* make - a table of two columns with up to three rows */
static struct table *
make(const char *const (*rows)[2], size_t count)
{
	static const char *const columns[] = { "event", "error", NULL };
	struct table *table = table_new(columns);

	for (size_t i = 0; i < count; i++)
		table_row(table, rows[i]);
	return table;
}

/* Rows, and what they look like to a person and to a program. */
static const struct {
	const char *rows[3][2];
	size_t count;
	const char *text, *json;
} tables[] = {
	{ { { NULL, NULL } }, 0, "event  error\n", "[]" },
	{ { { "evt_1", "none" } }, 1, "event  error\nevt_1  none\n",
	    "[{\"event\":\"evt_1\",\"error\":\"none\"}]" },
	{ { { "a", "x" }, { "evt_long", NULL }, { NULL, "y" } }, 3,
	    "event     error\na         x\nevt_long  \n          y\n",
	    "[{\"event\":\"a\",\"error\":\"x\"},"
	    "{\"event\":\"evt_long\",\"error\":null},"
	    "{\"event\":null,\"error\":\"y\"}]" },
	{ { { "Zo\xc3\xab", "1" }, { "sixsix", "2" } }, 2,
	    "event   error\nZo\xc3\xab     1\nsixsix  2\n", NULL },
	{ { { "two words", " x " } }, 1, "event      error\ntwo words   x \n",
	    NULL },
	{ { { "a\nb\tc\x1b[1m\x7f", "z" } }, 1,
	    "event       error\na?b?c?[1m?  z\n", NULL },
	{ { { "say \"hi\"/", "x" } }, 1, NULL,
	    "[{\"event\":\"say \\\"hi\\\"/\",\"error\":\"x\"}]" },
};

START_TEST(prints_aligned_columns)
{
	struct table *table = make(tables[_i].rows, tables[_i].count);

	if (tables[_i].text != NULL)
		ck_assert_str_eq(print(table, false), tables[_i].text);
	free(printed);
	printed = NULL;
	table_free(table);
}

START_TEST(prints_json)
{
	struct table *table = make(tables[_i].rows, tables[_i].count);

	if (tables[_i].json != NULL)
		unit_assert_json(print(table, true), tables[_i].json);
	free(printed);
	printed = NULL;
	table_free(table);
}

START_TEST(columns_have_a_maximum)
{
	static const char *const names[] = { "c01", "c02", "c03", "c04", "c05",
		"c06", "c07", "c08", "c09", "c10", "c11", "c12", "c13", NULL };
	struct table *table = table_new(names);

	table_row(table, names);
	ck_assert_ptr_nonnull(strstr(print(table, false), "c12\n"));
	ck_assert_ptr_null(strstr(printed, "c13"));
	free(printed);
	table_free(table);
}

START_TEST(nothing_can_be_freed)
{
	table_free(NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, prints_aligned_columns, tables);
	unit_add_table(tests, prints_json, tables);
	tcase_add_test(tests, columns_have_a_maximum);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("table", add);
}
