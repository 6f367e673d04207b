#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/mail_template.h"
#include "unit.h"

static const char *const names[] = { "name", "key", NULL };
static const char *const endings[] = { "subject", "txt", "html" };
static struct arena *arena;
static struct mail_template *template;
static const char *problem;
static char directory[64];

static void
set_up(void)
{
	arena = arena_new(1 << 20);
	strcpy(directory, "/tmp/paydesk-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void
tear_down(void)
{
	char path[128];

	for (size_t i = 0; i < COUNT(endings); i++) {
		snprintf(
		    path, sizeof path, "%s/kind.%s", directory, endings[i]);
		unlink(path);
	}
	rmdir(directory);
	arena_free(arena);
}

/* load - three files of these texts */
static enum rc
load(const char *subject, const char *text, const char *html)
{
	const char *texts[] = { subject, text, html };
	char path[128];
	FILE *file;

	for (size_t i = 0; i < COUNT(endings); i++) {
		snprintf(
		    path, sizeof path, "%s/kind.%s", directory, endings[i]);
		file = fopen(path, "w");
		fputs(texts[i], file);
		fclose(file);
	}
	return mail_template_load(
	    arena, directory, "kind", names, &template, &problem);
}

START_TEST(values_are_filled_in)
{
	static const struct mail_value values[] = { { "name",
							"<A&\"b'>\r\n{{key}}" },
		{ "key", NULL }, { NULL, NULL } };
	struct mail_words words;

	ck_assert_int_eq(
	    load("S {{name}}\nmore\n", "{{key}}{{name}}{{name}} { {{", "x"),
	    RC_BAD_REQUEST);
	ck_assert_int_eq(load("S {{name}}\nmore\n", "{{key}}{{name}} {}}",
			     "<b>{{name}}</b>"),
	    RC_OK);
	ck_assert_int_eq(
	    mail_template_fill(template, arena, values, &words), RC_OK);
	ck_assert_str_eq(words.subject, "S <A&\"b'>  {{key}}");
	ck_assert_str_eq(words.text, "<A&\"b'>  {{key}} {}}");
	ck_assert_str_eq(
	    words.html, "<b>&lt;A&amp;&quot;b&#39;&gt;  {{key}}</b>");
}

static const struct {
	const char *text, *problem;
} broken[] = {
	{ "{{nobody}}", "kind.txt, line 1: there is no value {{nobody" },
	{ "a\nb {{name }}", "kind.txt, line 2: there is no value {{name" },
	{ "{{name}} {{", "kind.txt, line 1: there is no value {{" },
	{ "", "kind.txt is empty" },
	{ "\xff", "not UTF-8" },
};

START_TEST(a_broken_template_is_refused_with_its_place)
{
	ck_assert_int_eq(load("s", broken[_i].text, "h"), RC_BAD_REQUEST);
	unit_assert_begins(problem, "MAIL_TEMPLATES: ");
	ck_assert_msg(
	    strstr(problem, broken[_i].problem) != NULL, "%s", problem);
}

START_TEST(a_missing_file_is_named)
{
	ck_assert_int_eq(mail_template_load(arena, directory, "other", names,
			     &template, &problem),
	    RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "other.subject"));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, values_are_filled_in);
	unit_add_table(
	    tests, a_broken_template_is_refused_with_its_place, broken);
	tcase_add_test(tests, a_missing_file_is_named);
}

int
main(void)
{
	return unit_main("mail_template", add);
}
