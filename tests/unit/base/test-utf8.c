#include <string.h>

#include "unit.h"
#include "base/utf8.h"

/* A character, and its length; 0 where there is none. */
static const struct {
	const char *text;
	size_t len, size;
} characters[] = {
	{ "", 0, 0 },
	{ "a", 1, 1 },
	{ "\x7f", 1, 1 },
	{ "\xc3\xa9", 2, 2 },
	{ "\xc3\xa9", 1, 0 },
	{ "\xe2\x82\xac", 3, 3 },
	{ "\xe2\x82", 2, 0 },
	{ "\xf0\x9f\x98\x80", 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "\x80", 1, 0 },
	{ "\xc0\x80", 2, 0 },	      /* overlong */
	{ "\xc1\xbf", 2, 0 },	      /* overlong */
	{ "\xe0\x9f\xbf", 3, 0 },     /* overlong */
	{ "\xf0\x8f\xbf\xbf", 4, 0 }, /* overlong */
	{ "\xed\xa0\x80", 3, 0 },     /* a surrogate */
	{ "\xed\x9f\xbf", 3, 3 },
	{ "\xf4\x90\x80\x80", 4, 0 }, /* beyond the last one */
	{ "\xf5\x80\x80\x80", 4, 0 },
	{ "\xc3(", 2, 0 },
	{ "\xe2\x82(", 3, 0 },
};

START_TEST(a_character_is_as_long_as_unicode_says)
{
	ck_assert_uint_eq(utf8_char(characters[_i].text, characters[_i].len),
	    characters[_i].size);
}

START_TEST(a_text_is_valid_as_a_whole)
{
	ck_assert(utf8_valid("", 0));
	ck_assert(utf8_valid("Gr\xc3\xbc\xc3\x9f"
			     "e",
	    7));
	ck_assert(!utf8_valid("Gr\xc3\xbc\xc3", 5));
	ck_assert(!utf8_valid("a\0b", 3));
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(
	    tests, a_character_is_as_long_as_unicode_says, characters);
	tcase_add_test(tests, a_text_is_valid_as_a_whole);
}

int
main(void)
{
	return unit_main("utf8", add);
}
