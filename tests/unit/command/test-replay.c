/*
 * What happens without a database; with one, see the endpoint tests.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/replay.h"
#include "unit.h"

static const struct program program = { .name = "unit-program" };
static const struct db_statement *const *const statements[] = { NULL };

/* Arguments, and the status that they end with. */
static const struct {
	const char *arguments[5];
	int status;
} uses[] = {
	{ { "replay", NULL }, EXIT_USAGE },
	{ { "replay", "--dry-run", NULL }, EXIT_USAGE },
	{ { "replay", "--json", NULL }, EXIT_USAGE },
	{ { "replay", "--all", NULL }, EXIT_USAGE },
	{ { "replay", "-f", NULL }, EXIT_USAGE },
	{ { "replay", "evt_1", "--fail", NULL }, EXIT_USAGE },
	{ { "replay", "--failed", "evt_1", NULL }, EXIT_USAGE },
	{ { "replay", "evt_1", "--failed", NULL }, EXIT_USAGE },
	{ { "replay", "--failed", NULL }, EXIT_UNAVAILABLE },
	{ { "replay", "--failed", "--dry-run", "--json", NULL },
	    EXIT_UNAVAILABLE },
	{ { "replay", "evt_1", "evt_2", "--dry-run", NULL }, EXIT_UNAVAILABLE },
};

START_TEST(uses_are_told_apart)
{
	struct service service = { .program = &program };
	const char *arguments[5], *written;
	int argc = 0, status;

	memcpy(arguments, uses[_i].arguments, sizeof arguments);
	while (arguments[argc] != NULL)
		argc++;
	unit_capture(STDERR_FILENO);
	status = replay_events(&service, NULL, argc, (char **)arguments);
	written = unit_captured();
	ck_assert_int_eq(status, uses[_i].status);
	unit_assert_begins(written,
	    status == EXIT_USAGE ? "unit-program: give either --failed or" :
				   "unit-program: database: ");
}

START_TEST(the_database_can_be_away)
{
	struct service service = { .program = &program };
	const char *arguments[] = { "replay", "evt_1", NULL };

	service.db = db_new("host=/nonexistent", "", statements, 1000);
	unit_capture(STDERR_FILENO);
	ck_assert_int_eq(replay_events(&service, NULL, 2, (char **)arguments),
	    EXIT_UNAVAILABLE);
	unit_assert_begins(unit_captured(), "unit-program: database: ");
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
	return unit_main("replay", add);
}
