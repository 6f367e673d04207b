#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "unit.h"

static struct arena *arena;

/* set_up - a place for buffers */
static void
set_up(void)
{
	arena = arena_new(1 << 16);
}

START_TEST(an_empty_one_is_an_empty_text)
{
	size_t len = 1;

	ck_assert_str_eq(buffer_text(buffer_new(arena, 10), &len), "");
	ck_assert_uint_eq(len, 0);
	arena_free(arena);
}

START_TEST(it_grows_to_its_maximum_and_no_further)
{
	struct buffer *buffer = buffer_new(arena, 10000);
	const char *text;
	size_t len;

	for (int i = 0; i < 1000; i++)
		buffer_printf(buffer, "%010d", i);
	text = buffer_text(buffer, &len);
	ck_assert_uint_eq(len, 10000);
	ck_assert_uint_eq(strlen(text), len);
	unit_assert_begins(text, "00000000000000000001");
	ck_assert_str_eq(text + 9990, "0000000999");
	buffer_add(buffer, "", 0);
	ck_assert_ptr_nonnull(buffer_text(buffer, &len));
	buffer_add(buffer, "x", 1);
	ck_assert_ptr_null(buffer_text(buffer, &len));
	arena_free(arena);
}

START_TEST(what_failed_once_stays_failed)
{
	struct buffer *buffer = buffer_new(arena, 3);
	size_t len;

	buffer_add(buffer, "long", 4);
	buffer_add(buffer, "a", 1);
	ck_assert_ptr_null(buffer_text(buffer, &len));
	ck_assert_uint_eq(len, 0);
	arena_free(arena);
}

START_TEST(a_format_that_is_too_long_fails)
{
	struct buffer *buffer = buffer_new(arena, 10000);
	size_t len;

	buffer_printf(buffer, "%*s", 1024, "");
	ck_assert_ptr_null(buffer_text(buffer, &len));
	arena_free(arena);
}

START_TEST(without_memory_there_is_none)
{
	struct arena *small = arena_new(1);
	size_t len;

	ck_assert_ptr_null(buffer_new(small, 10));
	buffer_add(NULL, "x", 1);
	buffer_printf(NULL, "%d", 1);
	ck_assert_ptr_null(buffer_text(NULL, &len));
	arena_free(small);
	arena_free(arena);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, an_empty_one_is_an_empty_text);
	tcase_add_test(tests, it_grows_to_its_maximum_and_no_further);
	tcase_add_test(tests, what_failed_once_stays_failed);
	tcase_add_test(tests, a_format_that_is_too_long_fails);
	tcase_add_test(tests, without_memory_there_is_none);
}

int
main(void)
{
	return unit_main("buffer", add);
}
