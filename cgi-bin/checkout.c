/*
 * checkout - open Stripe's page where customers buy a subscription.
 *
 *   POST /checkout {"cadence":"monthly"|"annual"|"once"|…, "plan":…?,
 *                   "quantity":…?, "referral_code":…?, "locale":…?,
 *                   "success_url":…?, "cancel_url":…?}
 *     200 {"url":…,"id":…}        send the customer there
 *     400 invalid_cadence, unknown_plan, invalid_quantity, …,
 *         admin_cannot_purchase   401 unauthorized      404 user_not_found
 *     409 already_subscribed      use the portal
 *     415                         502 stripe_error
 *     503 not_configured, unavailable
 *
 * A wish goes: who calls -> what is wanted -> one call to the database, which
 * knows the price and decides whether a session is open already -> Stripe, where
 * the account's other sessions are ended and a new one is opened -> one
 * call that keeps the session. The key that Stripe gets is kept with it, so that a second click
 * or a retry ends in the same session, whatever happened to the first.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "program/caller.h"
#include "catalog/catalog_current.h"
#include "base/json.h"
#include "base/log.h"
#include "stripe/checkout_begin.h"
#include "stripe/checkout_form.h"
#include "stripe/checkout_rivals.h"
#include "stripe/customer_gone.h"
#include "stripe/order.h"
#include "program/serve.h"
#include "stripe/stripe_api.h"
#include "stripe/stripe_doctor.h"
#include "stripe/stripe_words.h"

struct state {
	struct caller_rules callers;
	struct catalog_current *catalog;
	struct stripe_api *api; /* NULL: not configured */
};

DB_STATEMENT(checkout_opened, 4,
    "SELECT id, session_id, blocks"
    " FROM billing.checkout_opened($1, $2, $3, to_timestamp($4))");

static const struct db_statement *const own_statements[] = {
	&sql_checkout_opened.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	catalog_current_statements,
	checkout_begin_statements,
	checkout_rivals_statements,
	customer_gone_statements,
	stripe_doctor_statements,
	NULL,
};

/* refuse - what the database would not have */
static enum rc
refuse(struct request *request, const char *outcome)
{
	static const struct {
		const char *outcome;
		int status;
		const char *code, *detail;
	} refusals[] = {
		{ "no_catalog", 503, "not_configured",
		    "Nobody has said what is sold: paydesk catalog apply "
		    "FILE." },
		{ "unsold", 503, "not_configured",
		    "The catalog has no price for this plan and cadence." },
		{ "invalid_cadence", 400, "invalid_cadence",
		    "The catalog sells nothing for this cadence." },
		{ "unknown_plan", 400, "unknown_plan",
		    "There is no plan of this name." },
		{ "user_not_found", 404, "user_not_found",
		    "There is no account for this caller, and no e-mail with "
		    "which to make one." },
		{ "admin", 400, "admin_cannot_purchase",
		    "An administrator without an account cannot buy." },
		{ "already_subscribed", 409, "already_subscribed",
		    "There is a live subscription: change it in the portal." },
		{ "key_reused", 409, "idempotency_key_reused",
		    "This Idempotency-Key stands for another order." },
	};

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		if (strcmp(outcome, refusals[i].outcome) == 0)
			return request_fail_status(request, refusals[i].status,
			    refusals[i].status == 503 ? RC_INTERNAL :
							RC_BAD_REQUEST,
			    refusals[i].code, refusals[i].detail);
	}
	return RC_INTERNAL;
}

/* reply - where to send the customer */
static enum rc
reply(struct request *request, const struct checkout_decision *decision,
    const char *url, const char *id)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "url", json_object_new_string(url));
	json_object_object_add(body, "id", json_object_new_string(id));
	if (decision->referral != NULL)
		json_object_object_add(body, "referral",
		    json_object_new_string(decision->referral));
	request_log(request, "outcome", decision->outcome);
	return request_reply(request, 200, body);
}

/*
 * keep - what Stripe has opened, for the next click. Without it that gets the
 * same session from Stripe, which is asked with the same key.
 */
static void
keep(struct service *service, struct arena *arena,
    const struct checkout_decision *decision, json_object *session,
    const char *url, const char *id)
{
	const struct state *state = service->state;
	struct db_result *rivals;
	int64_t expires_s = time(NULL) + 3600;
	const char *const params[] = { decision->id, id, url,
		json_integer(session, "expires_at", 0, JSON_TIME_MAX,
		    &expires_s) == RC_BAD_REQUEST ?
		    NULL :
		    arena_printf(arena, "%" PRId64, expires_s) };

	if (db_run(service->db, sql_checkout_opened, params, &rivals) !=
	    RC_OK) {
		log_message("warn", "could not store an open session: %s",
		    db_error(service->db));
		return;
	}
	if (checkout_rivals_end_these(service->db, state->api, arena, rivals) !=
	    RC_OK)
		log_message("warn",
		    "a session that was opened at the same moment stays open");
	db_result_free(rivals);
}

/* end_rivals - of two open sessions both could be paid */
static enum rc
end_rivals(struct service *service, struct request *request,
    const struct checkout_decision *decision)
{
	const struct state *state = service->state;
	enum rc rc = checkout_rivals_end(
	    service->db, state->api, request_arena(request), decision->id);

	if (rc == RC_BAD_REQUEST)
		return refuse(request, "already_subscribed");
	if (rc == RC_UPSTREAM)
		return request_fail(request, RC_UPSTREAM, "stripe_error",
		    "Stripe could not end another open order. Nothing has been "
		    "charged; try again.");
	return rc;
}

/*
 * refused - by Stripe. RC_NOT_FOUND without a reply: it has no such customer any
 * more, and the next decision does without
 */
static enum rc
refused(struct service *service, struct request *request,
    const struct caller *caller, const struct checkout_decision *decision,
    const struct stripe_refusal *refusal)
{
	enum rc rc;

	if (refusal->answered)
		checkout_rivals_forget(service->db, decision->id);
	rc = customer_gone(
	    service->db, refusal, caller->id, decision->customer);
	if (rc == RC_OK)
		return RC_NOT_FOUND;
	if (rc != RC_UPSTREAM)
		return rc;
	return request_fail(
	    request, RC_UPSTREAM, "stripe_error", refusal->detail);
}

/* open_session - ask Stripe for one; RC_NOT_FOUND as for refused() */
static enum rc
open_session(struct service *service, struct request *request,
    const struct caller *caller, const struct order *order,
    struct checkout_decision *decision, const struct catalog_checkout *rules)
{
	const struct state *state = service->state;
	struct arena *arena = request_arena(request);
	struct stripe_refusal refusal;
	const char *url, *id;
	json_object *session;
	enum rc rc;

	rc = end_rivals(service, request, decision);
	if (rc != RC_OK)
		return rc;
	if (decision->metered == NULL)
		checkout_learn(service->db, state->api, arena, decision);
	rc = stripe_api_open_checkout(state->api, arena,
	    checkout_form(arena, caller->id, order, decision, rules),
	    decision->stripe_key, &session, &refusal);
	request_log(request, "stripe_request", refusal.request_id);
	if (rc != RC_OK)
		return refused(service, request, caller, decision, &refusal);
	if (json_string(session, "url", &url) != RC_OK ||
	    json_string(session, "id", &id) != RC_OK) {
		checkout_rivals_forget(service->db, decision->id);
		return request_fail(request, RC_UPSTREAM, "stripe_error",
		    "Stripe opened a session without an address; try again.");
	}
	keep(service, arena, decision, session, url, id);
	return reply(request, decision, url, id);
}

/*
 * still_open - what has become of a session that is a while old. RC_OK: the
 * customer can go on; RC_NOT_FOUND: it is over, and forgotten; RC_BAD_REQUEST
 * after the reply: it is paid, and the news is on its way.
 */
static enum rc
still_open(struct service *service, struct request *request,
    const struct checkout_decision *decision)
{
	const struct state *state = service->state;
	json_object *session;
	const char *status;

	if (stripe_api_session(state->api, request_arena(request),
		decision->session_id, &session) != RC_OK ||
	    json_string(session, "status", &status) != RC_OK)
		status = "unknown";
	if (strcmp(status, "open") == 0)
		return RC_OK;
	if (strcmp(status, "complete") == 0)
		return refuse(request, "already_subscribed");
	checkout_rivals_forget(service->db, decision->id);
	return RC_NOT_FOUND;
}

/* buy_once - from a decision to a session; RC_NOT_FOUND as for refused() */
static enum rc
buy_once(struct service *service, struct request *request,
    const struct caller *caller, const struct order *order,
    const struct catalog_checkout *rules)
{
	struct arena *arena = request_arena(request);
	struct checkout_decision decision;
	enum rc rc;

	rc = checkout_begin(service->db, arena, caller, order, &decision);
	if (rc == RC_OK && strcmp(decision.outcome, "reuse") == 0) {
		if (!decision.recent)
			rc = still_open(service, request, &decision);
		if (rc == RC_OK)
			return reply(request, &decision, decision.url,
			    decision.session_id);
		if (rc != RC_NOT_FOUND)
			return rc;
		rc = checkout_begin(
		    service->db, arena, caller, order, &decision);
	}
	if (rc != RC_OK)
		return rc;
	if (strcmp(decision.outcome, "reuse") == 0) /* by another click */
		return reply(
		    request, &decision, decision.url, decision.session_id);
	if (strcmp(decision.outcome, "open") != 0)
		return refuse(request, decision.outcome);
	return open_session(service, request, caller, order, &decision, rules);
}

/* buy - once more without the customer, when that is gone */
static enum rc
buy(struct service *service, struct request *request,
    const struct caller *caller, const struct order *order,
    const struct catalog_checkout *rules)
{
	enum rc rc = buy_once(service, request, caller, order, rules);

	if (rc == RC_NOT_FOUND)
		rc = buy_once(service, request, caller, order, rules);
	return rc == RC_NOT_FOUND ? RC_BUSY : rc;
}

/* post_checkout - POST /checkout */
static enum rc
post_checkout(struct service *service, struct request *request)
{
	const struct state *state = service->state;
	const struct catalog_checkout *rules;
	struct caller caller;
	struct order order;
	enum rc rc;

	rc = caller_identify(&state->callers, request, &caller);
	if (rc == RC_OK)
		rc = catalog_current_checkout(
		    state->catalog, service->db, &rules);
	if (rc == RC_OK)
		rc = order_read(rules, state->callers.site, request, &order);
	if (rc != RC_OK)
		return rc;
	if (state->api == NULL || order.success_url == NULL)
		return request_fail_status(request, 503, RC_INTERNAL,
		    "not_configured",
		    "STRIPE_API_KEY or SITE_URL is not set on this server.");
	return buy(service, request, &caller, &order, rules);
}

/* options - whether pages of another origin may ask */
static enum rc
options(struct service *service, struct request *request)
{
	const struct state *state = service->state;

	return site_preflight(state->callers.site, request);
}

/* setup - keys, rules, client */
static enum rc
setup(struct service *service, const char **problem)
{
	struct state *state = arena_alloc(service->arena, sizeof *state);
	enum rc rc;

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	if (stripe_api_wrong_mode(service->arena, service->config) != NULL) {
		*problem = stripe_api_wrong_mode(
		    service->arena, service->config);
		return RC_BAD_REQUEST;
	}
	rc = caller_rules_new(
	    service->arena, service->config, &state->callers, problem);
	if (rc != RC_OK)
		return rc;
	state->api = stripe_api_new(service->arena, service->config);
	state->catalog = catalog_current_new(service->arena);
	return state->catalog != NULL ? RC_OK : RC_INTERNAL;
}

/* examine - for check: what a sale needs, here and at Stripe */
static void
examine(struct service *service, struct doctor *doctor)
{
	static const struct stripe_right rights[] = {
		{ "Checkout Sessions: write", "POST", "/v1/checkout/sessions" },
		{ NULL, NULL, NULL }
	};
	const struct state *state = service->state;
	const struct catalog_checkout *rules = NULL;

	caller_examine(&state->callers, doctor);
	stripe_doctor_needs(doctor, service->config);
	if (service->db == NULL ||
	    catalog_current_checkout(state->catalog, service->db, &rules) !=
		RC_OK)
		rules = NULL; /* why is said of the database already */
	if (rules != NULL)
		stripe_words_examine(doctor, STRIPE_CHECKOUT, rules->locale);
	if (!stripe_doctor_sells(service->db))
		doctor_problem(doctor, "catalog",
		    "Say what is sold: paydesk catalog apply FILE.",
		    "it has no price: every order is answered 503");
	if (!stripe_doctor_key(
		doctor, service->arena, service->config, state->api, rights))
		return;
	stripe_doctor_prices(
	    doctor, service->arena, service->config, service->db, state->api);
	if (rules != NULL && rules->automatic_tax)
		stripe_doctor_tax(doctor, service->arena, state->api);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		STRIPE_API_SETTINGS, STRIPE_LIVEMODE, CALLER_SETTINGS,
		STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "POST", "/checkout", BODY_MAX, post_checkout },
		{ NULL, NULL, 0, NULL },
	};
	static const struct program program = {
		.name = "checkout",
		.summary = "open Stripe's page where customers buy a "
			   "subscription",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.options = options,
		.setup = setup,
		.examine = examine,
	};

	return program_main(&program, argc, argv);
}
