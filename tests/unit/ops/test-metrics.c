#include <stdio.h>
#include <string.h>

#include "ops/metrics.h"
#include "unit.h"

static struct arena *arena;
static struct buffer *out;

/* set_up - an exposition to write */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	out = buffer_new(arena, METRICS_MAX);
}

/* tear_down - and no more of it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* written - what there is so far */
static const char *
written(void)
{
	size_t len;

	return buffer_text(out, &len);
}

/* A label's value, and how it stands there. */
static const struct {
	const char *value, *escaped;
} values[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ NULL, "" },
	{ "a\"b", "a\\\"b" },
	{ "a\\b", "a\\\\b" },
	{ "a\nb", "a\\nb" },
	{ "\"} 1\nforged{a=\"", "\\\"} 1\\nforged{a=\\\"" },
	{ "caf\xc3\xa9", "caf\xc3\xa9" },
};

START_TEST(values_of_labels_are_escaped)
{
	char expected[128];

	snprintf(expected, sizeof expected, "name{key=\"%s\"} 1\n",
	    values[_i].escaped);
	metrics_sample(out, "name", 1, "key", values[_i].value, NULL);
	ck_assert_str_eq(written(), expected);
}

/* A number, and how it stands there. */
static const struct {
	double value;
	const char *text;
} numbers[] = {
	{ 0, "name 0\n" },
	{ 1.5, "name 1.5\n" },
	{ -3, "name -3\n" },
	{ 123456789012.0, "name 123456789012\n" },
};

START_TEST(numbers_are_written_in_full)
{
	metrics_sample(out, "name", numbers[_i].value, NULL);
	ck_assert_str_eq(written(), numbers[_i].text);
}

START_TEST(several_labels_and_a_head)
{
	metrics_begin(out, "name", "gauge", "What it is.");
	metrics_sample(out, "name", 2, "a", "1", "b", "2", NULL);
	ck_assert_str_eq(written(),
	    "# HELP name What it is.\n# TYPE name gauge\n"
	    "name{a=\"1\",b=\"2\"} 2\n");
}

START_TEST(buckets_are_cumulative)
{
	static struct stats stats = { .buckets = { 1, 0, 2 },
		.duration_us = 1500000 };

	stats.buckets[STATS_BUCKETS - 1] = 4;
	metrics_histogram(out, "d", "p", &stats);
	unit_assert_begins(written(),
	    "d_bucket{program=\"p\",le=\"0.0005\"} 1\n"
	    "d_bucket{program=\"p\",le=\"0.001\"} 1\n"
	    "d_bucket{program=\"p\",le=\"0.002\"} 3\n");
	ck_assert_ptr_nonnull(strstr(written(),
	    "d_bucket{program=\"p\",le=\"5\"} 3\n"
	    "d_bucket{program=\"p\",le=\"+Inf\"} 7\n"
	    "d_sum{program=\"p\"} 1.5\nd_count{program=\"p\"} 7\n"));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, values_of_labels_are_escaped, values);
	unit_add_table(tests, numbers_are_written_in_full, numbers);
	tcase_add_test(tests, several_labels_and_a_head);
	tcase_add_test(tests, buckets_are_cumulative);
}

int
main(void)
{
	return unit_main("metrics", add);
}
