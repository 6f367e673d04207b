/*
 * The arena's own source is compiled here with a malloc that can fail and a
 * free that looks at what it gets: neither can be seen from outside.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define SECRET 0x5a /* fills what must be wiped */
#define FRESH 0xa5  /* fills what malloc gives */

static int mallocs_until_failure = -1;
static int blocks_held, blocks_freed_dirty;

/* malloc, with the size kept in front, or NULL when its turn has come */
static void *
test_malloc(size_t size)
{
	max_align_t *block;

	if (mallocs_until_failure == 0)
		return NULL;
	mallocs_until_failure -= mallocs_until_failure > 0;
	block = malloc(sizeof *block + size);
	memcpy(block, &size, sizeof size);
	memset(block + 1, FRESH, size);
	blocks_held++;
	return block + 1;
}

/* calloc, by the same rules */
static void *
test_calloc(size_t count, size_t size)
{
	void *bytes = test_malloc(count * size);

	return bytes != NULL ? memset(bytes, 0, count * size) : NULL;
}

/* free, counting the blocks that still hold a secret */
static void
test_free(void *bytes)
{
	max_align_t *block = bytes;
	unsigned char *byte = bytes;
	size_t size, run = 0;

	if (bytes == NULL)
		return;
	memcpy(&size, block - 1, sizeof size);
	for (size_t i = 0; i < size && run < 16; i++)
		run = byte[i] == SECRET ? run + 1 : 0;
	blocks_freed_dirty += run == 16;
	blocks_held--;
	free(block - 1);
}

#define malloc test_malloc
#define calloc test_calloc
#define free test_free
#include "base/arena.c"
#undef malloc
#undef calloc
#undef free

static const size_t sizes[] = { 1, 2, 7, 8, 15, 16, 17, 100, 4095, 32752, 32768,
	32769, 100000 };

static const char zeros[30000];

/* is_all - whether all bytes have one value */
static bool
is_all(const char *bytes, size_t len, size_t value)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)bytes[i] != value)
			return false;
	}
	return true;
}

START_TEST(memory_is_zeroed_and_aligned)
{
	struct arena *arena = arena_new(1 << 20);
	size_t size = sizes[_i];
	char *bytes;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++) {
			bytes = arena_alloc(arena, size);
			ck_assert_ptr_nonnull(bytes);
			ck_assert_uint_eq(
			    (uintptr_t)bytes % alignof(max_align_t), 0);
			ck_assert(is_all(bytes, size, 0));
			memset(bytes, SECRET, size);
		}
		arena_reset(arena);
	}
	arena_free(arena);
}

START_TEST(pieces_do_not_overlap)
{
	struct arena *arena = arena_new(8 << 20);
	char *pieces[200];

	for (size_t i = 0; i < COUNT(pieces); i++) {
		pieces[i] = arena_alloc(arena, i * 100 + 1);
		ck_assert_ptr_nonnull(pieces[i]);
		memset(pieces[i], (int)i, i * 100 + 1);
	}
	for (size_t i = 0; i < COUNT(pieces); i++)
		ck_assert(is_all(pieces[i], i * 100 + 1, i));
	arena_free(arena);
}

START_TEST(maximum_is_kept)
{
	struct arena *arena = arena_new(4096);
	size_t got = 0;

	for (int round = 0; round < 2; round++) {
		ck_assert_ptr_null(arena_alloc(arena, 4097));
		ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
		ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX - 7));
		ck_assert_ptr_nonnull(arena_alloc(arena, 4096));
		ck_assert_ptr_null(arena_alloc(arena, 1));
		arena_reset(arena);
	}
	ck_assert_ptr_nonnull(arena_alloc(arena, 4000));
	ck_assert_ptr_null(arena_alloc(arena, 200));
	ck_assert_ptr_nonnull(arena_alloc(arena, 96));
	arena_reset(arena);
	while (arena_alloc(arena, 3) != NULL)
		got += 3;
	ck_assert_uint_gt(got, 0);
	ck_assert_uint_le(got, 4096);
	arena_free(arena);
}

START_TEST(maximum_is_kept_over_many_blocks)
{
	struct arena *arena = arena_new(1 << 20);
	size_t got = 0;

	while (arena_alloc(arena, 20000) != NULL)
		got += 20000;
	ck_assert_uint_gt(got, (1 << 20) - 40000);
	ck_assert_uint_le(got, 1 << 20);
	arena_free(arena);
}

START_TEST(copies_bytes)
{
	static const char bytes[] = "a\0b";
	struct arena *arena = arena_new(4096);
	char *copy = arena_copy(arena, bytes, 3);

	ck_assert_mem_eq(copy, "a\0b", 4);
	ck_assert_ptr_ne(copy, bytes);
	ck_assert_str_eq(arena_copy(arena, "x", 1), "x");
	ck_assert_str_eq(arena_copy(arena, NULL, 0), "");
	ck_assert_ptr_null(arena_copy(arena, zeros, 4096));
	ck_assert_ptr_null(arena_copy(arena, bytes, SIZE_MAX));
	arena_free(arena);
}

START_TEST(the_end_of_a_string_takes_room_too)
{
	struct arena *arena = arena_new(32);

	ck_assert_ptr_null(arena_copy(arena, zeros, 32));
	ck_assert_ptr_null(arena_printf(arena, "%032d", 1));
	ck_assert_ptr_nonnull(arena_printf(arena, "%031d", 1));
	arena_free(arena);
}

START_TEST(formats_strings)
{
	static char long_text[50001];
	struct arena *arena = arena_new(128 << 10);
	char *copy;

	memset(long_text, 'x', sizeof long_text - 1);
	ck_assert_str_eq(arena_printf(arena, "%d %s", 42, "seats"), "42 seats");
	ck_assert_str_eq(arena_printf(arena, "%s", ""), "");
	copy = arena_printf(arena, "<%s>", long_text);
	ck_assert_uint_eq(strlen(copy), 50002);
	ck_assert_int_eq(copy[50001], '>');
	ck_assert_ptr_null(
	    arena_printf(arena, "%s%s%s", long_text, long_text, long_text));
	arena_free(arena);
}

static char released[16];

/* note - write down who is released */
static void
note(void *name)
{
	strncat(released, name, sizeof released - strlen(released) - 1);
}

START_TEST(deferred_are_released_once_last_first)
{
	static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
	struct arena *arena = arena_new(4096);

	ck_assert_int_eq(arena_defer(arena, note, a), 0);
	ck_assert_int_eq(arena_defer(arena, note, b), 0);
	ck_assert_int_eq(arena_defer(arena, note, c), 0);
	ck_assert_str_eq(released, "");
	arena_reset(arena);
	ck_assert_str_eq(released, "cba");
	arena_reset(arena);
	ck_assert_str_eq(released, "cba");
	ck_assert_int_eq(arena_defer(arena, note, d), 0);
	arena_free(arena);
	ck_assert_str_eq(released, "cbad");
}

START_TEST(deferred_that_cannot_be_noted_is_released_at_once)
{
	static char a[] = "a", b[] = "b";
	struct arena *arena = arena_new(64);

	ck_assert_int_eq(arena_defer(arena, note, a), 0);
	while (arena_alloc(arena, 1) != NULL)
		;
	ck_assert_int_eq(arena_defer(arena, note, b), -1);
	ck_assert_str_eq(released, "b");
	arena_reset(arena);
	ck_assert_str_eq(released, "ba");
	arena_free(arena);
}

START_TEST(deferred_still_sees_the_arena)
{
	struct arena *arena = arena_new(1 << 20);
	char *name = arena_printf(arena, "inside");

	ck_assert_int_eq(arena_defer(arena, note, name), 0);
	ck_assert_ptr_nonnull(arena_alloc(arena, 100000));
	arena_free(arena);
	ck_assert_str_eq(released, "inside");
}

START_TEST(everything_is_wiped)
{
	struct arena *arena = arena_new(1 << 20);
	char *kept = arena_alloc(arena, 1000);

	memset(kept, SECRET, 1000);
	memset(arena_alloc(arena, 100000), SECRET, 100000);
	memset(arena_alloc(arena, 1000), SECRET, 1000);
	memset(arena_alloc(arena, 40000), SECRET, 40000);
	ck_assert_int_gt(blocks_held, 2);
	arena_reset(arena);
	ck_assert_int_eq(blocks_held, 2); /* the arena and its first block */
	ck_assert_int_eq(blocks_freed_dirty, 0);
	ck_assert(is_all(kept, 1000, 0));
	memset(arena_alloc(arena, 1000), SECRET, 1000);
	arena_free(arena);
	ck_assert_int_eq(blocks_held, 0);
	ck_assert_int_eq(blocks_freed_dirty, 0);
}

START_TEST(a_reset_makes_room)
{
	struct arena *arena = arena_new(1 << 20);

	mallocs_until_failure = 0;
	for (int round = 0; round < 100; round++) {
		ck_assert_ptr_nonnull(arena_alloc(arena, 30000));
		arena_reset(arena);
	}
	arena_free(arena);
}

START_TEST(survives_a_system_without_memory)
{
	struct arena *arena = arena_new(1 << 20);

	mallocs_until_failure = 0;
	ck_assert_ptr_nonnull(arena_alloc(arena, 30000));
	ck_assert_ptr_null(arena_alloc(arena, 30000));
	ck_assert_ptr_null(arena_copy(arena, zeros, 30000));
	ck_assert_ptr_null(arena_printf(arena, "%30000d", 1));
	ck_assert_ptr_nonnull(arena_alloc(arena, 1000));
	mallocs_until_failure = -1;
	ck_assert_ptr_nonnull(arena_alloc(arena, 30000));
	arena_free(arena);
	ck_assert_int_eq(blocks_held, 0);
}

START_TEST(ends_a_start_without_memory)
{
	mallocs_until_failure = _i;
	unit_capture(2);
	arena_new(4096);
}

START_TEST(nothing_can_be_freed)
{
	arena_free(NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, memory_is_zeroed_and_aligned, sizes);
	tcase_add_test(tests, pieces_do_not_overlap);
	tcase_add_test(tests, maximum_is_kept);
	tcase_add_test(tests, maximum_is_kept_over_many_blocks);
	tcase_add_test(tests, copies_bytes);
	tcase_add_test(tests, the_end_of_a_string_takes_room_too);
	tcase_add_test(tests, formats_strings);
	tcase_add_test(tests, deferred_are_released_once_last_first);
	tcase_add_test(
	    tests, deferred_that_cannot_be_noted_is_released_at_once);
	tcase_add_test(tests, deferred_still_sees_the_arena);
	tcase_add_test(tests, everything_is_wiped);
	tcase_add_test(tests, a_reset_makes_room);
	tcase_add_test(tests, survives_a_system_without_memory);
	tcase_add_loop_exit_test(tests, ends_a_start_without_memory, 71, 0, 2);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("arena", add);
}
