#include "base/options.h"

#include "unit.h"

#define WORDS 6

/* Words after the command, what they set, and the operands; -1: refused. */
static const struct {
	const char *words[WORDS];
	int operands;
	bool dry_run;
	const char *since;
	const char *first;
} uses[] = {
	{ { NULL }, 0, false, NULL, NULL },
	{ { "--dry-run" }, 0, true, NULL, NULL },
	{ { "--since", "2h" }, 0, false, "2h", NULL },
	{ { "--since=2h" }, 0, false, "2h", NULL },
	{ { "--since=" }, 0, false, "", NULL },
	{ { "--since", "--dry-run" }, 0, false, "--dry-run", NULL },
	{ { "a", "--dry-run", "b" }, 2, true, NULL, "a" },
	{ { "--since", "1", "a", "b" }, 2, false, "1", "a" },
	{ { "--", "--dry-run" }, 1, false, NULL, "--dry-run" },
	{ { "" }, 1, false, NULL, "" },
	{ { "--since" }, -1, false, NULL, NULL },
	{ { "--dry-run=yes" }, -1, false, NULL, NULL },
	{ { "--dry" }, -1, false, NULL, NULL },
	{ { "--dry-running" }, -1, false, NULL, NULL },
	{ { "-n" }, -1, false, NULL, NULL },
	{ { "-" }, -1, false, NULL, NULL },
};

START_TEST(words_are_options_or_operands)
{
	bool dry_run = false;
	const char *since = NULL, *argv[WORDS + 1] = { "command" };
	const struct option_spec specs[] = { { "--dry-run", &dry_run, NULL },
		{ "--since", NULL, &since }, { NULL, NULL, NULL } };
	int argc = 1, operands;

	for (; uses[_i].words[argc - 1] != NULL; argc++)
		argv[argc] = uses[_i].words[argc - 1];
	operands = options_read(specs, argc, (char **)argv);
	ck_assert_int_eq(operands, uses[_i].operands);
	if (operands < 0)
		return;
	ck_assert_int_eq(dry_run, uses[_i].dry_run);
	ck_assert_pstr_eq(since, uses[_i].since);
	if (operands > 0)
		ck_assert_str_eq(argv[1], uses[_i].first);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, words_are_options_or_operands, uses);
}

int
main(void)
{
	return unit_main("options", add);
}
