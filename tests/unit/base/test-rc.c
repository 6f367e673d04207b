#include "base/rc.h"
#include "unit.h"

static const struct {
	enum rc rc;
	int http_status;
	const char *name;
} results[] = {
	{ RC_OK, 200, "ok" },
	{ RC_BAD_REQUEST, 400, "bad_request" },
	{ RC_SIGNATURE, 400, "signature" },
	{ RC_NOT_FOUND, 404, "not_found" },
	{ RC_TOO_LARGE, 413, "payload_too_large" },
	{ RC_UPSTREAM, 502, "upstream" },
	{ RC_BUSY, 503, "busy" },
	{ RC_UNCERTAIN, 503, "uncertain" },
	{ RC_INTERNAL, 500, "internal" },
};

START_TEST(every_result_has_a_status_and_a_name)
{
	ck_assert_int_eq(results[_i].rc, _i);
	ck_assert_int_eq(
	    rc_http_status(results[_i].rc), results[_i].http_status);
	ck_assert_str_eq(rc_name(results[_i].rc), results[_i].name);
}

START_TEST(none_is_missing_here)
{
	ck_assert_uint_eq(COUNT(results), RC_INTERNAL + 1);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, every_result_has_a_status_and_a_name, results);
	tcase_add_test(tests, none_is_missing_here);
}

int
main(void)
{
	return unit_main("rc", add);
}
