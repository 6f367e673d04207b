#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_grammar.h"
#include "unit.h"

#define BYTES(literal) literal, sizeof(literal) - 1

/* wrong_at - of exactly these bytes; SIZE_MAX when nothing is wrong */
static size_t
wrong_at(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	size_t at;
	bool right;

	memcpy(copy, text, len);
	right = json_grammar(copy, len, &at);
	free(copy);
	if (right)
		ck_assert_uint_eq(at, len);
	return right ? SIZE_MAX : at;
}

/* Harmless texts, and what json-c of any release prints of them. */
static const struct {
	const char *text;
	size_t len;
	const char *printed;
} harmless[] = {
	{ BYTES("{}"), "{}" },
	{ BYTES("[]"), "[]" },
	{ BYTES(" \t\r\n[ ] \t\r\n"), "[]" },
	{ BYTES("{\"name\":\"Jos\xc3\xa9\"}"), "{\"name\":\"Jos\xc3\xa9\"}" },
	{ BYTES("{\"\xe5\x90\x8d\":\"\xf0\x9f\x98\x80\"}"),
	    "{\"\xe5\x90\x8d\":\"\xf0\x9f\x98\x80\"}" },
	{ BYTES("[\"\x7f\",\"\xc2\x80\",\"\xef\xbf\xbf\"]"),
	    "[\"\x7f\",\"\xc2\x80\",\"\xef\xbf\xbf\"]" },
	{ BYTES("[\"\\u00e9\\uD83D\\uDe00\"]"),
	    "[\"\xc3\xa9\xf0\x9f\x98\x80\"]" },
	{ BYTES("[\"\\ud800\",\"\\udc00\",\"\\ud800\\u0041\"]"),
	    "[\"\xef\xbf\xbd\",\"\xef\xbf\xbd\",\"\xef\xbf\xbd"
	    "A\"]" },
	{ BYTES("[\"\\u0000\"]"), "[\"\\u0000\"]" },
	{ BYTES("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	    "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]" },
	{ BYTES("[true,false,null]"), "[true,false,null]" },
	{ BYTES("[0,-0,10,-1]"), "[0,0,10,-1]" },
	{ BYTES("[0.5,1e5,1E+5,1e-5,-0.0]"), "[0.5,1e5,1E+5,1e-5,-0.0]" },
	{ BYTES("[1e400]"), "[1e400]" },
	{ BYTES("[9223372036854775808]"), "[9223372036854775808]" },
	/* what has more than 64 bits is still JSON; its value is lost */
	{ BYTES("[18446744073709551616]"), "[18446744073709551615]" },
	{ BYTES("[-9223372036854775809]"), "[-9223372036854775808]" },
	{ BYTES("{\"a\":1,\"a\":2}"), "{\"a\":2}" },
	{ BYTES("{\"\":{\"\":[[],{}]}}"), "{\"\":{\"\":[[],{}]}}" },
};

START_TEST(harmless_texts_mean_the_same_to_every_json_c)
{
	json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	json_object *parsed;

	ck_assert_uint_eq(
	    wrong_at(harmless[_i].text, harmless[_i].len), SIZE_MAX);
	parsed = json_tokener_parse_ex(
	    tokener, harmless[_i].text, (int)harmless[_i].len);
	ck_assert_ptr_nonnull(parsed);
	ck_assert_str_eq(json_object_to_json_string_ext(
			     parsed, JSON_C_TO_STRING_NOSLASHESCAPE),
	    harmless[_i].printed);
	json_object_put(parsed);
	json_tokener_free(tokener);
}

/* Hostile texts, and the offset of the first byte that is wrong. */
static const struct {
	const char *text;
	size_t len, at;
} hostile[] = {
	{ BYTES(""), 0 },
	{ BYTES(" "), 1 },
	{ BYTES("5"), 0 },
	{ BYTES("\"a\""), 0 },
	{ BYTES("null"), 0 },
	{ BYTES("{"), 1 },
	{ BYTES("[1,]"), 3 },
	{ BYTES("[,1]"), 1 },
	{ BYTES("{\"a\":1,}"), 7 },
	{ BYTES("{a:1}"), 1 },
	{ BYTES("{'a':1}"), 1 },
	{ BYTES("{\"a\" 1}"), 5 },
	{ BYTES("{\"a\":}"), 5 },
	{ BYTES("{\"a\":1 \"b\":2}"), 7 },
	{ BYTES("{} {}"), 3 },
	{ BYTES("{}\0"), 2 },
	{ BYTES("{}\f"), 2 },
	{ BYTES("\xef\xbb\xbf{}"), 0 },
	{ BYTES("[/**/1]"), 1 },
	{ BYTES("[1]//"), 3 },
	{ BYTES("[TRUE]"), 1 },
	{ BYTES("[tru]"), 4 },
	{ BYTES("[trueish]"), 5 },
	{ BYTES("[NaN]"), 1 },
	{ BYTES("[-Infinity]"), 2 },
	{ BYTES("[01]"), 2 },
	{ BYTES("[-01]"), 3 },
	{ BYTES("[+1]"), 1 },
	{ BYTES("[.5]"), 1 },
	{ BYTES("[1.]"), 3 },
	{ BYTES("[1.e5]"), 3 },
	{ BYTES("[1e]"), 3 },
	{ BYTES("[1e+]"), 4 },
	{ BYTES("[-]"), 2 },
	{ BYTES("[--1]"), 2 },
	{ BYTES("[0x10]"), 2 },
	{ BYTES("[1"), 2 },
	{ BYTES("[\"a"), 3 },
	{ BYTES("[\"\n\"]"), 2 },
	{ BYTES("[\"\x1f\"]"), 2 },
	{ BYTES("[\"\0\"]"), 2 },
	{ BYTES("[\"\\\0\"]"), 3 },
	{ BYTES("[\"\\"), 3 },
	{ BYTES("[\"\\x41\"]"), 3 },
	{ BYTES("[\"\\u12g4\"]"), 6 },
	{ BYTES("[\"\\u12"), 6 },
	{ BYTES("[\"\xff\"]"), 2 },
	{ BYTES("[\"\xc3"), 2 },
	{ BYTES("[\"\xc0\x80\"]"), 2 },
	{ BYTES("[\"\xed\xa0\x80\"]"), 2 },
	{ BYTES("[\"\xf4\x90\x80\x80\"]"), 2 },
	{ BYTES("[\xc3\xa9]"), 1 },
};

START_TEST(hostile_texts_are_refused_where_they_are_wrong)
{
	ck_assert_uint_eq(
	    wrong_at(hostile[_i].text, hostile[_i].len), hostile[_i].at);
}

/* What is right is wrong as soon as its end is missing. */
START_TEST(a_text_that_is_cut_is_wrong_at_its_end)
{
	static const char text[] =
	    "{\"a\":[1.5e3,\"\\u00e9\",true,null,{\"b\":[]}]}";

	for (size_t len = 0; len < sizeof text - 1; len++)
		ck_assert_uint_eq(wrong_at(text, len), len);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(
	    tests, harmless_texts_mean_the_same_to_every_json_c, harmless);
	unit_add_table(
	    tests, hostile_texts_are_refused_where_they_are_wrong, hostile);
	tcase_add_test(tests, a_text_that_is_cut_is_wrong_at_its_end);
}

int
main(void)
{
	return unit_main("json_grammar", add);
}
