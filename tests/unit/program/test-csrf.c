#include <stdlib.h>
#include <string.h>

#include "program/csrf.h"
#include "unit.h"

#define KEY "a key"
#define NOW 1795219200 /* the beginning of an hour */

/* csrf_same_origin() is tested over HTTP, by tests/endpoint/ops.py. */

/* made - the token of a person at a time */
static const char *
made(const char *key, const char *person, time_t now)
{
	static char token[CSRF_TOKEN_SIZE];

	ck_assert(csrf_token(key, person, now, token));
	return token;
}

START_TEST(a_token_is_the_same_in_every_worker)
{
	char first[CSRF_TOKEN_SIZE];

	strcpy(first, made(KEY, "ada", NOW));
	ck_assert_str_eq(first, made(KEY, "ada", NOW + 3599));
	ck_assert_str_ne(first, made(KEY, "ada", NOW + 3600));
	ck_assert_str_ne(first, made(KEY, "eve", NOW));
	ck_assert_str_ne(first, made("another", "ada", NOW));
}

/* How old a token is, in seconds, and whether it still is one. */
static const struct {
	long age_s;
	bool valid;
} ages[] = {
	{ 0, true },
	{ 3599, true },
	{ 3600, true },
	{ (CSRF_HOURS + 1) * 3600L - 1, true },
	{ (CSRF_HOURS + 1) * 3600L, false },
	{ 365 * 86400L, false },
	{ -1, false },
};

START_TEST(a_token_is_good_for_some_hours)
{
	ck_assert_int_eq(
	    csrf_valid(KEY, "ada", NOW + ages[_i].age_s, made(KEY, "ada", NOW)),
	    ages[_i].valid);
}

START_TEST(every_changed_byte_makes_it_wrong)
{
	char token[CSRF_TOKEN_SIZE];
	size_t len;

	strcpy(token, made(KEY, "ada", NOW));
	len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		token[i] ^= 1;
		ck_assert_msg(
		    !csrf_valid(KEY, "ada", NOW, token), "byte %zu", i);
		token[i] ^= 1;
	}
	for (size_t i = 0; i < len; i++) {
		char kept = token[i];

		token[i] = '\0';
		ck_assert_msg(
		    !csrf_valid(KEY, "ada", NOW, token), "cut at %zu", i);
		token[i] = kept;
	}
	ck_assert(csrf_valid(KEY, "ada", NOW, token));
	strcat(token, "0");
	ck_assert(!csrf_valid(KEY, "ada", NOW, token));
}

START_TEST(one_of_another_person_or_key_is_wrong)
{
	ck_assert(!csrf_valid(KEY, "eve", NOW, made(KEY, "ada", NOW)));
	ck_assert(!csrf_valid(KEY, "ada", NOW, made("another", "ada", NOW)));
	ck_assert(!csrf_valid(KEY, "ada", NOW, made(KEY, "", NOW)));
}

START_TEST(a_person_who_is_too_long_gets_none)
{
	char person[1024], token[CSRF_TOKEN_SIZE];

	memset(person, 'x', sizeof person - 1);
	person[sizeof person - 1] = '\0';
	ck_assert(!csrf_token(KEY, person, NOW, token));
	ck_assert(!csrf_valid(KEY, person, NOW, "1.2"));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_test(tests, a_token_is_the_same_in_every_worker);
	unit_add_table(tests, a_token_is_good_for_some_hours, ages);
	tcase_add_test(tests, every_changed_byte_makes_it_wrong);
	tcase_add_test(tests, one_of_another_person_or_key_is_wrong);
	tcase_add_test(tests, a_person_who_is_too_long_gets_none);
}

int
main(void)
{
	return unit_main("csrf", add);
}
