#include "stripe/stripe_intake.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "stripe/stripe_event.h"
#include "stripe/stripe_facts.h"

DB_STATEMENT(nothing_to_fetch, 2,
    "SELECT EXISTS (SELECT FROM billing.subscriptions"
    " WHERE stripe_subscription_id = $1"
    " AND last_event_at IS NOT NULL)"
    " OR EXISTS (SELECT FROM billing.stripe_events"
    " WHERE event_id = $2 AND processed_at IS NOT NULL)");

const struct db_statement *const stripe_intake_statements[] = {
	&sql_nothing_to_fetch.is,
	NULL,
};

#define FETCH_TIMEOUT_MS 3000
#define OWN_TYPE "paydesk.reconcile"

struct stripe_intake {
	struct stripe_api *api; /* NULL: not configured */
	bool asks_nothing;
	const char *key_mode; /* "live" or "test"; NULL: it does not say */
	const char *livemode; /* "true" or "false"; NULL: either */
	size_t store_max;     /* bytes of a body that the ledger keeps */
};

/* How the object of an event is read. */
enum reading {
	READ_CHECKOUT,
	READ_SUBSCRIPTION,
	READ_INVOICE,
	READ_INVOICE_PAYMENT,
	READ_CHARGE,
	READ_REFUND,
	READ_DISPUTE,
	READ_WARNING,
	READ_SCHEDULE,
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
} handled[] = {
	{ "checkout.session.completed", READ_CHECKOUT, RANK_FETCHED, NULL },
	{ "checkout.session.async_payment_succeeded", READ_CHECKOUT,
	    RANK_FETCHED, "checkout_paid" },
	{ "checkout.session.async_payment_failed", READ_CHECKOUT, RANK_FETCHED,
	    "checkout_unpaid" },
	{ "customer.subscription.created", READ_SUBSCRIPTION, RANK_CREATED,
	    NULL },
	{ "customer.subscription.updated", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.paused", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.resumed", READ_SUBSCRIPTION, RANK_UPDATED,
	    NULL },
	{ "customer.subscription.pending_update_applied", READ_SUBSCRIPTION,
	    RANK_UPDATED, NULL },
	{ "customer.subscription.pending_update_expired", READ_SUBSCRIPTION,
	    RANK_UPDATED, NULL },
	{ "customer.subscription.trial_will_end", READ_SUBSCRIPTION,
	    RANK_UPDATED, NULL },
	{ "customer.subscription.deleted", READ_SUBSCRIPTION, RANK_DELETED,
	    NULL },
	{ "invoice.paid", READ_INVOICE, RANK_UPDATED, "payment_paid" },
	{ "invoice.payment_succeeded", READ_INVOICE, RANK_UPDATED,
	    "payment_paid" },
	{ "invoice.payment_failed", READ_INVOICE, RANK_UPDATED,
	    "payment_failed" },
	{ "invoice.payment_action_required", READ_INVOICE, RANK_UPDATED,
	    "action_required" },
	{ "invoice.overdue", READ_INVOICE, RANK_UPDATED, "invoice_overdue" },
	{ "invoice.voided", READ_INVOICE, RANK_UPDATED, "invoice_closed" },
	{ "invoice.marked_uncollectible", READ_INVOICE, RANK_UPDATED,
	    "invoice_closed" },
	{ "invoice_payment.paid", READ_INVOICE_PAYMENT, RANK_UPDATED,
	    "invoice_payment" },
	{ "charge.refunded", READ_CHARGE, RANK_UPDATED, "charge_refunded" },
	{ "charge.refund.updated", READ_REFUND, RANK_UPDATED, NULL },
	{ "refund.created", READ_REFUND, RANK_CREATED, NULL },
	{ "refund.updated", READ_REFUND, RANK_UPDATED, NULL },
	{ "refund.failed", READ_REFUND, RANK_UPDATED, NULL },
	{ "charge.dispute.created", READ_DISPUTE, RANK_CREATED, "dispute" },
	{ "charge.dispute.updated", READ_DISPUTE, RANK_UPDATED, "dispute" },
	{ "charge.dispute.closed", READ_DISPUTE, RANK_DELETED, "dispute" },
	{ "radar.early_fraud_warning.created", READ_WARNING, RANK_CREATED,
	    "fraud_warning" },
	{ "subscription_schedule.created", READ_SCHEDULE, RANK_CREATED,
	    "schedule" },
	{ "subscription_schedule.updated", READ_SCHEDULE, RANK_UPDATED,
	    "schedule" },
	{ "subscription_schedule.released", READ_SCHEDULE, RANK_DELETED,
	    "schedule" },
	{ "subscription_schedule.canceled", READ_SCHEDULE, RANK_DELETED,
	    "schedule" },
	{ "subscription_schedule.completed", READ_SCHEDULE, RANK_DELETED,
	    "schedule" },
	{ "subscription_schedule.aborted", READ_SCHEDULE, RANK_DELETED,
	    "schedule" },
	{ "customer.updated", READ_CUSTOMER, RANK_UPDATED, "customer_seen" },
	{ "customer.deleted", READ_CUSTOMER, RANK_DELETED, "customer_deleted" },
	{ OWN_TYPE, READ_SUBSCRIPTION, RANK_FETCHED, NULL },
};

/* The events that are kept for people to look at. */
static const char *const recorded[] = {
	"checkout.session.expired",
};

/* stripe_intake_new - settings, client */
struct stripe_intake *
stripe_intake_new(struct arena *arena, const struct config *config)
{
	struct stripe_intake *made = arena_alloc(arena, sizeof *made);

	if (made == NULL)
		return NULL;
	made->livemode = config_string(config, STRIPE_LIVEMODE);
	made->store_max = (size_t)config_long(config, STRIPE_PAYLOAD_STORE_MAX);
	made->key_mode = stripe_api_mode(config);
	made->api = stripe_api_new(arena, config);
	return made;
}

/* stripe_intake_api - for whoever has more questions */
struct stripe_api *
stripe_intake_api(const struct stripe_intake *intake)
{
	return intake->api;
}

/* stripe_intake_ask_nothing - what is on the list says it all */
void
stripe_intake_ask_nothing(struct stripe_intake *intake)
{
	intake->asks_nothing = true;
}

/* stripe_intake_trouble - no key, or one of the other mode */
const char *
stripe_intake_trouble(const struct stripe_intake *intake)
{
	if (intake->api == NULL)
		return "STRIPE_API_KEY is not set";
	if (intake->livemode != NULL && intake->key_mode != NULL &&
	    (strcmp(intake->livemode, "true") == 0) !=
		(strcmp(intake->key_mode, "live") == 0))
		return "STRIPE_API_KEY is of the other mode than "
		       "STRIPE_LIVEMODE says";
	return NULL;
}

/* stripe_intake_applied - from the first table */
const char *
stripe_intake_applied(size_t number)
{
	/* the last one never comes from Stripe */
	return number < sizeof handled / sizeof *handled - 1 ?
	    handled[number].type :
	    NULL;
}

/* stripe_intake_recorded - from the second */
const char *
stripe_intake_recorded(size_t number)
{
	return number < sizeof recorded / sizeof *recorded ? recorded[number] :
							     NULL;
}

/* stripe_intake_listed - from the first, then from the second */
const char *
stripe_intake_listed(size_t number)
{
	size_t applied = sizeof handled / sizeof *handled - 1;

	return number < applied ? handled[number].type :
				  stripe_intake_recorded(number - applied);
}

/* stripe_intake_type - from either */
const char *
stripe_intake_type(const char *type)
{
	const char *known;

	for (size_t i = 0; (known = stripe_intake_listed(i)) != NULL; i++) {
		if (strcmp(known, type) == 0)
			return known;
	}
	return NULL;
}

/* stripe_intake_snapshot - of a subscription */
enum rc
stripe_intake_snapshot(
    json_object *subscription, struct stripe_facts *facts, const char **problem)
{
	stripe_facts_clear(facts);
	facts->rank = RANK_FETCHED;
	return stripe_facts_subscription(subscription, NULL, facts, problem);
}

/* stripe_intake_own_event - named so that it cannot be taken for Stripe's */
const char *
stripe_intake_own_event(const struct stripe_intake *intake, struct arena *arena,
    json_object *subscription, int64_t at_us, size_t *body_len)
{
	json_object *event = json_object_new_object();
	json_object *data = json_object_new_object();
	const char *id = "", *text;
	bool livemode = intake->livemode != NULL &&
	    strcmp(intake->livemode, "true") == 0;

	if (json_boolean(subscription, "livemode", &livemode) == RC_BAD_REQUEST)
		livemode = false;
	if (json_string(subscription, "id", &id) != RC_OK)
		id = "";
	text = arena_printf(
	    arena, "reconcile_%s_%" PRId64, id, at_us / 1000000);
	json_object_object_add(
	    event, "id", json_object_new_string(text != NULL ? text : ""));
	json_object_object_add(
	    event, "object", json_object_new_string("event"));
	json_object_object_add(event, "type", json_object_new_string(OWN_TYPE));
	json_object_object_add(
	    event, "created", json_object_new_int64(at_us / 1000000));
	json_object_object_add(
	    event, "livemode", json_object_new_boolean(livemode));
	json_object_object_add(data, "object", json_object_get(subscription));
	json_object_object_add(
	    data, "fetched_us", json_object_new_int64(at_us));
	json_object_object_add(event, "data", data);
	text = json_object_to_json_string_length(event,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, body_len);
	text = arena_copy(arena, text, *body_len);
	json_object_put(event);
	return text;
}

/* is_other_session - a Checkout session that is about no subscription */
static bool
is_other_session(const struct stripe_event *event, enum reading reading)
{
	const char *mode;

	return reading == READ_CHECKOUT &&
	    json_string(event->object, "mode", &mode) == RC_OK &&
	    strcmp(mode, "subscription") != 0;
}

/* action_for - apply, record or ignore; *row is its place in applied[] */
static enum ledger_action
action_for(const struct stripe_intake *intake, const struct stripe_event *event,
    size_t *row)
{
	const char *mode = intake->livemode;

	if (event->thin || event->account != NULL)
		return LEDGER_IGNORE;
	if (mode != NULL &&
	    (!event->has_livemode ||
		event->livemode != (strcmp(mode, "true") == 0)))
		return LEDGER_IGNORE;
	for (*row = 0; *row < sizeof handled / sizeof *handled; ++*row) {
		if (strcmp(event->type, handled[*row].type) == 0)
			return is_other_session(event, handled[*row].reading) ?
			    LEDGER_IGNORE :
			    LEDGER_APPLY;
	}
	for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
		if (strcmp(event->type, recorded[i]) == 0)
			return LEDGER_RECORD;
	}
	return LEDGER_IGNORE;
}

/* The readers; that of a subscription also looks at what was before. */
static enum rc (*const readers[])(
    json_object *object, struct stripe_facts *facts, const char **problem) = {
	[READ_CHECKOUT] = stripe_facts_checkout,
	[READ_INVOICE] = stripe_facts_invoice,
	[READ_INVOICE_PAYMENT] = stripe_facts_invoice_payment,
	[READ_CHARGE] = stripe_facts_charge,
	[READ_REFUND] = stripe_facts_refund,
	[READ_DISPUTE] = stripe_facts_dispute,
	[READ_WARNING] = stripe_facts_warning,
	[READ_SCHEDULE] = stripe_facts_schedule,
	[READ_CUSTOMER] = stripe_facts_customer,
};

/* read_facts - by the kind of the object */
static enum rc
read_facts(const struct stripe_event *event, size_t row,
    struct stripe_facts *facts, const char **problem)
{
	enum rc rc;

	*problem = "event.created";
	if (event->created_s < 0)
		return RC_BAD_REQUEST;
	facts->rank = handled[row].rank;
	if (handled[row].reading == READ_SUBSCRIPTION) {
		if (facts->rank == RANK_FETCHED)
			facts->fetched_us = event->fetched_us;
		rc = stripe_facts_subscription(
		    event->object, event->previous, facts, problem);
	} else {
		rc = readers[handled[row].reading](
		    event->object, facts, problem);
	}
	if (handled[row].fact != NULL)
		facts->fact = handled[row].fact;
	return rc;
}

/* is_known - the books hold the subscription, or have seen the event */
static enum rc
is_known(struct db *db, const struct ledger_entry *entry, bool *known)
{
	const char *const params[] = { entry->facts.subscription,
		entry->event.id };
	struct db_result *result;
	enum rc rc;

	rc = db_run(db, sql_nothing_to_fetch, params, &result);
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
fetch_subscription(struct stripe_intake *intake, struct db *db,
    struct arena *arena, struct ledger_entry *entry)
{
	const char *id = entry->facts.subscription, *problem;
	struct stripe_facts fetched;
	json_object *subscription;
	int64_t before_us;
	bool known;

	if (intake->api == NULL || intake->asks_nothing || id == NULL)
		return RC_OK;
	if (is_known(db, entry, &known) != RC_OK)
		return RC_BUSY;
	if (known ||
	    stripe_api_subscription(intake->api, arena, id, FETCH_TIMEOUT_MS,
		&subscription, &before_us) != RC_OK)
		return RC_OK;
	stripe_facts_clear(&fetched);
	fetched.fetched_us = before_us;
	if (stripe_facts_subscription(subscription, NULL, &fetched, &problem) ==
		RC_OK &&
	    strcmp(fetched.subscription, id) == 0)
		stripe_facts_complete(&entry->facts, &fetched);
	else
		log_message("warn",
		    "stripe: the fetched subscription is not "
		    "what was asked for; going on without it");
	return RC_OK;
}

/* stripe_intake_prepare - parse, decide, read, perhaps ask */
enum rc
stripe_intake_prepare(struct stripe_intake *intake, struct db *db,
    struct arena *arena, const char *body, size_t body_len,
    struct ledger_entry *entry)
{
	const char *malformed;
	size_t row;
	enum rc rc;

	memset(entry, 0, sizeof *entry);
	entry->body = body;
	entry->body_len = body_len;
	entry->store_max = intake->store_max;
	rc = stripe_event_parse(arena, body, body_len, &entry->event);
	if (rc != RC_OK)
		return rc;
	stripe_facts_clear(&entry->facts);
	entry->action = action_for(intake, &entry->event, &row);
	if (entry->action != LEDGER_APPLY) {
		stripe_facts_any(entry->event.object, &entry->facts);
		return RC_OK;
	}
	if (read_facts(&entry->event, row, &entry->facts, &malformed) !=
	    RC_OK) {
		entry->problem = arena_printf(
		    arena, "%s is missing or malformed", malformed);
		return entry->problem != NULL ? RC_OK : RC_TOO_LARGE;
	}
	if (handled[row].reading == READ_CHECKOUT)
		return fetch_subscription(intake, db, arena, entry);
	return RC_OK;
}
