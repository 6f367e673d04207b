/*
 * portal - open Stripe's page where customers manage their subscription.
 *
 *   POST /portal {"flow":…?, "locale":…?, "return_url":…?}
 *     200 {"url":…}               short-lived: send the customer there at once
 *     400 admin_has_no_portal, invalid_flow, invalid_locale, invalid_return_url
 *     401 unauthorized            404 no_stripe_customer, user_not_found
 *     409 no_subscription         nothing that the flow could change
 *     415                         502 stripe_error
 *     503 not_configured, unavailable
 *
 * The role of this program reads accounts and nothing else; which subscription
 * a flow is about one function tells it.
 */
#include <string.h>

#include "program/caller.h"
#include "catalog/catalog_current.h"
#include "base/form_out.h"
#include "base/json.h"
#include "program/serve.h"
#include "stripe/customer_gone.h"
#include "stripe/stripe_api.h"
#include "stripe/stripe_doctor.h"
#include "stripe/stripe_words.h"

struct state {
	struct caller_rules callers;
	struct catalog_current *catalog;
	struct stripe_api *api; /* NULL: not configured */
};

DB_STATEMENT(portal_customer, 1,
    "SELECT stripe_customer_id, customer_gone_at IS NOT NULL AS gone"
    " FROM billing.accounts WHERE external_id = $1");
DB_STATEMENT(
    portal_subscription, 2, "SELECT billing.portal_subscription($1, $2) AS id");

static const struct db_statement *const own_statements[] = {
	&sql_portal_customer.is,
	&sql_portal_subscription.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	catalog_current_statements,
	customer_gone_statements,
	NULL,
};

/* What the caller wants; members may be NULL. */
struct wish {
	const struct stripe_flow *flow;
	const char *locale, *return_url;
};

/* read_flow - by its name; false: it has none that is known */
static bool
read_flow(json_object *body, struct wish *wish)
{
	const char *name;
	enum rc rc = json_string(body, "flow", &name);

	for (size_t i = 0; rc == RC_OK && stripe_flows[i].name != NULL; i++) {
		if (strcmp(name, stripe_flows[i].name) == 0)
			wish->flow = &stripe_flows[i];
	}
	return rc == RC_NOT_FOUND || wish->flow != NULL;
}

/* read_wish - the body, checked */
static enum rc
read_wish(const struct state *state, struct request *request, bool optional,
    const struct catalog_checkout *rules, struct wish *wish)
{
	json_object *body;
	enum rc rc = request_json(request, optional, &body);

	if (rc != RC_OK)
		return rc;
	memset(wish, 0, sizeof *wish);
	if (!read_flow(body, wish))
		return request_fail(request, RC_BAD_REQUEST, "invalid_flow",
		    "flow must be payment_method_update, subscription_cancel, "
		    "subscription_update, subscription_pause or "
		    "customer_update.");
	rc = json_string(body, "locale", &wish->locale);
	if (rc != RC_NOT_FOUND &&
	    (rc != RC_OK || !catalog_locale(wish->locale)))
		return request_fail(request, RC_BAD_REQUEST, "invalid_locale",
		    "locale must be \"auto\" or a locale such as \"de\".");
	rc = json_string(body, "return_url", &wish->return_url);
	if (rc != RC_NOT_FOUND &&
	    (rc != RC_OK ||
		!site_may_return(
		    state->callers.site, wish->return_url, rules->return_urls)))
		return request_fail(request, RC_BAD_REQUEST,
		    "invalid_return_url",
		    "return_url must be a page of SITE_URL, or of one that the "
		    "catalog allows.");
	if (wish->locale == NULL)
		wish->locale = rules->locale;
	wish->locale = stripe_locale(STRIPE_PORTAL, wish->locale);
	return RC_OK;
}

/* no_customer - 404 */
static enum rc
no_customer(struct request *request)
{
	return request_fail(request, RC_NOT_FOUND, "no_stripe_customer",
	    "This account has not bought anything yet, or its customer at "
	    "Stripe was deleted: use the checkout.");
}

/* find_customer - Stripe's id of the caller */
static enum rc
find_customer(struct service *service, struct request *request,
    const struct caller *caller, const char **customer)
{
	const char *const params[] = { caller->id };
	struct db_result *result;
	const char *id = NULL;
	bool known;
	enum rc rc;

	rc = db_run(service->db, sql_portal_customer, params, &result);
	if (rc != RC_OK)
		return rc;
	known = db_result_rows(result) > 0;
	if (known && !db_result_true(result, 0, "gone"))
		id = db_result_named(result, 0, "stripe_customer_id");
	*customer = id != NULL ?
	    arena_printf(request_arena(request), "%s", id) :
	    NULL;
	db_result_free(result);
	if (*customer != NULL)
		return RC_OK;
	if (caller->role != NULL)
		return request_fail(request, RC_BAD_REQUEST,
		    "admin_has_no_portal",
		    "An administrator who has bought nothing has no portal.");
	if (!known && caller->email == NULL)
		return request_fail(request, RC_NOT_FOUND, "user_not_found",
		    "There is no account for this caller.");
	return no_customer(request);
}

/* add_flow - the deep link, and the subscription that it is about */
static enum rc
add_flow(struct service *service, struct request *request,
    const struct stripe_flow *flow, const char *caller, const char *customer,
    struct form_out *form)
{
	const char *const params[] = { caller, customer };
	struct db_result *result;
	const char *id;
	enum rc rc;

	form_out_add(form, "flow_data[type]", flow->name);
	if (flow->subscription_key == NULL)
		return RC_OK;
	rc = db_run(service->db, sql_portal_subscription, params, &result);
	if (rc != RC_OK)
		return rc;
	id = db_result_named(result, 0, "id");
	form_out_add(form, flow->subscription_key, id);
	if (id == NULL)
		rc = request_fail_status(request, 409, RC_BAD_REQUEST,
		    "no_subscription",
		    "There is no subscription that could be changed.");
	db_result_free(result);
	return rc;
}

/* fill - the form; anything but RC_OK after the reply */
static enum rc
fill(struct service *service, struct request *request, const struct wish *wish,
    const char *caller, const char *customer, struct form_out *form)
{
	const struct state *state = service->state;

	form_out_add(form, "customer", customer);
	form_out_add(form, "return_url",
	    wish->return_url != NULL ?
		wish->return_url :
		site_page(
		    state->callers.site, request_arena(request), "/settings"));
	form_out_add(form, "locale", wish->locale);
	return wish->flow == NULL ?
	    RC_OK :
	    add_flow(service, request, wish->flow, caller, customer, form);
}

/* refused - by Stripe, which may have no such customer any more */
static enum rc
refused(struct service *service, struct request *request, const char *caller,
    const char *customer, const struct stripe_refusal *refusal)
{
	enum rc rc = customer_gone(service->db, refusal, caller, customer);

	if (rc == RC_OK)
		return no_customer(request);
	if (rc != RC_UPSTREAM)
		return rc;
	return request_fail(
	    request, RC_UPSTREAM, "stripe_error", refusal->detail);
}

/* open_portal - ask Stripe, pass its URL on */
static enum rc
open_portal(struct service *service, struct request *request,
    const struct wish *wish, const char *caller, const char *customer)
{
	const struct state *state = service->state;
	struct arena *arena = request_arena(request);
	struct form_out *form = form_out_new(arena);
	const char *url;
	struct stripe_refusal refusal;
	json_object *session, *body;
	enum rc rc;

	rc = fill(service, request, wish, caller, customer, form);
	if (rc != RC_OK)
		return rc;
	rc = stripe_api_open_portal(
	    state->api, arena, form, &session, &refusal);
	request_log(request, "stripe_request", refusal.request_id);
	if (rc != RC_OK)
		return refused(service, request, caller, customer, &refusal);
	if (json_string(session, "url", &url) != RC_OK)
		return request_fail(request, RC_UPSTREAM, "stripe_error",
		    "Stripe opened a page without an address.");
	body = json_object_new_object();
	json_object_object_add(body, "url", json_object_new_string(url));
	return request_reply(request, 200, body);
}

/* post_portal - POST /portal */
static enum rc
post_portal(struct service *service, struct request *request)
{
	const struct state *state = service->state;
	const struct catalog_checkout *rules;
	const char *customer;
	struct caller caller;
	struct wish wish;
	enum rc rc;

	rc = caller_identify(&state->callers, request, &caller);
	if (rc == RC_OK)
		rc = catalog_current_checkout(
		    state->catalog, service->db, &rules);
	if (rc == RC_OK)
		rc = read_wish(state, request, !caller.by_nginx, rules, &wish);
	if (rc != RC_OK)
		return rc;
	if (state->api == NULL ||
	    config_string(service->config, SITE_URL) == NULL)
		return request_fail_status(request, 503, RC_INTERNAL,
		    "not_configured",
		    "STRIPE_API_KEY or SITE_URL is not set on this server.");
	rc = find_customer(service, request, &caller, &customer);
	if (rc != RC_OK)
		return rc;
	return open_portal(service, request, &wish, caller.id, customer);
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

/* examine - for check: what a session needs, here and at Stripe */
static void
examine(struct service *service, struct doctor *doctor)
{
	static const struct stripe_right rights[] = {
		{ "Customer portal: write", "POST",
		    "/v1/billing_portal/sessions" },
		{ NULL, NULL, NULL }
	};
	const struct state *state = service->state;
	const struct catalog_checkout *rules;

	caller_examine(&state->callers, doctor);
	stripe_doctor_needs(doctor, service->config);
	if (service->db != NULL &&
	    catalog_current_checkout(state->catalog, service->db, &rules) ==
		RC_OK)
		stripe_words_examine(doctor, STRIPE_PORTAL, rules->locale);
	if (stripe_doctor_key(
		doctor, service->arena, service->config, state->api, rights))
		stripe_doctor_portal(doctor, service->arena, state->api);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		STRIPE_API_SETTINGS, STRIPE_LIVEMODE, CALLER_SETTINGS,
		STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "POST", "/portal", BODY_MAX, post_portal },
		{ NULL, NULL, 0, NULL },
	};
	static const struct program program = {
		.name = "portal",
		.summary = "open Stripe's page where customers manage their "
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
