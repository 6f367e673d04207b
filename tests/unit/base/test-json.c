#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "unit.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static struct arena *arena;

/* set_up - an arena for every test */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

/* tear_down - the documents go with it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* parse - a copy of exactly these bytes, so that a tool sees a read too far */
static enum rc
parse(const char *text, size_t len, json_object **document)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum rc rc;

	memcpy(copy, text, len);
	rc = json_parse(arena, copy, len, document);
	free(copy);
	if (rc != RC_OK)
		ck_assert_ptr_null(*document);
	return rc;
}

/* document - a text that must be right */
static json_object *
document(const char *text)
{
	json_object *parsed;

	ck_assert_int_eq(parse(text, strlen(text), &parsed), RC_OK);
	return parsed;
}

/* A text and what it is when it is printed again. */
static const struct {
	const char *text;
	size_t len;
	const char *printed;
} documents[] = {
	{ BYTES("{}"), "{}" },
	{ BYTES("[]"), "[]" },
	{ BYTES(" \t\r\n{} \t\r\n"), "{}" },
	{ BYTES("{\"a\":[1,\"b\",null,true,{\"c\":false}]}"),
	    "{\"a\":[1,\"b\",null,true,{\"c\":false}]}" },
	{ BYTES("{ \"a\" : 1 , \"b\" : [ ] }"), "{\"a\":1,\"b\":[]}" },
	{ BYTES("[0,-1,9007199254740993,9223372036854775807]"),
	    "[0,-1,9007199254740993,9223372036854775807]" },
	{ BYTES("[\"\\\"\\\\\\b\\f\\n\\r\\t\"]"),
	    "[\"\\\"\\\\\\b\\f\\n\\r\\t\"]" },
	{ BYTES("[\"\\u00e9\\u20ac\\ud83d\\ude00\"]"),
	    "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]" },
	{ BYTES("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"),
	    "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]" },
	{ BYTES("[\"\\u0000\"]"), "[\"\\u0000\"]" },
	{ BYTES("{\"\":1}"), "{\"\":1}" },
	/* half of a pair is no character: it is replaced */
	{ BYTES("[\"\\ud800\"]"), "[\"\xef\xbf\xbd\"]" },
	{ BYTES("[\"\\udc00x\"]"), "[\"\xef\xbf\xbdx\"]" },
	{ BYTES("[\"a b\",\" \"]"), "[\"a b\",\" \"]" },
	/* what is no JSON outside of a string may be in one */
	{ BYTES("[\"NaN\",\"-Infinity\",\"it's\",\"/**/\",\"\x7f\"]"),
	    "[\"NaN\",\"-Infinity\",\"it's\",\"/**/\",\"\x7f\"]" },
	{ BYTES("[\"\\\"N'\",\"\\\\\",\"I\"]"), "[\"\\\"N'\",\"\\\\\",\"I\"]" },
	/* of duplicate keys the last one counts */
	{ BYTES("{\"a\":1,\"b\":2,\"a\":3}"), "{\"a\":3,\"b\":2}" },
};

START_TEST(reads_documents)
{
	json_object *parsed;

	ck_assert_int_eq(
	    parse(documents[_i].text, documents[_i].len, &parsed), RC_OK);
	ck_assert_str_eq(json_object_to_json_string_ext(
			     parsed, JSON_C_TO_STRING_NOSLASHESCAPE),
	    documents[_i].printed);
}

static const struct {
	const char *text;
	size_t len;
} broken[] = {
	{ BYTES("") },
	{ BYTES(" ") },
	{ BYTES("{") },
	{ BYTES("}") },
	{ BYTES("[") },
	{ BYTES("[1") },
	{ BYTES("[1,") },
	{ BYTES("{\"a\":1") },
	{ BYTES("{\"a\"}") },
	{ BYTES("{\"a\":}") },
	{ BYTES("{:1}") },
	{ BYTES("{a:1}") },
	{ BYTES("{\"a\" \"b\"}") },
	{ BYTES("{\"a\":1 \"b\":2}") },
	{ BYTES("[1 2]") },
	{ BYTES("[1,,2]") },
	{ BYTES("[,1]") },
	{ BYTES("[1,]") },
	{ BYTES("{\"a\":1,}") },
	{ BYTES("[\"a]") },
	{ BYTES("[}") },
	{ BYTES("{]") },
	{ BYTES("id=evt_1&type=x") },
	{ BYTES("<event/>") },
	/* something after it */
	{ BYTES("{}x") },
	{ BYTES("{}{}") },
	{ BYTES("{} []") },
	{ BYTES("[]]") },
	{ BYTES("{}}") },
	{ BYTES("{},") },
	{ BYTES("{}\f") },
	{ BYTES("{}\v") },
	/* comments and what else is not in the standard */
	{ BYTES("/**/{}") },
	{ BYTES("[/**/1]") },
	{ BYTES("{}//x") },
	{ BYTES("\f{}") },
	{ BYTES("[TRUE]") },
	{ BYTES("[None]") },
	{ BYTES("[nul]") },
	{ BYTES("[nan]") },
	{ BYTES("[0x10]") },
	{ BYTES("[+1]") },
	{ BYTES("[.5]") },
	{ BYTES("[-]") },
	{ BYTES("[1e]") },
	{ BYTES("[1.2.3]") },
	{ BYTES("[1-2]") },
	{ BYTES("[01]") },
	{ BYTES("[NaN]") },
	{ BYTES("[Infinity]") },
	{ BYTES("[-Infinity]") },
	{ BYTES("[\"\\\\\",NaN]") },
	{ BYTES("{'a':1}") },
	{ BYTES("{\"a\":'b'}") },
	{ BYTES("[\"\n\"]") },
	{ BYTES("[\"a\tb\"]") },
	{ BYTES("[\"\x01\"]") },
	{ BYTES("[\"\x1f\"]") },
	{ BYTES("{\"a\r\":1}") },
	{ BYTES("[\"\\x41\"]") },
	{ BYTES("[\"\\u12\"]") },
	{ BYTES("[\"\\u12g4\"]") },
	/* NUL bytes, wherever they are */
	{ BYTES("\0") },
	{ BYTES("\0{}") },
	{ BYTES("{}\0") },
	{ BYTES("{}\0\0") },
	{ BYTES("{} \0") },
	{ BYTES("{\0}") },
	{ BYTES("[1\0]") },
	{ BYTES("[\"a\0b\"]") },
	{ BYTES("{\"a\0\":1}") },
	{ BYTES("{\"a\":1}\0{\"a\":2}") },
	/* byte order marks and other encodings */
	{ BYTES("\xef\xbb\xbf{}") },
	{ BYTES("\xff\xfe{\0}\0") },
	{ BYTES("\xfe\xff\0{\0}") },
	{ BYTES("{\0}\0") },
};

START_TEST(refuses_what_is_not_json)
{
	json_object *parsed;

	ck_assert_int_eq(
	    parse(broken[_i].text, broken[_i].len, &parsed), RC_BAD_REQUEST);
}

/* Characters that are none: Unicode's table 3-7 names the good ones. */
static const char *const not_utf8[] = {
	"\x80",
	"\xbf",
	"\xc3",
	"\xc3\x28",
	"\xc3\xc3",
	"\xc3\xa9\xa9",
	"\xe2\x82",
	"\xe2\x28\xa1",
	"\xe2\x82\x28",
	"\xf0\x9f\x98",
	"\xf0\x28\x98\x80",
	"\xf0\x9f\x28\x80",
	"\xf0\x9f\x98\x28",
	/* longer than need be */
	"\xc0\x80",
	"\xc0\xaf",
	"\xc1\xbf",
	"\xe0\x80\x80",
	"\xe0\x9f\xbf",
	"\xf0\x80\x80\x80",
	"\xf0\x8f\xbf\xbf",
	/* halves of pairs */
	"\xed\xa0\x80",
	"\xed\xad\xbf",
	"\xed\xbf\xbf",
	/* beyond U+10FFFF */
	"\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xf7\xbf\xbf\xbf",
	"\xf8\x88\x80\x80\x80",
	"\xfc\x84\x80\x80\x80\x80",
	"\xfe",
	"\xff",
};

START_TEST(refuses_what_is_not_utf8)
{
	static const char *const places[][2] = { { "[\"", "\"]" },
		{ "{\"", "\":1}" }, { "{\"a\":\"x", "" }, { "[1]", "" },
		{ "", "" }, { "[\"", "\xc3\xa9\"]" } };
	json_object *parsed;
	char text[64];

	for (size_t i = 0; i < COUNT(places); i++) {
		snprintf(text, sizeof text, "%s%s%s", places[i][0],
		    not_utf8[_i], places[i][1]);
		ck_assert_msg(
		    parse(text, strlen(text), &parsed) == RC_BAD_REQUEST,
		    "place %zu", i);
	}
}

/* encode - a code point as UTF-8; returns its length */
static size_t
encode(unsigned point, char *bytes)
{
	if (point < 0x800) {
		bytes[0] = (char)(0xc0 | point >> 6);
		bytes[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		bytes[0] = (char)(0xe0 | point >> 12);
		bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | point >> 18);
	bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

START_TEST(reads_every_character)
{
	char *text = malloc(4 * 0x110000 + 4);
	json_object *parsed;
	size_t len = 2;

	memcpy(text, "[\"", 2);
	for (unsigned point = 0x80; point < 0x110000; point++) {
		if (point < 0xd800 || point > 0xdfff)
			len += encode(point, text + len);
	}
	memcpy(text + len, "\"]", 2);
	ck_assert_int_eq(parse(text, len + 2, &parsed), RC_OK);
	ck_assert_int_eq(
	    json_object_get_string_len(json_object_array_get_idx(parsed, 0)),
	    (int)len - 2);
	free(text);
}

START_TEST(refuses_every_surrogate)
{
	char text[] = "[\"...\"]";
	json_object *parsed;

	for (unsigned point = 0xd800; point < 0xe000; point++) {
		encode(point, text + 2);
		if (parse(text, strlen(text), &parsed) != RC_BAD_REQUEST)
			ck_abort_msg("U+%X", point);
	}
}

/* nested - open and close, count times, around a middle */
static enum rc
nested(const char *open, const char *middle, const char *close, size_t count)
{
	char *text = malloc(count * (strlen(open) + strlen(close)) + 8);
	char *end = text;
	json_object *parsed;
	enum rc rc;

	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, open);
	end = stpcpy(end, middle);
	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, close);
	rc = parse(text, (size_t)(end - text), &parsed);
	free(text);
	return rc;
}

START_TEST(depth_has_a_maximum)
{
	ck_assert_int_eq(nested("[", "", "]", 64), RC_OK);
	ck_assert_int_eq(nested("[", "", "]", 65), RC_BAD_REQUEST);
	/* the innermost value is a level too */
	ck_assert_int_eq(nested("[", "1", "]", 63), RC_OK);
	ck_assert_int_eq(nested("[", "1", "]", 64), RC_BAD_REQUEST);
	ck_assert_int_eq(nested("{\"a\":", "{}", "}", 63), RC_OK);
	ck_assert_int_eq(nested("{\"a\":", "{}", "}", 64), RC_BAD_REQUEST);
	ck_assert_int_eq(nested("[", "", "]", 10000), RC_BAD_REQUEST);
	ck_assert_int_eq(nested("{\"a\":", "1", "}", 10000), RC_BAD_REQUEST);
	ck_assert_int_eq(nested("[", "", "", 10000), RC_BAD_REQUEST);
	ck_assert_int_eq(nested("[{\"a\":", "", "", 130000), RC_BAD_REQUEST);
}

START_TEST(length_has_a_maximum)
{
	json_object *parsed;

	ck_assert_int_eq(
	    json_parse(arena, "{}", (size_t)INT32_MAX + 1, &parsed),
	    RC_TOO_LARGE);
	ck_assert_ptr_null(parsed);
}

START_TEST(documents_need_room_in_the_arena)
{
	struct arena *full = arena_new(8);
	json_object *parsed;

	ck_assert_int_eq(json_parse(full, "{}", 2, &parsed), RC_TOO_LARGE);
	ck_assert_ptr_null(parsed);
	arena_free(full);
}

START_TEST(members_are_found)
{
	json_object *root = document(
	    "{\"a\":{\"b\":{\"c\":5}},\"n\":null,\"s\":\"x\",\"l\":[{}]}");

	ck_assert_ptr_nonnull(json_member(root, "a"));
	ck_assert_ptr_null(json_member(root, "n"));
	ck_assert_ptr_null(json_member(root, "z"));
	ck_assert_ptr_null(json_member(root, ""));
	ck_assert_ptr_null(json_member(NULL, "a"));
	ck_assert_ptr_null(json_member(json_member(root, "s"), "x"));
	ck_assert_ptr_null(json_member(json_member(root, "l"), "0"));
}

START_TEST(paths_are_followed)
{
	json_object *root = document(
	    "{\"a\":{\"b\":{\"c\":5}},\"n\":null,\"s\":\"x\"}");

	ck_assert_ptr_eq(json_path(root, NULL), root);
	ck_assert_int_eq(
	    json_object_get_int(json_path(root, "a", "b", "c", NULL)), 5);
	ck_assert_ptr_null(json_path(root, "a", "x", "c", NULL));
	ck_assert_ptr_null(json_path(root, "n", "b", NULL));
	ck_assert_ptr_null(json_path(root, "s", "b", NULL));
	ck_assert_ptr_null(json_path(root, "a", "b", "c", "d", NULL));
	ck_assert_ptr_null(json_path(NULL, "a", NULL));
}

/* member - an object whose only member "k" has this value */
static json_object *
member(const char *value)
{
	char text[128];

	snprintf(text, sizeof text, "{\"k\":%s}", value);
	return document(text);
}

/* Values of a member, and what each getter makes of them. */
static const struct {
	const char *value;
	enum rc as_string;
	const char *string;
	enum rc as_id;
	const char *id;
	enum rc as_boolean;
	enum rc as_integer; /* from -5 to 10 */
} values[] = {
#define NO RC_BAD_REQUEST
	{ "\"x\"", RC_OK, "x", RC_OK, "x", NO, NO },
	{ "\"\"", RC_OK, "", NO, NULL, NO, NO },
	{ "\"\\u00e9\"", RC_OK, "\xc3\xa9", RC_OK, "\xc3\xa9", NO, NO },
	{ "\"7\"", RC_OK, "7", RC_OK, "7", NO, NO },
	{ "\"true\"", RC_OK, "true", RC_OK, "true", NO, NO },
	{ "\"a\\u0000b\"", NO, NULL, NO, NULL, NO, NO },
	{ "\"\\u0000\"", NO, NULL, NO, NULL, NO, NO },
	{ "true", NO, NULL, NO, NULL, RC_OK, NO },
	{ "false", NO, NULL, NO, NULL, RC_OK, NO },
	{ "0", NO, NULL, NO, NULL, NO, RC_OK },
	{ "10", NO, NULL, NO, NULL, NO, RC_OK },
	{ "11", NO, NULL, NO, NULL, NO, NO },
	{ "-5", NO, NULL, NO, NULL, NO, RC_OK },
	{ "-6", NO, NULL, NO, NULL, NO, NO },
	{ "1.0", NO, NULL, NO, NULL, NO, NO },
	{ "0.5", NO, NULL, NO, NULL, NO, NO },
	{ "1e1", NO, NULL, NO, NULL, NO, NO },
	{ "1e400", NO, NULL, NO, NULL, NO, NO },
	{ "9223372036854775808", NO, NULL, NO, NULL, NO, NO },
	{ "18446744073709551615", NO, NULL, NO, NULL, NO, NO },
	{ "18446744073709551621", NO, NULL, NO, NULL, NO, NO },
	{ "-9223372036854775809", NO, NULL, NO, NULL, NO, NO },
	{ "99999999999999999999999999999999999", NO, NULL, NO, NULL, NO, NO },
	{ "[]", NO, NULL, NO, NULL, NO, NO },
	{ "[\"x\"]", NO, NULL, NO, NULL, NO, NO },
	{ "{}", NO, NULL, NO, NULL, NO, NO },
	{ "{\"id\":\"x\"}", NO, NULL, RC_OK, "x", NO, NO },
	{ "{\"id\":\"x\",\"object\":\"customer\"}", NO, NULL, RC_OK, "x", NO,
	    NO },
	{ "{\"id\":null}", NO, NULL, NO, NULL, NO, NO },
	{ "{\"id\":5}", NO, NULL, NO, NULL, NO, NO },
	{ "{\"id\":{\"id\":\"x\"}}", NO, NULL, NO, NULL, NO, NO },
	{ "null", RC_NOT_FOUND, NULL, RC_NOT_FOUND, NULL, RC_NOT_FOUND,
	    RC_NOT_FOUND },
	{ "1,\"k\":\"last\"", RC_OK, "last", RC_OK, "last", NO, NO },
	{ "\"first\",\"k\":2", NO, NULL, NO, NULL, NO, RC_OK },
#undef NO
};

START_TEST(strings_are_strings)
{
	const char *string = "untouched";

	ck_assert_int_eq(json_string(member(values[_i].value), "k", &string),
	    values[_i].as_string);
	ck_assert_pstr_eq(string, values[_i].string);
}

START_TEST(ids_are_strings_or_objects_with_one)
{
	const char *id = "untouched";

	ck_assert_int_eq(
	    json_id(member(values[_i].value), "k", &id), values[_i].as_id);
	ck_assert_pstr_eq(id, values[_i].id);
}

START_TEST(booleans_are_booleans)
{
	bool is_true = strcmp(values[_i].value, "true") == 0, boolean;

	boolean = !is_true;
	ck_assert_int_eq(json_boolean(member(values[_i].value), "k", &boolean),
	    values[_i].as_boolean);
	ck_assert_int_eq(
	    boolean, values[_i].as_boolean == RC_OK ? is_true : !is_true);
}

START_TEST(integers_are_whole_and_in_range)
{
	int64_t integer = 77;

	ck_assert_int_eq(
	    json_integer(member(values[_i].value), "k", -5, 10, &integer),
	    values[_i].as_integer);
	if (values[_i].as_integer == RC_OK) {
		ck_assert_int_ge(integer, -5);
		ck_assert_int_le(integer, 10);
	} else
		ck_assert_int_eq(integer, 77);
}

START_TEST(integers_can_be_as_large_as_the_type)
{
	int64_t integer;

	ck_assert_int_eq(json_integer(member("9223372036854775807"), "k",
			     INT64_MIN, INT64_MAX, &integer),
	    RC_OK);
	ck_assert_int_eq(integer, INT64_MAX);
	ck_assert_int_eq(json_integer(member("-9223372036854775808"), "k",
			     INT64_MIN, INT64_MAX, &integer),
	    RC_OK);
	ck_assert_int_eq(integer, INT64_MIN);
	ck_assert_int_eq(json_integer(member("253402300799"), "k", 0,
			     JSON_TIME_MAX, &integer),
	    RC_OK);
	ck_assert_int_eq(json_integer(member("253402300800"), "k", 0,
			     JSON_TIME_MAX, &integer),
	    RC_BAD_REQUEST);
}

START_TEST(what_is_missing_is_not_found)
{
	json_object *root = document("{\"other\":1}");
	const char *string;
	int64_t integer;
	bool boolean;

	ck_assert_int_eq(json_string(root, "k", &string), RC_NOT_FOUND);
	ck_assert_int_eq(json_id(root, "k", &string), RC_NOT_FOUND);
	ck_assert_int_eq(json_boolean(root, "k", &boolean), RC_NOT_FOUND);
	ck_assert_int_eq(json_integer(root, "k", 0, 9, &integer), RC_NOT_FOUND);
	ck_assert_int_eq(json_string(NULL, "k", &string), RC_NOT_FOUND);
	ck_assert_int_eq(json_id(NULL, "k", &string), RC_NOT_FOUND);
}

START_TEST(strings_have_a_maximum)
{
	static const size_t lengths[] = { 1023, 1024, 1025, 100000 };
	char *text = malloc(100100);
	json_object *parsed;
	const char *string;
	int len;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		len = sprintf(text, "{\"k\":\"%0*d\",\"o\":{\"id\":\"%0*d\"}}",
		    (int)lengths[i], 0, (int)(lengths[i] % 2000), 0);
		ck_assert_int_eq(parse(text, (size_t)len, &parsed), RC_OK);
		ck_assert_int_eq(json_string(parsed, "k", &string),
		    lengths[i] <= JSON_STRING_MAX ? RC_OK : RC_BAD_REQUEST);
		if (lengths[i] <= JSON_STRING_MAX)
			ck_assert_uint_eq(strlen(string), lengths[i]);
		ck_assert_int_eq(json_id(parsed, "o", &string),
		    lengths[i] % 2000 <= JSON_STRING_MAX ? RC_OK :
							   RC_BAD_REQUEST);
	}
	free(text);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, reads_documents, documents);
	unit_add_table(tests, refuses_what_is_not_json, broken);
	unit_add_table(tests, refuses_what_is_not_utf8, not_utf8);
	tcase_add_test(tests, reads_every_character);
	tcase_add_test(tests, refuses_every_surrogate);
	tcase_add_test(tests, depth_has_a_maximum);
	tcase_add_test(tests, length_has_a_maximum);
	tcase_add_test(tests, documents_need_room_in_the_arena);
	tcase_add_test(tests, members_are_found);
	tcase_add_test(tests, paths_are_followed);
	unit_add_table(tests, strings_are_strings, values);
	unit_add_table(tests, ids_are_strings_or_objects_with_one, values);
	unit_add_table(tests, booleans_are_booleans, values);
	unit_add_table(tests, integers_are_whole_and_in_range, values);
	tcase_add_test(tests, integers_can_be_as_large_as_the_type);
	tcase_add_test(tests, what_is_missing_is_not_found);
	tcase_add_test(tests, strings_have_a_maximum);
}

int
main(void)
{
	return unit_main("json", add);
}
