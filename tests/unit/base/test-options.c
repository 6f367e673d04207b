#include <string.h>

#include "base/options.h"
#include "unit.h"

#define WORDS 6

static bool dry_run;
static const char *text;
static long number;
static int64_t moment_s;

static const struct option options[] = {
	{ .name = "--dry-run", .flag = &dry_run },
	{ .name = "--text", .text = &text },
	{ .name = "--number", .number = &number, .min = -5, .max = 10 },
	{ .name = "--since", .moment_s = &moment_s },
	{ .name = NULL },
};

/* Words, what they set, and the operands. */
static const struct {
	const char *words[WORDS];
	int operands;
	const char *first;
	bool dry_run;
	const char *text;
	long number;
	int64_t moment_s;
} uses[] = {
	{ { NULL }, 0, NULL, false, NULL, 0, 0 },
	{ { "--dry-run" }, 0, NULL, true, NULL, 0, 0 },
	{ { "--text", "2h" }, 0, NULL, false, "2h", 0, 0 },
	{ { "--text=2h" }, 0, NULL, false, "2h", 0, 0 },
	{ { "--text=" }, 0, NULL, false, "", 0, 0 },
	{ { "--text=a=b" }, 0, NULL, false, "a=b", 0, 0 },
	{ { "--text", "--dry-run" }, 0, NULL, false, "--dry-run", 0, 0 },
	{ { "--text", "1", "--text", "2" }, 0, NULL, false, "2", 0, 0 },
	{ { "a", "--dry-run", "b" }, 2, "a", true, NULL, 0, 0 },
	{ { "--text", "1", "a", "b" }, 2, "a", false, "1", 0, 0 },
	{ { "--", "--dry-run" }, 1, "--dry-run", false, NULL, 0, 0 },
	{ { "" }, 1, "", false, NULL, 0, 0 },
	{ { "-" }, 1, "-", false, NULL, 0, 0 },
	{ { "--number", "10" }, 0, NULL, false, NULL, 10, 0 },
	{ { "--number=-5" }, 0, NULL, false, NULL, -5, 0 },
	{ { "--since", "86400" }, 0, NULL, false, NULL, 0, 86400 },
	{ { "--since", "1970-01-02" }, 0, NULL, false, NULL, 0, 86400 },
};

START_TEST(words_are_options_or_operands)
{
	char problem[OPTIONS_PROBLEM_MAX];
	char *words[WORDS];
	int count = 0, operands;

	for (; uses[_i].words[count] != NULL; count++)
		words[count] = (char *)uses[_i].words[count];
	ck_assert_int_eq(
	    options_read(options, count, words, &operands, problem), RC_OK);
	ck_assert_int_eq(operands, uses[_i].operands);
	if (operands > 0)
		ck_assert_str_eq(words[0], uses[_i].first);
	ck_assert_int_eq(dry_run, uses[_i].dry_run);
	ck_assert_pstr_eq(text, uses[_i].text);
	ck_assert_int_eq(number, uses[_i].number);
	ck_assert_int_eq(moment_s, uses[_i].moment_s);
}

/* Words that are refused, and what the sentence says. */
static const struct {
	const char *words[WORDS], *problem;
} mistakes[] = {
	{ { "--text" }, "--text needs a value" },
	{ { "--dry-run=yes" }, "--dry-run takes no value" },
	{ { "--dry" }, "there is no option --dry" },
	{ { "--dry-running" }, "there is no option --dry-running" },
	{ { "a", "-n" }, "there is no option -n" },
	{ { "--number", "11" },
	    "--number 11: it takes a number from -5 to 10" },
	{ { "--number", "-6" }, "--number -6: it takes a number" },
	{ { "--number", "x" }, "--number x: it takes a number" },
	{ { "--number", "1x" }, "--number 1x: it takes a number" },
	{ { "--number=" }, "--number : it takes a number" },
	{ { "--number", "99999999999999999999" }, "--number 99999999999" },
	{ { "--since", "yesterday" }, "--since yesterday: a time is " },
};

START_TEST(mistakes_are_named)
{
	char problem[OPTIONS_PROBLEM_MAX];
	char *words[WORDS];
	int count = 0, operands;

	for (; mistakes[_i].words[count] != NULL; count++)
		words[count] = (char *)mistakes[_i].words[count];
	ck_assert_int_eq(
	    options_read(options, count, words, &operands, problem),
	    RC_BAD_REQUEST);
	unit_assert_begins(problem, mistakes[_i].problem);
}

START_TEST(a_command_may_have_no_options)
{
	char problem[OPTIONS_PROBLEM_MAX], word[] = "--dry-run";
	char *words[] = { word };
	int operands;

	ck_assert_int_eq(
	    options_read(NULL, 1, words, &operands, problem), RC_BAD_REQUEST);
	ck_assert_int_eq(
	    options_read(NULL, 0, words, &operands, problem), RC_OK);
	ck_assert_int_eq(operands, 0);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, words_are_options_or_operands, uses);
	unit_add_table(tests, mistakes_are_named, mistakes);
	tcase_add_test(tests, a_command_may_have_no_options);
}

int
main(void)
{
	return unit_main("options", add);
}
