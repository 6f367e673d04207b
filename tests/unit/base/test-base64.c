#include <string.h>

#include "base/base64.h"
#include "unit.h"

static struct arena *arena;

/* set_up - room for texts */
static void
set_up(void)
{
	arena = arena_new(1 << 16);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
}

/* RFC 4648, section 10, and what the two alphabets differ in. */
static const struct {
	const char *bytes, *padded, *url;
} pairs[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+", "-__-" },
};

START_TEST(bytes_are_written_in_both_alphabets)
{
	size_t len = strlen(pairs[_i].bytes);
	char buffer[16];

	*base64_encode(buffer, pairs[_i].bytes, len) = '\0';
	ck_assert_str_eq(buffer, pairs[_i].padded);
	ck_assert_str_eq(
	    base64_url_encode(arena, pairs[_i].bytes, len), pairs[_i].url);
}

START_TEST(what_was_written_is_read)
{
	size_t len = 77;
	unsigned char *bytes = base64_url_decode(
	    arena, pairs[_i].url, strlen(pairs[_i].url), &len);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_uint_eq(len, strlen(pairs[_i].bytes));
	ck_assert_str_eq((char *)bytes, pairs[_i].bytes);
}

/* Two texts may never stand for the same bytes: a licence has one spelling. */
static const char *const refused[] = {
	"A",
	"AAAAA", /* six bits are no byte */
	"Zh",
	"Zm9", /* bits behind the last byte */
	"Zg==",
	"Zm8=",
	"====", /* padding */
	"Zm+v",
	"Zm/v", /* the other alphabet */
	"Zm9v ",
	" Zm9v",
	"Zm9v\n",
	"Zm\n9v",
	"Zm9v\x80",
	"Zm,v",
};

START_TEST(another_spelling_is_refused)
{
	size_t len;

	ck_assert_ptr_null(
	    base64_url_decode(arena, refused[_i], strlen(refused[_i]), &len));
}

START_TEST(a_nul_inside_is_refused)
{
	size_t len;

	ck_assert_ptr_null(base64_url_decode(arena, "Zm\0v", 4, &len));
}

START_TEST(every_byte_survives)
{
	unsigned char bytes[256], *read;
	const char *text;
	size_t len;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	text = base64_url_encode(arena, bytes, sizeof bytes);
	read = base64_url_decode(arena, text, strlen(text), &len);
	ck_assert_uint_eq(len, sizeof bytes);
	ck_assert_mem_eq(read, bytes, sizeof bytes);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, bytes_are_written_in_both_alphabets, pairs);
	unit_add_table(tests, what_was_written_is_read, pairs);
	unit_add_table(tests, another_spelling_is_refused, refused);
	tcase_add_test(tests, a_nul_inside_is_refused);
	tcase_add_test(tests, every_byte_survives);
}

int
main(void)
{
	return unit_main("base64", add);
}
