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
 * knows the price and decides whether a session is open already -> Stripe -> one
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
#include "stripe/checkout_form.h"
#include "stripe/order.h"
#include "program/serve.h"
#include "stripe/stripe_api.h"
#include "stripe/stripe_doctor.h"
#include "stripe/stripe_words.h"

#define LEARN_TIMEOUT_MS 3000 /* for a question before the order itself */

struct state {
	struct caller_rules callers;
	struct catalog_current *catalog;
	struct stripe_api *api; /* NULL: not configured */
};

DB_STATEMENT(checkout_begin, 5,
    "SELECT * FROM billing.checkout_begin($1, $2, $3, $4, $5)");
DB_STATEMENT(checkout_opened, 4,
    "SELECT billing.checkout_opened($1, $2, $3, to_timestamp($4))");
DB_STATEMENT(checkout_closed, 1, "SELECT billing.checkout_closed($1)");
DB_STATEMENT(price_learned, 2, "SELECT billing.price_learned($1, $2)");

static const struct db_statement *const own_statements[] = {
	&sql_checkout_begin.is,
	&sql_checkout_opened.is,
	&sql_checkout_closed.is,
	&sql_price_learned.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	catalog_current_statements,
	stripe_doctor_statements,
	NULL,
};

/* read_decision - RC_TOO_LARGE: the arena is used up */
static enum rc
read_decision(struct arena *arena, const struct db_result *result,
    struct checkout_decision *decision)
{
	const struct {
		const char *column, **text;
	} texts[] = {
		{ "outcome", &decision->outcome },
		{ "price_id", &decision->price_id },
		{ "plan", &decision->plan },
		{ "metered", &decision->metered },
		{ "trial_days", &decision->trial_days },
		{ "metadata_key", &decision->metadata_key },
		{ "referral", &decision->referral },
		{ "id_", &decision->id },
		{ "stripe_key_", &decision->stripe_key },
		{ "session_id", &decision->session_id },
		{ "url_", &decision->url },
		{ "customer", &decision->customer },
		{ "customer_email", &decision->email },
	};
	const char *text;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		text = db_result_named(result, 0, texts[i].column);
		*texts[i].text = text == NULL ?
		    NULL :
		    arena_copy(arena, text, strlen(text));
		if (text != NULL && *texts[i].text == NULL)
			return RC_TOO_LARGE;
	}
	decision->recent = db_result_true(result, 0, "recent");
	return RC_OK;
}

/* wish - an order as billing.checkout_begin() takes it; NULL: no memory */
static const char *
wish(struct arena *arena, const struct order *order)
{
	json_object *object = json_object_new_object();
	const char *text;

	json_add_text(object, "plan", order->plan);
	json_add_text(object, "period", order->period);
	json_add_text(object, "key", order->client_key);
	json_add_text(object, "request", order->canonical);
	json_add_text(object, "referral_code", order->referral_code);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	text = arena_copy(arena, text, strlen(text));
	json_object_put(object);
	return text;
}

/* begin - what this order leads to */
static enum rc
begin(struct service *service, struct arena *arena, const struct caller *caller,
    const struct order *order, struct checkout_decision *decision)
{
	const char *const params[] = { caller->id, caller->email,
		caller_verified(caller), caller->role, wish(arena, order) };
	struct db_result *result;
	enum rc rc;

	if (params[4] == NULL)
		return RC_TOO_LARGE;
	rc = db_run(service->db, sql_checkout_begin, params, &result);
	if (rc != RC_OK)
		return rc;
	rc = read_decision(arena, result, decision);
	db_result_free(result);
	return rc;
}

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

/*
 * learn - whether the price is metered, which Stripe takes no quantity for. What
 * Stripe does not say is asked again with the next order.
 */
static void
learn(struct service *service, struct arena *arena,
    struct checkout_decision *decision)
{
	const struct state *state = service->state;
	struct stripe_probe probe;
	const char *type;

	decision->metered = "f";
	stripe_api_probe(state->api, arena, "GET",
	    arena_printf(arena, "/v1/prices/%s", decision->price_id),
	    LEARN_TIMEOUT_MS, &probe);
	if (probe.status != 200)
		return;
	if (json_string(json_member(probe.object, "recurring"), "usage_type",
		&type) == RC_OK &&
	    strcmp(type, "metered") == 0)
		decision->metered = "t";
	const char *const params[] = { decision->price_id, decision->metered };

	if (db_run(service->db, sql_price_learned, params, NULL) != RC_OK)
		log_message("warn",
		    "could not store what Stripe says of %s: %s",
		    decision->price_id, db_error(service->db));
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

/* forget - the next wish gets a new session; failing that, after a while */
static void
forget(struct service *service, const struct checkout_decision *decision)
{
	const char *const params[] = { decision->id };

	if (db_run(service->db, sql_checkout_closed, params, NULL) != RC_OK)
		log_message("warn", "could not forget a closed session: %s",
		    db_error(service->db));
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
	int64_t expires_s = time(NULL) + 3600;
	const char *const params[] = { decision->id, id, url,
		json_integer(session, "expires_at", 0, JSON_TIME_MAX,
		    &expires_s) == RC_BAD_REQUEST ?
		    NULL :
		    arena_printf(arena, "%" PRId64, expires_s) };

	if (db_run(service->db, sql_checkout_opened, params, NULL) != RC_OK)
		log_message("warn", "could not store an open session: %s",
		    db_error(service->db));
}

/* open_session - ask Stripe for one */
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

	if (decision->metered == NULL)
		learn(service, arena, decision);
	rc = stripe_api_open_checkout(state->api, arena,
	    checkout_form(arena, caller->id, order, decision, rules),
	    decision->stripe_key, &session, &refusal);
	request_log(request, "stripe_request", refusal.request_id);
	if (rc != RC_OK) {
		if (refusal.answered)
			forget(service, decision);
		return request_fail(
		    request, RC_UPSTREAM, "stripe_error", refusal.detail);
	}
	if (json_string(session, "url", &url) != RC_OK ||
	    json_string(session, "id", &id) != RC_OK) {
		forget(service, decision);
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
	forget(service, decision);
	return RC_NOT_FOUND;
}

/* buy - from a decision to a session */
static enum rc
buy(struct service *service, struct request *request,
    const struct caller *caller, const struct order *order,
    const struct catalog_checkout *rules)
{
	struct arena *arena = request_arena(request);
	struct checkout_decision decision;
	enum rc rc;

	rc = begin(service, arena, caller, order, &decision);
	if (rc == RC_OK && strcmp(decision.outcome, "reuse") == 0) {
		if (!decision.recent)
			rc = still_open(service, request, &decision);
		if (rc == RC_OK)
			return reply(request, &decision, decision.url,
			    decision.session_id);
		if (rc != RC_NOT_FOUND)
			return rc;
		rc = begin(service, arena, caller, order, &decision);
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
		STRIPE_API_SETTINGS, CALLER_SETTINGS, STATS_DIR, SETTING_END };
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
