#include <stdlib.h>
#include <string.h>

#include "program/site.h"
#include "unit.h"

static struct arena *arena;
static struct config *config;

/* set_up - no settings */
static void
set_up(void)
{
	clearenv();
	arena = arena_new(1 << 20);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
	config_free(config);
}

/* site_of - with that SITE_URL, or none */
static struct site *
site_of(const char *url)
{
	static const enum setting used[] = { SITE_SETTINGS, SETTING_END };
	const char *problem;

	if (url != NULL)
		setenv("SITE_URL", url, 1);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	return site_new(arena, config);
}

static const struct {
	const char *site, *page;
} pages[] = {
	{ "https://app.example.com", "https://app.example.com/settings" },
	{ "https://app.example.com/", "https://app.example.com/settings" },
	{ "https://app.example.com/a//", "https://app.example.com/a/settings" },
	{ "http://127.0.0.1:3000", "http://127.0.0.1:3000/settings" },
	{ NULL, NULL },
};

START_TEST(a_page_is_below_the_site)
{
	const char *page = site_page(
	    site_of(pages[_i].site), arena, "/settings");

	if (pages[_i].page == NULL)
		ck_assert_ptr_null(page);
	else
		ck_assert_str_eq(page, pages[_i].page);
}

/* Where customers may be sent, with the site https://app.example.com/in/. */
static const struct {
	const char *url;
	bool may;
} urls[] = {
	{ "https://app.example.com/in", true },
	{ "https://app.example.com/in/", true },
	{ "https://app.example.com/in/a?b=c#d", true },
	{ "https://app.example.com/in?a", true },
	{ "https://app.example.com/in#a", true },
	{ "https://app.example.com/inside", false },
	{ "https://app.example.com/", false },
	{ "https://app.example.com", false },
	{ "http://app.example.com/in/", false },
	{ "HTTPS://app.example.com/in/", false },
	{ "https://app.example.com:444/in/", false },
	{ "https://app.example.com@evil.example/in/", false },
	{ "https://app.example.com.evil.example/in/", false },
	{ "https://app.example.com/in/a b", false },
	{ "https://app.example.com/in/\r\nx", false },
	{ "https://app.example.com/in/\\evil", false },
	{ "https://app.example.com/in/\x7f", false },
	{ "https://www.example.com/", true },
	{ "https://www.example.com/x", true },
	{ "https://www.example.com", false },
	{ "https://shop.example.com", true },
	{ "https://shop.example.com/x", true },
	{ "https://shop.example.com.evil.example", false },
	{ "javascript:alert(1)", false },
	{ "//evil.example", false },
	{ "/in/", false },
	{ "", false },
};

START_TEST(a_return_goes_to_known_pages_only)
{
	static const char *const allowed[] = { "https://www.example.com/",
		"https://shop.example.com", NULL };

	ck_assert_int_eq(site_may_return(site_of("https://app.example.com/in/"),
			     urls[_i].url, allowed),
	    urls[_i].may);
}

START_TEST(without_a_site_there_is_no_return)
{
	ck_assert(!site_may_return(site_of(NULL), "https://a.example/", NULL));
}

START_TEST(a_return_has_a_maximum)
{
	struct site *site = site_of("https://app.example.com");
	char url[2100] = "https://app.example.com/";
	size_t len = strlen(url);

	memset(url + len, 'x', sizeof url - len);
	url[2048] = '\0';
	ck_assert(site_may_return(site, url, NULL));
	url[2048] = 'x';
	url[2049] = '\0';
	ck_assert(!site_may_return(site, url, NULL));
}

/* add - all of the above */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, a_page_is_below_the_site, pages);
	unit_add_table(tests, a_return_goes_to_known_pages_only, urls);
	tcase_add_test(tests, without_a_site_there_is_no_return);
	tcase_add_test(tests, a_return_has_a_maximum);
}

int
main(void)
{
	return unit_main("site", add);
}
