/*
 * seats - how many seats are paid for.
 *
 *   GET /seats
 *     200 {"seats":…}
 *     503 unavailable
 *
 * An example of README's chapter on adding an endpoint.
 */
#include <stdlib.h>

#include "base/json.h"
#include "program/serve.h"

DB_STATEMENT(seats, 0,
    "SELECT coalesce(sum(seat_limit), 0) FROM billing.subscriptions"
    " WHERE status IN ('trialing', 'active')");

static const struct db_statement *const own_statements[] = {
	&sql_seats.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	NULL,
};

/* get_seats - GET /seats */
static enum rc
get_seats(struct service *service, struct request *request)
{
	struct db_result *result;
	json_object *body;
	enum rc rc = db_run_bare(service->db, sql_seats, &result);

	if (rc != RC_OK)
		return rc;
	body = json_object_new_object();
	json_object_object_add(body, "seats",
	    json_object_new_int64(atoll(db_result_text(result, 0, 0))));
	db_result_free(result);
	return request_reply(request, 200, body);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL, SETTING_END };
	static const struct route routes[] = {
		{ "GET", "/seats", BODY_MAX, get_seats },
		{ NULL, NULL, 0, NULL },
	};
	static const struct program program = {
		.name = "seats",
		.summary = "tell how many seats are paid for",
		.settings = settings,
		.routes = routes,
		.statements = statements,
	};

	return program_main(&program, argc, argv);
}
