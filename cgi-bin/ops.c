/*
 * ops - the page of whoever is on call.
 *
 *   GET  /ops                 what is waiting, and how it went
 *   GET  /ops/customer?q=…    one customer's story
 *   POST /ops/replay          apply an event of Stripe's again
 *     303 back to /ops, which shows what became of it
 *     403                     not from a page of ours; it changes nothing
 *   GET  /ops/style.css
 *
 * nginx says who asks. The pages need no script.
 */
#include <string.h>

#include "program/csrf.h"
#include "base/form.h"
#include "ops/ops_charts.h"
#include "ops/ops_customer.h"
#include "ops/ops_overview.h"
#include "ops/ops_page.h"
#include "command/ops_sample.h"
#include "command/replay.h"

struct state {
	struct stripe_intake *intake;
};

static const struct db_statement *const *const statements[] = {
	ledger_statements,
	replay_statements,
	stripe_intake_statements,
	ops_page_statements,
	ops_overview_statements,
	ops_charts_statements,
	ops_customer_statements,
	ops_sample_statements,
	NULL,
};

/* read_form - which event, and the token; false: it is no form of ours */
static bool
read_form(struct request *request, const char **event, const char **token)
{
	const char *body;
	struct form *form;
	size_t len;

	body = request_body(request, &len);
	return form_parse(request_arena(request), body, len, &form) == RC_OK &&
	    form_text(form_next(form, "event", NULL), event) == RC_OK &&
	    form_text(form_next(form, "token", NULL), token) == RC_OK;
}

/* replay - the event, and back to the page that shows what became of it */
static enum rc
replay(struct service *service, struct request *request, const char *event)
{
	const struct state *state = service->state;
	struct replay_result result;

	replay_event(service->db, state->intake, request_arena(request), event,
	    false, &result);
	request_log(request, "event", event);
	if (!result.known)
		return ops_page_fail(request, 409, RC_BAD_REQUEST,
		    "Not replayed",
		    arena_printf(request_arena(request),
			"%s could not be replayed: %s.", event,
			result.problem));
	request_log(request, "outcome", ledger_outcome_name(result.outcome));
	request_header(request, "Location",
	    html_link(request_arena(request), "/ops", "replayed", event));
	return request_reply_empty(request, 303);
}

/* post_replay - POST /ops/replay */
static enum rc
post_replay(struct service *service, struct request *request)
{
	const char *event, *token, *person = ops_page_person(request);
	bool trusts;
	enum rc rc;

	if (person == NULL)
		return RC_SIGNATURE;
	request_log(request, "by", person);
	if (!read_form(request, &event, &token))
		return ops_page_fail(request, 400, RC_BAD_REQUEST,
		    "This is no form of ours",
		    "A replay needs the fields event and token.");
	rc = ops_page_trusts(service, request, token, &trusts);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	if (!trusts)
		return ops_page_fail(request, 403, RC_SIGNATURE,
		    "Not from this page",
		    "The form was not sent from a page that was made for you "
		    "within the last twelve hours. Nothing was changed: go "
		    "back to the overview and try again.");
	return replay(service, request, event);
}

/* setup - what a replay goes through */
static enum rc
setup(struct service *service, const char **problem)
{
	struct state *state = arena_alloc(service->arena, sizeof *state);

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	state->intake = stripe_intake_new(service->arena, service->config);
	return state->intake != NULL ? RC_OK : RC_INTERNAL;
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		STRIPE_INTAKE_SETTINGS, STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "GET", "/ops", BODY_MAX, ops_overview },
		{ "GET", "/ops/customer", BODY_MAX, ops_customer },
		{ "POST", "/ops/replay", BODY_MAX, post_replay },
		{ "GET", "/ops/style.css", BODY_MAX, ops_page_style },
		{ NULL, NULL, 0, NULL },
	};
	static const struct command *const commands[] = {
		&ops_sample_command,
		NULL,
	};
	static const struct program program = {
		.name = "ops",
		.summary = "the page of whoever is on call",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.setup = setup,
	};

	return program_main(&program, argc, argv);
}
