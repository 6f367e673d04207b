/*
 * ops - the page of whoever is on call.
 *
 *   GET  /ops                 what is waiting, and how it went
 *   GET  /ops/customer?q=…    one customer's story
 *   POST /ops/replay          apply an event of Stripe's again
 *     303 back to /ops, which shows what became of it
 *     403                     not from a page of ours; it changes nothing
 *   POST /ops/grant, /ops/revoke-grant, /ops/credit, /ops/link, /ops/unlink
 *                             what a person decides about an account
 *     303 back to the customer, 403 as above, 409 it cannot be done
 *   GET  /ops/style.css
 *
 * nginx says who asks. The pages need no script.
 */
#include <string.h>

#include "base/form.h"
#include "ops/ops_charts.h"
#include "ops/ops_customer.h"
#include "ops/ops_decide.h"
#include "ops/ops_doubt.h"
#include "ops/ops_forms.h"
#include "ops/ops_overview.h"
#include "ops/ops_page.h"
#include "command/ops_sample.h"
#include "command/replay.h"
#include "stripe/stripe_ask.h"
#include "stripe/stripe_thin.h"

struct state {
	struct stripe_intake *intake;
};

#define HELD_MAX 50 /* events that are applied at once */

DB_STATEMENT(ops_held, 1, "SELECT billing.events_held($1)");

static const struct db_statement *const own_statements[] = {
	&sql_ops_held.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	ops_decide_statements,
	ops_doubt_statements,
	ops_forms_statements,
	ledger_statements,
	replay_statements,
	stripe_ask_statements,
	stripe_thin_statements,
	ops_page_statements,
	ops_overview_statements,
	ops_charts_statements,
	ops_customer_statements,
	ops_sample_statements,
	NULL,
};

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
	const char *event, *person;
	const struct form *form = ops_page_form(service, request, &person);

	if (form == NULL)
		return RC_BAD_REQUEST;
	if (form_text(form_next(form, "event", NULL), &event) != RC_OK)
		return ops_page_fail(request, 400, RC_BAD_REQUEST,
		    "This is no form of ours",
		    "A replay needs the field event.");
	return replay(service, request, event);
}

/* replay_held - what a customer's events that found no account come to now */
static void
replay_held(
    struct service *service, struct request *request, const char *customer)
{
	const char *const params[] = { customer };
	const struct state *state = service->state;
	struct replay_result result;
	struct db_result *held;

	if (db_run(service->db, sql_ops_held, params, &held) != RC_OK)
		return; /* the link stands; stripe-webhook link does it again */
	for (int i = 0; i < db_result_rows(held) && i < HELD_MAX; i++)
		replay_event(service->db, state->intake, request_arena(request),
		    db_result_text(held, i, 0), false, &result);
	db_result_free(held);
}

/* post_link - POST /ops/link, and what was held is applied */
static enum rc
post_link(struct service *service, struct request *request)
{
	const char *customer = NULL;
	enum rc rc = ops_decide_link(service, request, &customer);

	if (rc == RC_OK && customer != NULL)
		replay_held(service, request, customer);
	return rc;
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
		{ "POST", "/ops/grant", BODY_MAX, ops_decide_grant },
		{ "POST", "/ops/revoke-grant", BODY_MAX, ops_decide_revoke },
		{ "POST", "/ops/credit", BODY_MAX, ops_decide_credit },
		{ "POST", "/ops/link", BODY_MAX, post_link },
		{ "POST", "/ops/unlink", BODY_MAX, ops_decide_unlink },
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
