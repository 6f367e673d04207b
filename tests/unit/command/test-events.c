#include <string.h>
#include <unistd.h>

#include "command/events.h"
#include "stripe/stripe_state.h"
#include "unit.h"

static const struct program program = { .name = "unit-program" };
static struct stripe_state state;
static const struct db_statement *const *const statements[] = { NULL };

/* What follows `events replay`, and how it ends without a database. */
static const struct {
	const char *words[5];
	int status;
	const char *said;
} uses[] = {
	{ { NULL }, EXIT_USAGE, "unit-program: give the ids of events" },
	{ { "--dry-run", NULL }, EXIT_USAGE, "unit-program: give the ids" },
	{ { "--json", NULL }, EXIT_USAGE, "unit-program: give the ids" },
	{ { "--all", NULL }, EXIT_USAGE,
	    "unit-program: events replay: there is no option --all" },
	{ { "-f", NULL }, EXIT_USAGE, "unit-program: events replay: there is" },
	{ { "evt_1", "--fail", NULL }, EXIT_USAGE,
	    "unit-program: events replay: there is no option --fail" },
	{ { "--failed", "evt_1", NULL }, EXIT_USAGE,
	    "unit-program: give the ids" },
	{ { "evt_1", "--type", "x", NULL }, EXIT_USAGE,
	    "unit-program: give the ids" },
	{ { "--failed", "--type", "x", NULL }, EXIT_USAGE,
	    "unit-program: give the ids" },
	{ { "--outcome", "fine", NULL }, EXIT_USAGE,
	    "unit-program: --outcome fine: an outcome is" },
	{ { "--failed", NULL }, EXIT_CONFIG, "unit-program: DATABASE_URL" },
	{ { "--failed", "--dry-run", "--json", NULL }, EXIT_CONFIG,
	    "unit-program: DATABASE_URL" },
	{ { "evt_1", "evt_2", "--dry-run", NULL }, EXIT_CONFIG,
	    "unit-program: DATABASE_URL" },
	{ { "--type", "x", NULL }, EXIT_CONFIG, "unit-program: DATABASE_URL" },
};

/* replay - with these words; keeps what is said */
static int
replay(struct service *service, const char *const *words, const char **said)
{
	const char *copy[5];
	int count = 0, status;

	for (; words[count] != NULL; count++)
		copy[count] = words[count];
	unit_capture(STDERR_FILENO);
	status = command_line_run(
	    service, &events_replay_command, count, (char **)copy);
	*said = unit_captured();
	return status;
}

START_TEST(uses_are_told_apart)
{
	struct service service = { .program = &program, .state = &state };
	const char *said;

	service.arena = arena_new(4096);
	ck_assert_int_eq(
	    replay(&service, uses[_i].words, &said), uses[_i].status);
	unit_assert_begins(said, uses[_i].said);
	arena_free(service.arena);
}

START_TEST(the_database_can_be_away)
{
	struct service service = { .program = &program, .state = &state };
	static const char *const words[] = { "evt_1", NULL };
	const char *said;

	service.db = db_new("host=/nonexistent", "", statements, 1000);
	ck_assert_int_eq(replay(&service, words, &said), EXIT_UNAVAILABLE);
	unit_assert_begins(said, "unit-program: database: ");
	db_free(service.db);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, uses_are_told_apart, uses);
	tcase_add_test(tests, the_database_can_be_away);
}

int
main(void)
{
	return unit_main("events", add);
}
