#include "base/moment.h"
#include "unit.h"

#define NOW 1795208721 /* 2026-11-20T21:05:21Z */

/* A text, and the second that it names; -1: none. */
static const struct {
	const char *text;
	int64_t moment_s;
} moments[] = {
	{ "0", 0 },
	{ "1795208721", NOW },
	{ "99999999999", 99999999999 },
	{ "999999999999", -1 },
	{ "2026-11-20", 1795132800 },
	{ "1970-01-01", 0 },
	{ "2024-02-29", 1709164800 },
	{ "2026-11-20T21:05:21Z", NOW },
	{ "2026-11-20t21:05:21z", NOW },
	{ "2026-11-20 21:05:21Z", NOW },
	{ "2026-11-20T21:05:21.123456Z", NOW },
	{ "2026-11-20T22:35:21+01:30", NOW },
	{ "2026-11-20T16:05:21-05:00", NOW },
	{ "0s", NOW },
	{ "90s", NOW - 90 },
	{ "45m", NOW - 45 * 60 },
	{ "2h", NOW - 7200 },
	{ "3d", NOW - 3 * 86400 },
	{ "1w", NOW - 7 * 86400 },
	{ "", -1 },
	{ "yesterday", -1 },
	{ "-2h", -1 },
	{ "2y", -1 },
	{ "2 h", -1 },
	{ "2hh", -1 },
	{ "99999999999w", -1 },
	{ "2026-11", -1 },
	{ "2026-13-01", -1 },
	{ "2026-02-29", -1 },
	{ "2026-11-20T", -1 },
	{ "2026-11-20T21:05:21", -1 },
	{ "2026-11-20T25:05:21Z", -1 },
	{ "2026-11-20T21:05:21+1:30", -1 },
	{ "2026-11-20T21:05:21+01:60", -1 },
	{ "2026-11-20T21:05:21Zz", -1 },
	{ "2026-11-20x", -1 },
	{ "1969-12-31", -1 },
};

START_TEST(a_moment_is_read_in_every_form)
{
	int64_t moment_s = -1;
	enum rc rc = moment_parse(moments[_i].text, NOW, &moment_s);

	ck_assert_int_eq(rc, moments[_i].moment_s < 0 ? RC_BAD_REQUEST : RC_OK);
	if (rc == RC_OK)
		ck_assert_int_eq(moment_s, moments[_i].moment_s);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, a_moment_is_read_in_every_form, moments);
}

int
main(void)
{
	return unit_main("moment", add);
}
