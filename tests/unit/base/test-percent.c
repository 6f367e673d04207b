#include <string.h>

#include "base/percent.h"
#include "unit.h"

/* all_or_slash - what a path keeps */
static int
all_or_slash(int byte)
{
	return percent_unreserved(byte) || byte == '/';
}

static const struct {
	const char *text, *encoded;
	size_t len;
} texts[] = {
	{ "", "", 0 },
	{ "AZaz09-._~", "AZaz09-._~", 10 },
	{ "a b+c&d=e", "a%20b%2Bc%26d%3De", 9 },
	{ "%41", "%2541", 3 },
	{ "\xc3\xa9", "%C3%A9", 2 },
	{ "a\0\xff", "a%00%FF", 3 },
	{ "/?#[]@!$'()*,;:", "%2F%3F%23%5B%5D%40%21%24%27%28%29%2A%2C%3B%3A",
	    15 },
};

START_TEST(what_is_reserved_or_no_ascii_is_encoded)
{
	char buffer[64];
	char *end = percent_encode(
	    buffer, texts[_i].text, texts[_i].len, percent_unreserved);

	*end = '\0';
	ck_assert_str_eq(buffer, texts[_i].encoded);
}

START_TEST(a_caller_may_keep_more)
{
	char buffer[64];

	*percent_encode(buffer, "/a b/", 5, all_or_slash) = '\0';
	ck_assert_str_eq(buffer, "/a%20b/");
}

START_TEST(no_byte_grows_beyond_what_is_said)
{
	char text[256], buffer[PERCENT_GROWTH * sizeof text];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	ck_assert(percent_encode(buffer, text, sizeof text,
		      percent_unreserved) <= buffer + sizeof buffer);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, what_is_reserved_or_no_ascii_is_encoded, texts);
	tcase_add_test(tests, a_caller_may_keep_more);
	tcase_add_test(tests, no_byte_grows_beyond_what_is_said);
}

int
main(void)
{
	return unit_main("percent", add);
}
