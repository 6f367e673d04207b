#include <math.h>
#include <string.h>

#include "ops/chart.h"
#include "unit.h"

static struct arena *arena;
static struct html *html;

/* set_up - a page */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	html = html_new(arena);
}

/* tear_down - and no more of it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* written - the page so far */
static const char *
written(void)
{
	size_t len;

	return html_end(html, &len);
}

/* has - fails unless these words are there */
static void
has(const char *words)
{
	ck_assert_msg(
	    strstr(written(), words) != NULL, "no %s in\n%s", words, written());
}

static const char *const points[] = { "one", "<two>", "three" };
static double applied[] = { 1, 2, 4 }, failed[] = { 0, 2, NAN };

/* chart - of three points and two series */
static struct chart
chart(void)
{
	return (struct chart){
		.id = "c",
		.title = "What & how",
		.what = "What it shows.",
		.none = "Nothing to see.",
		.unit = " ms",
		.axis = "Hour",
		.points = points,
		.point_count = COUNT(points),
		.series = { { "applied", applied }, { "failed", failed } },
		.series_count = 2,
	};
}

START_TEST(bars_stand_on_each_other)
{
	struct chart bars = chart();

	chart_bars(html, &bars);
	has("<rect class=\"s0\" x=\"33.33\" y=\"150.00\" width=\"266.67\" "
	    "height=\"50.00\">");
	has("<rect class=\"s0\" x=\"366.67\" y=\"100.00\" width=\"266.67\" "
	    "height=\"100.00\">");
	has("<rect class=\"s1\" x=\"366.67\" y=\"0.00\" width=\"266.67\" "
	    "height=\"100.00\">");
	ck_assert_ptr_null(strstr(written(), "nan"));
}

START_TEST(lines_break_where_nothing_is_known)
{
	struct chart lines = chart();

	lines.series[0].values = (double[]){ NAN, NAN, NAN };
	lines.series[1].values = (double[]){ 5, NAN, 10 };
	chart_lines(html, &lines);
	has("<path class=\"s0\" d=\"\">");
	has("<path class=\"s1\" d=\"M0.0 100.0h0M1000.0 0.0h0\">");
}

START_TEST(the_picture_has_a_name_and_the_numbers_a_table)
{
	struct chart bars = chart();

	chart_bars(html, &bars);
	has("<svg role=\"img\" aria-labelledby=\"c-title c-what\"");
	has("<title id=\"c-title\">What &amp; how</title>");
	has("<desc id=\"c-what\">What it shows.</desc>");
	has("<caption>What &amp; how</caption>");
	has("<th scope=\"row\">&lt;two&gt;</th>\n<td class=\"number\">2</td>");
	has("<td class=\"number\">–</td>");
}

START_TEST(the_legend_has_the_sum_of_bars_and_the_last_of_lines)
{
	struct chart both = chart();

	chart_bars(html, &both);
	has("applied <b>7 ms</b>");
	chart_lines(html, &both);
	has("applied <b>4 ms</b>");
	has("failed <b>2 ms</b>");
}

START_TEST(nothing_to_see_is_a_sentence)
{
	struct chart bars = chart();

	bars.series[0].values = (double[]){ 0, 0, 0 };
	bars.series[1].values = (double[]){ NAN, NAN, NAN };
	chart_bars(html, &bars);
	has("<p class=\"none\">Nothing to see.</p>");
	ck_assert_ptr_null(strstr(written(), "<svg"));
}

/* A value, and the top of an axis for it. */
static const struct {
	double value, top;
} tops[] = {
	{ 0, 1 },
	{ .2, 1 },
	{ 1, 1 },
	{ 1.1, 2 },
	{ 3, 4 },
	{ 5, 6 },
	{ 63, 80 },
	{ 10, 10 },
	{ 11, 20 },
	{ 99, 100 },
	{ 2001, 4000 },
};

START_TEST(axes_end_at_round_numbers)
{
	ck_assert_double_eq(chart_ceiling(tops[_i].value), tops[_i].top);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, bars_stand_on_each_other);
	tcase_add_test(tests, lines_break_where_nothing_is_known);
	tcase_add_test(tests, the_picture_has_a_name_and_the_numbers_a_table);
	tcase_add_test(
	    tests, the_legend_has_the_sum_of_bars_and_the_last_of_lines);
	tcase_add_test(tests, nothing_to_see_is_a_sentence);
	unit_add_table(tests, axes_end_at_round_numbers, tops);
}

int
main(void)
{
	return unit_main("chart", add);
}
