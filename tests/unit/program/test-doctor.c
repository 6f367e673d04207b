#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/doctor.h"
#include "unit.h"

static struct arena *arena;
static struct doctor *doctor;
static char *printed;
static bool fine;

/* report - the findings as they are printed */
static const char *
report(bool as_json)
{
	size_t len;
	FILE *out;

	free(printed);
	out = open_memstream(&printed, &len);
	fine = doctor_report(doctor, as_json, out);
	fclose(out);
	return printed;
}

/* set_up - no findings */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	doctor = doctor_new(arena, false);
}

/* tear_down - all of it */
static void
tear_down(void)
{
	free(printed);
	printed = NULL;
	arena_free(arena);
}

START_TEST(nothing_found_is_fine)
{
	ck_assert_str_eq(report(false),
	    "result  subject  finding\n\n0 problems, 0 warnings\n");
	ck_assert(fine);
	unit_assert_json(report(true), "[]");
	ck_assert(fine);
}

START_TEST(findings_keep_their_order)
{
	doctor_ok(doctor, "b", "%s %d", "found", 1);
	doctor_warn(doctor, "a", "Mend a.", "weak");
	doctor_ok(doctor, "c", "found");
	ck_assert_str_eq(report(false),
	    "result   subject  finding\n"
	    "ok       b        found 1\n"
	    "warning  a        weak\n"
	    "                  Mend a.\n"
	    "ok       c        found\n"
	    "\n0 problems, 1 warning\n");
	ck_assert(fine);
}

START_TEST(a_problem_is_not_fine)
{
	doctor_problem(doctor, "a", "Mend a.", "broken");
	doctor_ok(doctor, "c", "found");
	ck_assert_ptr_nonnull(
	    strstr(report(false), "\n1 problem, 0 warnings\n"));
	ck_assert(!fine);
	unit_assert_json(report(true),
	    "[{\"result\":\"problem\",\"subject\":\"a\","
	    "\"finding\":\"broken\",\"advice\":\"Mend a.\"},"
	    "{\"result\":\"ok\",\"subject\":\"c\","
	    "\"finding\":\"found\",\"advice\":null}]");
	ck_assert(!fine);
}

START_TEST(what_it_is_told_may_go)
{
	char subject[] = "subject", advice[] = "Advice.";

	doctor_warn(doctor, subject, advice, "words");
	memset(subject, 'x', sizeof subject - 1);
	memset(advice, 'x', sizeof advice - 1);
	ck_assert_ptr_nonnull(strstr(report(false), "subject  words\n"));
	ck_assert_ptr_nonnull(strstr(printed, "Advice.\n"));
}

START_TEST(long_words_are_cut)
{
	char words[2000];

	memset(words, 'w', sizeof words);
	words[sizeof words - 1] = '\0';
	doctor_ok(doctor, "a", "%s", words);
	ck_assert_uint_lt(strlen(report(false)), 700);
}

START_TEST(offline_is_kept)
{
	ck_assert(doctor_online(doctor));
	ck_assert(!doctor_online(doctor_new(arena, true)));
}

/* How far a clock is ahead, and what is made of it. */
static const struct {
	double ahead_s;
	const char *line;
	bool fine;
} clocks[] = {
	{ 0, "ok      clock    agrees with ours\n", true },
	{ 30, "ok      clock    agrees with ours\n", true },
	{ -30, "ok      clock    agrees with ours\n", true },
	{ 31, "warning  clock    31 s ahead of ours\n", true },
	{ -31, "warning  clock    31 s behind ours\n", true },
	{ 300, "warning  clock    300 s ahead of ours\n", true },
	{ 301, "problem  clock    301 s ahead of ours\n", false },
	{ -86400, "problem  clock    86400 s behind ours\n", false },
};

START_TEST(clocks_are_compared)
{
	doctor_clock(doctor, "clock", clocks[_i].ahead_s);
	ck_assert_msg(
	    strstr(report(false), clocks[_i].line) != NULL, "%s", printed);
	ck_assert(fine == clocks[_i].fine);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, nothing_found_is_fine);
	tcase_add_test(tests, findings_keep_their_order);
	tcase_add_test(tests, a_problem_is_not_fine);
	tcase_add_test(tests, what_it_is_told_may_go);
	tcase_add_test(tests, long_words_are_cut);
	tcase_add_test(tests, offline_is_kept);
	unit_add_table(tests, clocks_are_compared, clocks);
}

int
main(void)
{
	return unit_main("doctor", add);
}
