/*
 * stripe-webhook - take Stripe's events, keep the books right.
 *
 *   POST /webhooks/stripe
 *     200 {"received":true,"applied":…,"status":…}   committed, whatever it is
 *     400 invalid_signature, invalid_payload          nothing stored
 *     503 not_configured, unavailable                 Stripe sends it again
 *
 * A delivery goes: signature -> what it says (stripe_intake.h) -> one call to the
 * database, which writes the ledger row and every effect in one transaction ->
 * reply.
 */
#include <time.h>

#include "command/catch_up.h"
#include "command/catch_up_pass.h"
#include "command/events.h"
#include "command/events_show.h"
#include "base/json.h"
#include "stripe/ledger.h"
#include "stripe/stripe_ask.h"
#include "command/link.h"
#include "command/prune.h"
#include "command/reconcile.h"
#include "command/reconcile_walk.h"
#include "command/replay.h"
#include "program/serve.h"
#include "base/signature.h"
#include "program/stats.h"
#include "stripe/stripe_doctor.h"
#include "stripe/stripe_endpoint.h"
#include "stripe/stripe_intake.h"
#include "stripe/stripe_thin.h"
#include "stripe/stripe_types.h"
#include "stripe/stripe_state.h"
#include "command/stripe_tools.h"

static const struct db_statement *const *const statements[] = {
	ledger_statements,
	replay_statements,
	catch_up_statements,
	reconcile_statements,
	reconcile_walk_statements,
	events_statements,
	events_show_statements,
	link_statements,
	stripe_ask_statements,
	stripe_thin_statements,
	stripe_doctor_statements,
	prune_stripe_statements,
	NULL,
};

/* count - a delivery, by the words of our own tables alone */
static void
count(const char *type, const char *outcome)
{
	const char *known = type != NULL ? stripe_types_known(type) : NULL;

	stats_event("stripe", known != NULL ? known : "other", outcome);
}

/* reply_outcome - what Stripe, and whoever reads its dashboard, is told */
static enum rc
reply_outcome(struct request *request, enum ledger_outcome outcome)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "received", json_object_new_boolean(true));
	json_object_object_add(body, "applied",
	    json_object_new_boolean(outcome == LEDGER_APPLIED));
	json_object_object_add(body, "status",
	    json_object_new_string(ledger_outcome_name(outcome)));
	if (outcome == LEDGER_DUPLICATE)
		json_object_object_add(
		    body, "duplicate", json_object_new_boolean(true));
	if (outcome == LEDGER_IGNORED)
		json_object_object_add(
		    body, "handled", json_object_new_boolean(false));
	request_log(request, "outcome", ledger_outcome_name(outcome));
	return request_reply(request, 200, body);
}

/* post_event - POST /webhooks/stripe */
static enum rc
post_event(struct service *service, struct request *request)
{
	const struct stripe_state *state = service->state;
	enum ledger_outcome outcome;
	struct ledger_entry entry;
	const char *body, *reason;
	size_t body_len;
	enum rc rc;

	if (state->keys == NULL)
		return request_fail_status(request, 503, RC_INTERNAL,
		    "not_configured",
		    "STRIPE_WEBHOOK_SECRET is not set on this server.");
	body = request_body(request, &body_len);
	rc = signature_verify(state->keys,
	    request_param(request, "HTTP_STRIPE_SIGNATURE"), body, body_len,
	    time(NULL), &reason);
	if (rc != RC_OK)
		return request_fail(request, rc, "invalid_signature",
		    arena_printf(request_arena(request),
			"Not accepted as Stripe's: %s.", reason));
	rc = stripe_intake_prepare(state->intake, service->db,
	    request_arena(request), body, body_len, &entry);
	if (rc == RC_BAD_REQUEST)
		return request_fail(request, rc, "invalid_payload",
		    "The body is not a JSON object with an event id.");
	request_log(request, "event", entry.event.id);
	request_log(request, "type", entry.event.type);
	if (rc == RC_UPSTREAM) {
		ledger_wait(service->db, &entry);
		count(entry.event.type, "not_configured");
		return request_fail_status(
		    request, 503, rc, "not_configured", entry.problem);
	}
	if (rc == RC_OK)
		rc = ledger_apply(
		    service->db, request_arena(request), &entry, &outcome);
	count(entry.event.type,
	    rc == RC_OK ? ledger_outcome_name(outcome) : "unavailable");
	if (rc != RC_OK)
		return rc;
	return reply_outcome(request, outcome);
}

/* free_keys - signature_keys_free() as arena_defer() wants it */
static void
free_keys(void *keys)
{
	signature_keys_free(keys);
}

/* setup - keys, intake */
static enum rc
setup(struct service *service, const char **problem)
{
	const char *secrets = config_string(
	    service->config, STRIPE_WEBHOOK_SECRET);
	struct stripe_state *state = arena_alloc(service->arena, sizeof *state);

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	if (secrets != NULL &&
	    ((state->keys = signature_keys_new(secrets)) == NULL ||
		arena_defer(service->arena, free_keys, state->keys) != 0))
		return RC_INTERNAL;
	state->intake = stripe_intake_new(service->arena, service->config);
	return state->intake != NULL ? RC_OK : RC_INTERNAL;
}

/* examine - for check: what deliveries need, here and at Stripe */
static void
examine(struct service *service, struct doctor *doctor)
{
	static const struct stripe_right rights[] = {
		{ "Subscriptions: read", "GET", "/v1/subscriptions?limit=1" },
		{ "Invoices: read", "GET", "/v1/invoices?limit=1" },
		{ "Events: read", "GET", "/v1/events?limit=1" },
		{ NULL, NULL, NULL },
	};
	const struct stripe_state *state = service->state;
	struct stripe_api *api = stripe_intake_api(state->intake);

	replay_examine(service, doctor);
	if (state->keys == NULL)
		doctor_problem(doctor, "STRIPE_WEBHOOK_SECRET",
		    "Set STRIPE_WEBHOOK_SECRET to the secret that Stripe shows "
		    "with the webhook endpoint.",
		    "not set: every delivery is answered 503");
	if (!stripe_doctor_sells(service->db))
		doctor_warn(doctor, "catalog",
		    "Say what is sold: paydesk catalog apply FILE.",
		    "it has no price: every subscription's plan is unknown");
	if (api == NULL)
		doctor_warn(doctor, "STRIPE_API_KEY",
		    "Set STRIPE_API_KEY to a restricted key.",
		    "not set: nothing can be asked of Stripe");
	if (!stripe_doctor_key(
		doctor, service->arena, service->config, api, rights))
		return;
	stripe_doctor_prices(
	    doctor, service->arena, service->config, service->db, api);
	stripe_endpoint_examine(doctor, service->arena, service->config, api);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		STRIPE_WEBHOOK_SECRET, STRIPE_WEBHOOK_URL,
		STRIPE_INTAKE_SETTINGS, PAYLOAD_KEEP_DAYS, PAYDESK_PORT,
		STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "POST", "/webhooks/stripe", BODY_MAX_WEBHOOK, post_event },
		{ NULL, NULL, 0, NULL },
	};
	static const struct command *const commands[] = {
		&stripe_tools_verify_command,
		&stripe_tools_send_command,
		&events_list_command,
		&events_show_command,
		&events_replay_command,
		&events_skip_command,
		&link_command,
		&unlink_command,
		&catch_up_command,
		&prune_stripe_command,
		&reconcile_command,
		NULL,
	};
	static const struct program program = {
		.name = "stripe-webhook",
		.summary = "take Stripe's events, keep the books right",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.setup = setup,
		.examine = examine,
	};

	return program_main(&program, argc, argv);
}
