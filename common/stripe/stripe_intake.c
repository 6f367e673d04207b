#include "stripe/stripe_intake.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/clock.h"
#include "stripe/stripe_ask.h"
#include "stripe/stripe_thin.h"
#include "stripe/stripe_types.h"

struct stripe_intake {
	struct stripe_api *api; /* NULL: not configured */
	bool asks_less;
	const char *key_mode; /* "live" or "test"; NULL: it does not say */
	const char *livemode; /* "true" or "false"; NULL: either */
	size_t store_max;     /* bytes of a body that the ledger keeps */
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

/* stripe_intake_ask_less - what is on the list says it all */
void
stripe_intake_ask_less(struct stripe_intake *intake)
{
	intake->asks_less = true;
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
	const char *id = "", *key;
	bool livemode = intake->livemode != NULL &&
	    strcmp(intake->livemode, "true") == 0;

	if (json_boolean(subscription, "livemode", &livemode) == RC_BAD_REQUEST)
		livemode = false;
	if (json_string(subscription, "id", &id) != RC_OK)
		id = "";
	key = arena_printf(arena, "reconcile_%s_%" PRId64, id, at_us / 1000000);
	return stripe_event_own(arena, key != NULL ? key : "", STRIPE_OWN_TYPE,
	    subscription, at_us, livemode, body_len);
}

/* is_other_session - a Checkout session that sells nothing */
static bool
is_other_session(const struct stripe_event *event, enum stripe_reading reading)
{
	const char *mode;

	return reading == READ_CHECKOUT &&
	    json_string(event->object, "mode", &mode) == RC_OK &&
	    strcmp(mode, "subscription") != 0 && strcmp(mode, "payment") != 0;
}

/* is_ours - of this account and in the mode that is wanted */
static bool
is_ours(const struct stripe_intake *intake, const struct stripe_event *event)
{
	const char *mode = intake->livemode;

	return event->account == NULL &&
	    (mode == NULL ||
		(event->has_livemode &&
		    event->livemode == (strcmp(mode, "true") == 0)));
}

/* action_for - apply, record or ignore; *type is what is applied */
static enum ledger_action
action_for(const struct stripe_intake *intake, const struct stripe_event *event,
    const struct stripe_type **type)
{
	if (event->thin || !is_ours(intake, event))
		return LEDGER_IGNORE;
	*type = event->fetched_us < 0 ?
	    stripe_types_find(event->type) :
	    stripe_types_of_object(event->type, event->object);
	if (*type != NULL)
		return is_other_session(event, (*type)->reading) ?
		    LEDGER_IGNORE :
		    LEDGER_APPLY;
	return stripe_types_known(event->type) != NULL ? LEDGER_RECORD :
							 LEDGER_IGNORE;
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
read_facts(const struct stripe_event *event, const struct stripe_type *type,
    struct stripe_facts *facts, const char **problem)
{
	enum rc rc;

	*problem = "event.created";
	if (event->created_s < 0)
		return RC_BAD_REQUEST;
	facts->rank = type->rank;
	if (type->reading == READ_SUBSCRIPTION) {
		if (facts->rank == RANK_FETCHED)
			facts->fetched_us = event->fetched_us;
		rc = stripe_facts_subscription(
		    event->object, event->previous, facts, problem);
	} else {
		rc = readers[type->reading](event->object, facts, problem);
	}
	if (type->fact != NULL)
		facts->fact = type->fact;
	if (type->reading == READ_INVOICE && event->fetched_us >= 0 &&
	    json_integer(json_member(event->object, "status_transitions"),
		"paid_at", 0, JSON_TIME_MAX, &facts->invoice_paid_s) != RC_OK)
		facts->invoice_paid_s = -1;
	return rc;
}

/* ask_more - what the event leaves open and Stripe can tell */
static enum rc
ask_more(struct stripe_ask *ask, bool asks_less, enum stripe_reading reading,
    struct ledger_entry *entry)
{
	switch (reading) {
	case READ_CHECKOUT:
		return asks_less ? RC_OK : stripe_ask_subscription(ask, entry);
	case READ_CHARGE:
	case READ_REFUND:
	case READ_DISPUTE:
	case READ_WARNING:
		return stripe_ask_payment(ask, entry);
	default:
		return RC_OK;
	}
}

/* stripe_intake_prepare - parse, decide, read, perhaps ask */
enum rc
stripe_intake_prepare(struct stripe_intake *intake, struct db *db,
    struct arena *arena, const char *body, size_t body_len,
    struct ledger_entry *entry)
{
	struct stripe_ask ask = { intake->api, db, arena,
		clock_monotonic_ms() + STRIPE_ASK_MS };
	const char *malformed;
	const struct stripe_type *type;
	enum rc rc;

	memset(entry, 0, sizeof *entry);
	entry->body = body;
	entry->body_len = body_len;
	entry->store_max = intake->store_max;
	rc = stripe_event_parse(arena, body, body_len, &entry->event);
	if (rc != RC_OK)
		return rc;
	stripe_facts_clear(&entry->facts);
	if (entry->event.thin && is_ours(intake, &entry->event) &&
	    stripe_types_of_thin(entry->event.type) != NULL) {
		rc = stripe_thin_open(&ask, entry);
		if (rc != RC_OK || entry->problem != NULL)
			return rc;
	}
	entry->action = action_for(intake, &entry->event, &type);
	if (entry->action != LEDGER_APPLY) {
		stripe_facts_any(entry->event.object, &entry->facts);
		return RC_OK;
	}
	if (read_facts(&entry->event, type, &entry->facts, &malformed) !=
	    RC_OK) {
		entry->problem = arena_printf(
		    arena, "%s is missing or malformed", malformed);
		return entry->problem != NULL ? RC_OK : RC_TOO_LARGE;
	}
	return ask_more(&ask, intake->asks_less, type->reading, entry);
}
