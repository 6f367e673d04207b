/*
 * stripe-webhook - take Stripe's events, keep the books right.
 *
 *   POST /webhooks/stripe
 *     200 {"received":true,"applied":…,"status":…}   committed, whatever it is
 *     400 invalid_signature, invalid_payload          nothing stored
 *     503 not_configured, unavailable                 Stripe sends it again
 *
 * A delivery goes: signature -> envelope -> facts by the table below -> perhaps
 * one question to Stripe -> one call to the database, which writes the ledger
 * row and every effect in one transaction -> reply.
 */
#include <string.h>
#include <time.h>

#include "catalog.h"
#include "json.h"
#include "ledger.h"
#include "log.h"
#include "replay.h"
#include "serve.h"
#include "signature.h"
#include "stripe_api.h"
#include "stripe_event.h"
#include "stripe_facts.h"
#include "stripe_tools.h"

#define FETCH_TIMEOUT_MS 3000

struct state {
	struct signature_keys *keys; /* NULL: not configured */
	struct catalog *catalog;
	struct stripe_api *api; /* NULL: not configured */
};

static const struct db_statement statements[] = {
	LEDGER_STATEMENTS,
	REPLAY_STATEMENTS,
	{ "nothing_to_fetch",
	    "SELECT EXISTS (SELECT FROM billing.subscriptions"
	    " WHERE stripe_subscription_id = $1 AND last_event_at IS NOT NULL)"
	    " OR EXISTS (SELECT FROM billing.stripe_events"
	    " WHERE event_id = $2 AND processed_at IS NOT NULL)" },
	{ NULL, NULL },
};

/* How the object of an event is read. */
enum reading {
	READ_CHECKOUT,
	READ_SUBSCRIPTION,
	READ_INVOICE,
	READ_CUSTOMER,
};

/*
 * The events that change the books. rank orders those of one second; fact is
 * what the event says beyond the object's own state.
 */
static const struct {
	const char *type;
	enum reading reading;
	enum stripe_rank rank;
	const char *fact;
} applied[] = {
	{ "checkout.session.completed", READ_CHECKOUT, RANK_FETCHED, NULL },
	{ "checkout.session.async_payment_succeeded", READ_CHECKOUT,
	    RANK_FETCHED, "checkout_paid" },
	{ "customer.subscription.created", READ_SUBSCRIPTION, RANK_CREATED,
	    NULL },
	{ "customer.subscription.updated", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.paused", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.resumed", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.trial_will_end", READ_SUBSCRIPTION,
	    RANK_UPDATED, NULL },
	{ "customer.subscription.deleted", READ_SUBSCRIPTION, RANK_DELETED,
	    NULL },
	{ "invoice.paid", READ_INVOICE, RANK_UPDATED, "payment_paid" },
	{ "invoice.payment_succeeded", READ_INVOICE, RANK_UPDATED,
	    "payment_paid" },
	{ "invoice.payment_failed", READ_INVOICE, RANK_UPDATED,
	    "payment_failed" },
	{ "customer.updated", READ_CUSTOMER, RANK_UPDATED, NULL },
	{ "customer.deleted", READ_CUSTOMER, RANK_DELETED, "customer_deleted" },
};

/* The events that are kept for people to look at. */
static const char *const recorded[] = {
	"checkout.session.async_payment_failed",
	"checkout.session.expired",
	"invoice.payment_action_required",
	"charge.refunded",
	"charge.dispute.created",
	"charge.dispute.closed",
	"refund.created",
	"refund.updated",
	"refund.failed",
};

/* action_for - apply, record or ignore; *row is its place in applied[] */
static enum ledger_action
action_for(const struct service *service, const struct stripe_event *event,
    size_t *row)
{
	const char *mode = config_string(service->config, STRIPE_LIVEMODE);

	if (event->thin || event->account != NULL)
		return LEDGER_IGNORE;
	if (mode != NULL &&
	    (!event->has_livemode ||
		event->livemode != (strcmp(mode, "true") == 0)))
		return LEDGER_IGNORE;
	for (*row = 0; *row < sizeof applied / sizeof *applied; ++*row) {
		if (strcmp(event->type, applied[*row].type) == 0)
			return LEDGER_APPLY;
	}
	for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
		if (strcmp(event->type, recorded[i]) == 0)
			return LEDGER_RECORD;
	}
	return LEDGER_IGNORE;
}

/* read_facts - by the kind of the object */
static enum rc
read_facts(const struct state *state, const struct stripe_event *event,
    size_t row, struct stripe_facts *facts, const char **problem)
{
	enum rc rc = RC_INTERNAL;

	*problem = "event.created";
	if (event->created_s < 0)
		return RC_BAD_REQUEST;
	switch (applied[row].reading) {
	case READ_CHECKOUT:
		rc = stripe_facts_checkout(event->object, facts, problem);
		break;
	case READ_SUBSCRIPTION:
		rc = stripe_facts_subscription(event->object, event->previous,
		    state->catalog, facts, problem);
		break;
	case READ_INVOICE:
		rc = stripe_facts_invoice(event->object, facts, problem);
		break;
	case READ_CUSTOMER:
		rc = stripe_facts_customer(event->object, facts, problem);
		break;
	}
	facts->rank = applied[row].rank;
	if (rc == RC_OK && applied[row].reading == READ_SUBSCRIPTION &&
	    facts->rank == RANK_DELETED &&
	    strcmp(facts->status, "incomplete_expired") != 0)
		facts->status = "canceled";
	if (applied[row].fact != NULL)
		facts->fact = applied[row].fact;
	return rc;
}

/* is_known - the books hold the subscription, or have seen the event */
static enum rc
is_known(struct service *service, const struct ledger_entry *entry, bool *known)
{
	const char *const params[] = { entry->facts.subscription,
		entry->event.id };
	struct db_result *result;
	enum rc rc;

	rc = db_run(service->db, "nothing_to_fetch", 2, params, &result);
	if (rc != RC_OK)
		return RC_BUSY;
	*known = *db_result_text(result, 0, 0) == 't';
	db_result_free(result);
	return RC_OK;
}

/*
 * fetch_subscription - add the subscription of a finished Checkout session when
 * the books do not hold it yet. Goes on without it when Stripe does not answer:
 * the subscription's own events fill the rest.
 */
static enum rc
fetch_subscription(
    struct service *service, struct arena *arena, struct ledger_entry *entry)
{
	const struct state *state = service->state;
	const char *id = entry->facts.subscription, *problem;
	struct stripe_facts fetched;
	json_object *subscription;
	bool known;

	if (state->api == NULL || id == NULL)
		return RC_OK;
	if (is_known(service, entry, &known) != RC_OK)
		return RC_BUSY;
	if (known ||
	    stripe_api_subscription(state->api, arena, id, FETCH_TIMEOUT_MS,
		&subscription) != RC_OK)
		return RC_OK;
	stripe_facts_clear(&fetched);
	if (stripe_facts_subscription(subscription, NULL, state->catalog,
		&fetched, &problem) == RC_OK &&
	    strcmp(fetched.subscription, id) == 0)
		stripe_facts_complete(&entry->facts, &fetched);
	else
		log_message("warn",
		    "stripe: the fetched subscription is not "
		    "what was asked for; going on without it");
	return RC_OK;
}

/*
 * prepare_event - from a body that is known to be Stripe's to what the ledger
 * takes. Deliveries and replays go through it alike. RC_BAD_REQUEST: it is no
 * event.
 */
static enum rc
prepare_event(struct service *service, struct arena *arena, const char *body,
    size_t body_len, struct ledger_entry *entry)
{
	const char *malformed;
	size_t row;
	enum rc rc;

	memset(entry, 0, sizeof *entry);
	entry->body = body;
	entry->body_len = body_len;
	entry->store_max = (size_t)config_long(
	    service->config, STRIPE_PAYLOAD_STORE_MAX);
	rc = stripe_event_parse(arena, body, body_len, &entry->event);
	if (rc != RC_OK)
		return rc;
	stripe_facts_clear(&entry->facts);
	entry->action = action_for(service, &entry->event, &row);
	if (entry->action != LEDGER_APPLY) {
		stripe_facts_any(entry->event.object, &entry->facts);
		return RC_OK;
	}
	if (read_facts(service->state, &entry->event, row, &entry->facts,
		&malformed) != RC_OK) {
		entry->problem = arena_printf(
		    arena, "%s is missing or malformed", malformed);
		return entry->problem != NULL ? RC_OK : RC_TOO_LARGE;
	}
	if (applied[row].reading == READ_CHECKOUT)
		return fetch_subscription(service, arena, entry);
	return RC_OK;
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
	const struct state *state = service->state;
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
	rc = prepare_event(
	    service, request_arena(request), body, body_len, &entry);
	if (rc == RC_BAD_REQUEST)
		return request_fail(request, rc, "invalid_payload",
		    "The body is not a JSON object with an event id.");
	request_log(request, "event", entry.event.id);
	request_log(request, "type", entry.event.type);
	if (rc == RC_OK)
		rc = ledger_apply(
		    service->db, request_arena(request), &entry, &outcome);
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

/* setup - keys, catalog, client */
static enum rc
setup(struct service *service, const char **problem)
{
	const char *secrets = config_string(
	    service->config, STRIPE_WEBHOOK_SECRET);
	struct state *state = arena_alloc(service->arena, sizeof *state);

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	if (secrets != NULL &&
	    ((state->keys = signature_keys_new(secrets)) == NULL ||
		arena_defer(service->arena, free_keys, state->keys) != 0))
		return RC_INTERNAL;
	state->api = stripe_api_new(service->arena, service->config);
	return catalog_load(service->arena,
	    config_string(service->config, CATALOG), &state->catalog, problem);
}

/* verify - the command: would this delivery be accepted? */
static int
verify(struct service *service, int argc, char **argv)
{
	const struct state *state = service->state;

	return stripe_tools_verify(service, state->keys, argc, argv);
}

/* send_events - the command: sign files and deliver them */
static int
send_events(struct service *service, int argc, char **argv)
{
	const struct state *state = service->state;

	return stripe_tools_send(service, state->keys, argc, argv);
}

/* replay - the command: apply again what the ledger holds */
static int
replay(struct service *service, int argc, char **argv)
{
	const struct state *state = service->state;

	return replay_events(service, state->api, prepare_event, argc, argv);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		STRIPE_WEBHOOK_SECRET, STRIPE_LIVEMODE,
		STRIPE_PAYLOAD_STORE_MAX, STRIPE_API_KEY, STRIPE_API_BASE,
		STRIPE_API_VERSION, CATALOG, REFERRAL_CREDIT_DAYS, PAYDESK_PORT,
		SETTING_END };
	static const struct route routes[] = {
		{ "POST", "/webhooks/stripe", BODY_MAX_WEBHOOK, post_event },
		{ NULL, NULL, 0, NULL }
	};
	static const struct command commands[] = {
		{ "verify", "--header H [--at UNIXTIME] < BODY",
		    "would this delivery be accepted, and if not, why?",
		    verify },
		{ "send", "[--url URL] [--account ID] [FILE…]",
		    "sign and deliver events, or a sample event", send_events },
		{ "replay", "[--failed | ID…] [--dry-run] [--json]",
		    "apply events of the ledger again", replay },
		{ NULL, NULL, NULL, NULL }
	};
	static const struct program program = {
		.name = "stripe-webhook",
		.summary = "take Stripe's events, keep the books right",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.setup = setup,
	};

	return program_main(&program, argc, argv);
}
