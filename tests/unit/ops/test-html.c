#include <stdio.h>
#include <string.h>

#include "ops/html.h"
#include "unit.h"

#define DOCTYPE "<!DOCTYPE html>\n"
#define NONE "\xef\xbf\xbd"

static struct arena *arena;
static struct html *html;

/* set_up - a page */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
	html = html_new(arena);
}

/* tear_down - and no more of it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* written - what follows the doctype */
static const char *
written(void)
{
	const char *text;
	size_t len;

	text = html_end(html, &len);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), len);
	unit_assert_begins(text, DOCTYPE);
	return text + sizeof DOCTYPE - 1;
}

/* A text, and what stands for it in a page. */
static const struct {
	const char *text, *written;
} texts[] = {
	{ "plain", "plain" }, { "", "" }, { NULL, "" },
	{ "<script>alert('1')</script>",
	    "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;" },
	{ "a \"b\" &amp; c", "a &quot;b&quot; &amp;amp; c" },
	{ "Zo\xc3\xab \xe2\x82\xac", "Zo\xc3\xab \xe2\x82\xac" },
	{ "two\nlines\tand", "two\nlines\tand" },
	{ "\x1b[31m\x7f\r", NONE "[31m" NONE NONE }, { "\xff<", NONE "&lt;" },
	{ "\xc3", NONE }, { "\xc0\xbc", NONE NONE }, /* an overlong < */
	{ "\xed\xa0\x80", NONE NONE NONE },	     /* a surrogate */
};

START_TEST(texts_are_escaped)
{
	html_text(html, texts[_i].text);
	ck_assert_str_eq(written(), texts[_i].written);
}

START_TEST(values_of_attributes_are_escaped)
{
	char expected[256];

	snprintf(
	    expected, sizeof expected, "<a href=\"%s\">", texts[_i].written);
	html_open(html, "a", "href", texts[_i].text, NULL);
	ck_assert_str_eq(written(), texts[_i].text != NULL ? expected : "<a>");
}

START_TEST(formatted_texts_are_escaped)
{
	html_textf(html, "%s %d", "<b>", 1);
	ck_assert_str_eq(written(), "&lt;b&gt; 1");
}

START_TEST(a_leaf_is_opened_and_closed)
{
	html_leaf(html, "p", "x", "class", "c", "id", NULL, "lang", "en", NULL);
	ck_assert_str_eq(written(), "<p class=\"c\" lang=\"en\">x</p>\n");
}

START_TEST(a_page_that_is_too_large_is_none)
{
	static char text[1 << 20];
	size_t len;

	memset(text, '<', sizeof text - 1);
	html_text(html, text);
	ck_assert_ptr_null(html_end(html, &len));
}

/* A value, and the link that has it. */
static const struct {
	const char *value, *link;
} links[] = {
	{ "", "/ops?q=" },
	{ "evt_1-A.z~", "/ops?q=evt_1-A.z~" },
	{ "a b&c=d#e?f/g+h%", "/ops?q=a%20b%26c%3Dd%23e%3Ff%2Fg%2Bh%25" },
	{ "\r\nSet-Cookie: x", "/ops?q=%0D%0ASet-Cookie%3A%20x" },
	{ "\xc3\xab", "/ops?q=%C3%AB" },
};

START_TEST(values_of_links_are_escaped)
{
	ck_assert_str_eq(
	    html_link(arena, "/ops", "q", links[_i].value), links[_i].link);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, texts_are_escaped, texts);
	unit_add_table(tests, values_of_attributes_are_escaped, texts);
	tcase_add_test(tests, formatted_texts_are_escaped);
	tcase_add_test(tests, a_leaf_is_opened_and_closed);
	tcase_add_test(tests, a_page_that_is_too_large_is_none);
	unit_add_table(tests, values_of_links_are_escaped, links);
}

int
main(void)
{
	return unit_main("html", add);
}
