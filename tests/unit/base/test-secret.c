#include <string.h>

#include "base/secret.h"
#include "unit.h"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(65536);
}

static void
tear_down(void)
{
	arena_free(arena);
}

/* Secrets, a candidate, and whether it is one of them. */
static const struct {
	const char *secrets, *candidate;
	bool matches;
} cases[] = {
	{ "one", "one", true },
	{ "one two", "one", true },
	{ "one two", "two", true },
	{ "  one   two  ", "two", true },
	{ "1 2 3 4 5 6 7 8", "8", true },
	{ "1 2 3 4 5 6 7 8 9", "9", false },
	{ "one two", "three", false },
	{ "one two", "one two", false },
	{ "one", "", false },
	{ "one", "on", false },
	{ "one", "onee", false },
	{ "one", "One", false },
};

START_TEST(only_a_secret_matches)
{
	struct secrets *secrets = secrets_new(arena, cases[_i].secrets);

	ck_assert_ptr_nonnull(secrets);
	ck_assert_int_eq(secrets_match(secrets, cases[_i].candidate,
			     strlen(cases[_i].candidate)),
	    cases[_i].matches);
}

START_TEST(a_nul_is_a_byte_like_others)
{
	struct secrets *secrets = secrets_new(arena, "one");

	ck_assert(!secrets_match(secrets, "one\0", 4));
}

START_TEST(no_secret_is_none)
{
	ck_assert_ptr_null(secrets_new(arena, NULL));
	ck_assert_ptr_null(secrets_new(arena, ""));
	ck_assert_ptr_null(secrets_new(arena, "   "));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, only_a_secret_matches, cases);
	tcase_add_test(tests, a_nul_is_a_byte_like_others);
	tcase_add_test(tests, no_secret_is_none);
}

int
main(void)
{
	return unit_main("secret", add);
}
