#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/doctor.h"
#include "program/serve.h"
#include "unit.h"

static int arguments_seen;
static void *state_seen;
static enum rc setup_result;

/* show - a command that notes what it gets */
static int
show(struct service *service, int count, char **operands)
{
	if (count > 0)
		ck_assert_str_eq(operands[0], "a");
	ck_assert_ptr_nonnull(service->arena);
	ck_assert_ptr_nonnull(service->config);
	ck_assert_ptr_null(service->db);
	state_seen = service->state;
	arguments_seen = count;
	return 42;
}

/* lose - a command that fails with a sentence */
static int
lose(struct service *service, int count, char **operands)
{
	(void)count, (void)operands;
	return command_line_fail(
	    service, EXIT_FAILED, "%s is %d", service->command->name, 13);
}

/* half - a command of two words */
static int
half(struct service *service, int count, char **operands)
{
	(void)service, (void)operands;
	return 43 + count;
}

/* nothing - a handler that is never called here */
static enum rc
nothing(struct service *service, struct request *request)
{
	(void)service;
	(void)request;
	return RC_INTERNAL;
}

/* setup - makes a state, or fails */
static enum rc
setup(struct service *service, const char **problem)
{
	service->state = service;
	*problem = "SITE_URL: is bad";
	return setup_result;
}

static const enum setting settings[] = { DATABASE_URL, STRIPE_LIVEMODE,
	STRIPE_PAYLOAD_STORE_MAX, SETTING_END };
static const struct route routes[] = { { "POST", "/one", 10, nothing },
	{ "GET", "/two", 10, nothing }, { NULL, NULL, 0, NULL } };
static bool flagged;
static const struct option show_options[] = {
	{ .name = "--b", .flag = &flagged },
	{ .name = NULL },
};
static const struct command show_command = {
	.name = "show",
	.arguments = "[ID…] [--b]",
	.help = "show some",
	.options = show_options,
	.operands_max = 2,
	.run = show,
};
static const struct command lose_command = {
	.name = "lose",
	.arguments = "",
	.help = "fail with a word",
	.run = lose,
};
static const struct command half_command = {
	.name = "half well",
	.arguments = "ID",
	.help = "be two words",
	.operands_min = 1,
	.operands_max = 1,
	.run = half,
};
static const struct command *const commands[] = {
	&show_command,
	&lose_command,
	&half_command,
	NULL,
};
DB_STATEMENT(one, 0, "SELECT 1");
static const struct db_statement *const list[] = { &sql_one.is, NULL };
static const struct db_statement *const *const statements[] = { list, NULL };

static struct program program = {
	.name = "unit-program",
	.summary = "be tested",
	.settings = settings,
	.routes = routes,
	.commands = commands,
	.setup = setup,
};

/* set_up - no settings, no listening socket, nobody who reads */
static void
set_up(void)
{
	clearenv();
	setenv("PGHOST", "/nonexistent", 1);
	unit_input("", 0);
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
}

/* run - the program with up to three arguments; *written is a descriptor's */
static int
run(int descriptor, const char **written, const char *first, const char *second,
    const char *third)
{
	const char *argv[] = { "unit-program", first, second, third, NULL };
	int argc = 1, status;

	while (argv[argc] != NULL)
		argc++;
	unit_capture(descriptor);
	status = program_main(&program, argc, (char **)argv);
	*written = unit_captured();
	return status;
}

START_TEST(help_shows_everything)
{
	static const char *const words[] = { "unit-program - be tested\n",
		"unit-program check [--offline] [--json]\n",
		"unit-program show [ID…] [--b]\n", "show some\n",
		"unit-program lose", "--version", "POST /one\n", "GET /two\n",
		"DATABASE_URL", "STRIPE_LIVEMODE", "man unit-program" };
	const char *written;

	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "--help", NULL, NULL), EXIT_DONE);
	for (size_t i = 0; i < COUNT(words); i++)
		ck_assert_msg(
		    strstr(written, words[i]) != NULL, "%s", words[i]);
	ck_assert_ptr_null(strstr(written, "STRIPE_API_KEY"));
}

START_TEST(version_names_the_program)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "--version", NULL, NULL), EXIT_DONE);
	unit_assert_begins(written, "unit-program (paydesk) ");
}

START_TEST(help_needs_no_settings)
{
	const char *written;

	setenv("STRIPE_LIVEMODE", "wrong", 1);
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "--help", NULL, NULL), EXIT_DONE);
}

START_TEST(a_bare_start_shows_the_usage)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDERR_FILENO, &written, NULL, NULL, NULL), EXIT_USAGE);
	unit_assert_begins(written, "unit-program - be tested\n");
}

START_TEST(commands_are_run)
{
	const char *written;

	ck_assert_int_eq(run(STDERR_FILENO, &written, "show", "a", "--b"), 42);
	ck_assert_int_eq(arguments_seen, 1);
	ck_assert(flagged);
	ck_assert_ptr_nonnull(state_seen);
	ck_assert_str_eq(written, "");
	ck_assert_int_eq(run(STDERR_FILENO, &written, "show", NULL, NULL), 42);
	ck_assert_int_eq(arguments_seen, 0);
	ck_assert_int_eq(run(STDERR_FILENO, &written, "half", "well", "a"), 44);
}

/* Words after the program's name that are wrong, and what is said. */
static const struct {
	const char *words[3], *said;
} misuses[] = {
	{ { "show", "--c", NULL },
	    "unit-program: show: there is no option --c" },
	{ { "lose", "a", NULL }, "unit-program: lose: 'a' is too much" },
	{ { "half", "well", NULL }, "unit-program: half well: something is" },
	{ { "half", NULL, NULL }, "unit-program: 'half' is half of a command" },
	{ { "half", "ill", NULL },
	    "unit-program: 'half' is half of a command" },
};

START_TEST(misuse_is_named)
{
	const char *written;

	ck_assert_int_eq(run(STDERR_FILENO, &written, misuses[_i].words[0],
			     misuses[_i].words[1], misuses[_i].words[2]),
	    EXIT_USAGE);
	unit_assert_begins(written, misuses[_i].said);
}

START_TEST(a_command_has_its_own_help)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "half", "well", "--help"), EXIT_DONE);
	ck_assert_str_eq(
	    written, "  unit-program half well ID\n      be two words\n");
}

START_TEST(commands_fail_with_a_sentence)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDERR_FILENO, &written, "lose", NULL, NULL), EXIT_FAILED);
	ck_assert_str_eq(written, "unit-program: lose is 13\n");
}

static const char *const unknown[] = { "sho", "shows", "SHOW", "--show", "-h",
	"" };

START_TEST(other_commands_are_refused)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDERR_FILENO, &written, unknown[_i], NULL, NULL), EXIT_USAGE);
	unit_assert_begins(written, "unit-program: there is no command '");
	ck_assert_ptr_null(state_seen);
}

START_TEST(wrong_settings_stop_the_start)
{
	const char *written;

	setenv("STRIPE_LIVEMODE", "wrong", 1);
	ck_assert_int_eq(run(STDERR_FILENO, &written,
			     _i == 0 ? "show" : "check", NULL, NULL),
	    EXIT_CONFIG);
	ck_assert_str_eq(
	    written, "unit-program: STRIPE_LIVEMODE must be true or false\n");
	ck_assert_ptr_null(state_seen);
}

START_TEST(a_wrong_setup_stops_the_start)
{
	const char *written;

	setup_result = RC_BAD_REQUEST;
	ck_assert_int_eq(
	    run(STDERR_FILENO, &written, "show", NULL, NULL), EXIT_CONFIG);
	ck_assert_str_eq(written, "unit-program: SITE_URL: is bad\n");
	ck_assert_ptr_null(state_seen);
}

/* examine - a finding of the program's own */
static void
examine(struct service *service, struct doctor *doctor)
{
	ck_assert_ptr_nonnull(service->state);
	if (doctor_online(doctor))
		doctor_problem(
		    doctor, "weather", "Take an umbrella.", "it rains");
}

START_TEST(check_looks_at_what_is_needed)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", NULL, NULL), EXIT_DONE);
	unit_assert_begins(written,
	    "result  subject                   finding\n"
	    "ok      DATABASE_URL              not set\n");
	ck_assert_ptr_nonnull(strstr(written, "\n0 problems, 0 warnings\n"));
}

START_TEST(check_says_where_a_setting_is_from)
{
	const char *written;

	setenv("STRIPE_LIVEMODE", "true", 1);
	setenv("DATABASE_URL_FILE", unit_file("host=/secret", 12), 1);
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", NULL, NULL), EXIT_DONE);
	ck_assert_ptr_nonnull(strstr(
	    written, "STRIPE_LIVEMODE           set, from the environment\n"));
	ck_assert_ptr_nonnull(strstr(
	    written, "STRIPE_PAYLOAD_STORE_MAX  not set, so it is 16384\n"));
	ck_assert_ptr_nonnull(
	    strstr(written, "DATABASE_URL              set, from /"));
	ck_assert_ptr_null(strstr(written, "secret"));
}

START_TEST(check_includes_what_the_program_finds)
{
	const char *written;

	program.examine = examine;
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", NULL, NULL), EXIT_FAILED);
	ck_assert_ptr_nonnull(strstr(written, "it rains\n"));
	ck_assert_ptr_nonnull(strstr(written, "Take an umbrella.\n"));
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", "--json", NULL), EXIT_FAILED);
	ck_assert_ptr_nonnull(
	    strstr(written, "\"advice\":\"Take an umbrella.\""));
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", "--offline", NULL),
	    EXIT_DONE);
	ck_assert_ptr_null(strstr(written, "it rains"));
}

START_TEST(check_wants_a_database_where_one_is_used)
{
	const char *written;

	program.statements = statements;
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "check", NULL, NULL), EXIT_CONFIG);
	ck_assert_ptr_nonnull(strstr(written, "DATABASE_URL is not set\n"));
	setenv("DATABASE_URL", "host=/nonexistent", 1);
	ck_assert_int_eq(run(STDOUT_FILENO, &written, "check", NULL, NULL),
	    EXIT_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(written, "problem  database"));
}

START_TEST(check_refuses_other_words)
{
	const char *written;

	ck_assert_int_eq(
	    run(STDERR_FILENO, &written, "check", "--json", "x"), EXIT_USAGE);
	unit_assert_begins(written, "unit-program: check: 'x' is too much\n");
	ck_assert_ptr_nonnull(
	    strstr(written, "unit-program check [--offline] [--json]\n"));
}

START_TEST(settings_are_printed_as_a_file)
{
	const char *written;

	setenv("STRIPE_LIVEMODE", "wrong", 1);
	ck_assert_int_eq(
	    run(STDOUT_FILENO, &written, "settings", NULL, NULL), EXIT_DONE);
	unit_assert_begins(written, "# unit-program.env - ");
	ck_assert_ptr_nonnull(strstr(written, "secrets/unit-program/NAME"));
	ck_assert_ptr_nonnull(strstr(
	    written, "\nDATABASE_URL=postgresql://paydesk_unit_program@/"));
	ck_assert_ptr_nonnull(strstr(written, "\n#STRIPE_LIVEMODE=\n"));
	ck_assert_ptr_nonnull(
	    strstr(written, "\n#STRIPE_PAYLOAD_STORE_MAX=16384\n"));
	ck_assert_ptr_null(strstr(written, "SITE_URL"));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, help_shows_everything);
	tcase_add_test(tests, version_names_the_program);
	tcase_add_test(tests, help_needs_no_settings);
	tcase_add_test(tests, a_bare_start_shows_the_usage);
	tcase_add_test(tests, commands_are_run);
	unit_add_table(tests, misuse_is_named, misuses);
	tcase_add_test(tests, a_command_has_its_own_help);
	tcase_add_test(tests, commands_fail_with_a_sentence);
	unit_add_table(tests, other_commands_are_refused, unknown);
	tcase_add_loop_test(tests, wrong_settings_stop_the_start, 0, 2);
	tcase_add_test(tests, a_wrong_setup_stops_the_start);
	tcase_add_test(tests, check_looks_at_what_is_needed);
	tcase_add_test(tests, settings_are_printed_as_a_file);
	tcase_add_test(tests, check_says_where_a_setting_is_from);
	tcase_add_test(tests, check_includes_what_the_program_finds);
	tcase_add_test(tests, check_wants_a_database_where_one_is_used);
	tcase_add_test(tests, check_refuses_other_words);
}

int
main(void)
{
	return unit_main("program", add);
}
