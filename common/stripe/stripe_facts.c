#include "stripe/stripe_facts.h"

#include <string.h>

#include "base/json.h"

/* stripe_facts_clear - everything unknown */
void
stripe_facts_clear(struct stripe_facts *facts)
{
	memset(facts, 0, sizeof *facts);
	facts->quantity = -1;
	facts->period_start_s = -1;
	facts->period_end_s = -1;
	facts->trial_end_s = -1;
	facts->cancel_at_s = -1;
	facts->invoice_created_s = -1;
	facts->invoice_paid_s = -1;
	facts->amount = -1;
	facts->due_by_s = -1;
	facts->next_at_s = -1;
	facts->fetched_us = -1;
}

/* stripe_facts_metadata - of an object, when it has any */
json_object *
stripe_facts_metadata(json_object *object)
{
	json_object *meta = json_member(object, "metadata");

	return json_object_is_type(meta, json_type_object) ? meta : NULL;
}

/* stripe_facts_malformed - name the member that is */
enum rc
stripe_facts_malformed(const char **problem, const char *what)
{
	*problem = what;
	return RC_BAD_REQUEST;
}

/* stripe_facts_time - an optional time; false when it is malformed */
bool
stripe_facts_time(json_object *object, const char *key, int64_t *time_s)
{
	return json_integer(object, key, 0, JSON_TIME_MAX, time_s) !=
	    RC_BAD_REQUEST;
}

/* stripe_facts_price - the id of an item's price, or of its plan in old shapes */
const char *
stripe_facts_price(json_object *item)
{
	const char *id;

	if (json_id(item, "price", &id) == RC_OK ||
	    json_id(item, "plan", &id) == RC_OK)
		return id;
	return NULL;
}

/* read_items - check them; the latest end of all, and that item's start */
static enum rc
read_items(struct stripe_facts *facts, const char **problem)
{
	for (size_t i = 0; i < json_length(facts->items); i++) {
		json_object *item = json_object_array_get_idx(facts->items, i);
		int64_t start_s = -1, end_s = -1, quantity;

		if (!stripe_facts_time(
			item, "current_period_start", &start_s) ||
		    !stripe_facts_time(item, "current_period_end", &end_s))
			return stripe_facts_malformed(
			    problem, "items.data[].current_period_end");
		if (json_integer(item, "quantity", 0, INT32_MAX, &quantity) ==
		    RC_BAD_REQUEST)
			return stripe_facts_malformed(
			    problem, "items.data[].quantity");
		if (end_s > facts->period_end_s) {
			facts->period_start_s = start_s;
			facts->period_end_s = end_s;
		}
	}
	return RC_OK;
}

/* stripe_facts_subscription - a snapshot, either shape */
enum rc
stripe_facts_subscription(json_object *subscription, json_object *previous,
    struct stripe_facts *facts, const char **problem)
{
	bool at_period_end = false;
	int64_t resumes_s;
	enum rc rc;

	if (json_string(subscription, "id", &facts->subscription) != RC_OK ||
	    *facts->subscription == '\0')
		return stripe_facts_malformed(problem, "subscription.id");
	if (json_id(subscription, "customer", &facts->customer) ==
	    RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "subscription.customer");
	rc = json_string(subscription, "status", &facts->status);
	if (rc == RC_NOT_FOUND && facts->rank == RANK_DELETED)
		facts->status = "canceled";
	else if (rc != RC_OK || *facts->status == '\0')
		return stripe_facts_malformed(problem, "subscription.status");
	if (json_boolean(subscription, "cancel_at_period_end",
		&at_period_end) == RC_BAD_REQUEST)
		return stripe_facts_malformed(
		    problem, "subscription.cancel_at_period_end");
	if (!stripe_facts_time(subscription, "cancel_at", &facts->cancel_at_s))
		return stripe_facts_malformed(
		    problem, "subscription.cancel_at");
	if (!stripe_facts_time(subscription, "trial_end", &facts->trial_end_s))
		return stripe_facts_malformed(
		    problem, "subscription.trial_end");
	facts->items = json_path(subscription, "items", "data", NULL);
	if (read_items(facts, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if (facts->period_end_s == -1 &&
	    (!stripe_facts_time(subscription, "current_period_start",
		 &facts->period_start_s) ||
		!stripe_facts_time(
		    subscription, "current_period_end", &facts->period_end_s)))
		return stripe_facts_malformed(
		    problem, "subscription.current_period_end");
	if (json_integer(subscription, "quantity", 0, INT32_MAX,
		&facts->quantity) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "subscription.quantity");
	facts->cancel_scheduled = at_period_end || facts->cancel_at_s != -1;
	facts->metadata = stripe_facts_metadata(subscription);
	facts->pause_collection = json_member(subscription, "pause_collection");
	if (json_integer(facts->pause_collection, "resumes_at", 0,
		JSON_TIME_MAX, &resumes_s) == RC_BAD_REQUEST)
		return stripe_facts_malformed(
		    problem, "subscription.pause_collection.resumes_at");
	facts->previous = previous;
	if (json_id(subscription, "latest_invoice", &facts->latest_invoice) !=
	    RC_OK)
		facts->latest_invoice = NULL;
	if (json_id(subscription, "schedule", &facts->schedule) != RC_OK)
		facts->schedule = NULL;
	return RC_OK;
}

/* stripe_facts_checkout - who bought, and whether it is paid */
enum rc
stripe_facts_checkout(
    json_object *session, struct stripe_facts *facts, const char **problem)
{
	const char *payment;
	enum rc rc;

	if (!json_object_is_type(session, json_type_object))
		return stripe_facts_malformed(problem, "data.object");
	if (json_id(session, "customer", &facts->customer) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "session.customer");
	if (json_id(session, "subscription", &facts->subscription) ==
	    RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "session.subscription");
	rc = json_string(session, "payment_status", &payment);
	if (rc == RC_BAD_REQUEST)
		return stripe_facts_malformed(
		    problem, "session.payment_status");
	facts->metadata = stripe_facts_metadata(session);
	if (json_string(session, "id", &facts->session) != RC_OK)
		facts->session = NULL;
	if (json_string(session, "mode", &facts->mode) != RC_OK)
		facts->mode = NULL;
	if (json_string(session, "currency", &facts->currency) != RC_OK)
		facts->currency = NULL;
	if (json_id(session, "payment_intent", &facts->payment) != RC_OK)
		facts->payment = NULL;
	if (json_integer(session, "amount_total", 0, INT64_MAX,
		&facts->amount) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "session.amount_total");
	if (json_string(session, "client_reference_id", &facts->reference) !=
		RC_OK ||
	    *facts->reference == '\0')
		facts->reference = NULL;
	facts->payment_link = json_member(session, "payment_link") != NULL;
	if (json_string(json_member(session, "customer_details"), "email",
		&facts->email) != RC_OK &&
	    json_string(session, "customer_email", &facts->email) != RC_OK)
		facts->email = NULL;
	facts->fact = rc == RC_OK &&
		(strcmp(payment, "paid") == 0 ||
		    strcmp(payment, "no_payment_required") == 0) ?
	    "checkout_paid" :
	    "checkout_unpaid";
	return RC_OK;
}

/* stripe_facts_customer - the customer itself */
enum rc
stripe_facts_customer(
    json_object *customer, struct stripe_facts *facts, const char **problem)
{
	if (json_string(customer, "id", &facts->customer) != RC_OK ||
	    *facts->customer == '\0')
		return stripe_facts_malformed(problem, "customer.id");
	if (json_string(customer, "email", &facts->email) != RC_OK)
		facts->email = NULL;
	facts->metadata = stripe_facts_metadata(customer);
	return RC_OK;
}

/* stripe_facts_complete - a snapshot for facts that have none */
void
stripe_facts_complete(
    struct stripe_facts *facts, const struct stripe_facts *fetched)
{
	struct stripe_facts whole = *fetched;

	whole.fact = facts->fact;
	whole.own_metadata = fetched->metadata;
	whole.rank = facts->rank;
	if (facts->customer != NULL)
		whole.customer = facts->customer;
	whole.reference = facts->reference;
	whole.session = facts->session;
	whole.mode = facts->mode;
	whole.payment_link = facts->payment_link;
	if (facts->metadata != NULL && json_first(facts->metadata) != NULL)
		whole.metadata = facts->metadata;
	if (facts->email != NULL)
		whole.email = facts->email;
	*facts = whole;
}

/* stripe_facts_any - for the record */
void
stripe_facts_any(json_object *object, struct stripe_facts *facts)
{
	const char *kind, *own_id;

	if (json_string(object, "object", &kind) != RC_OK)
		kind = "";
	if (json_string(object, "id", &own_id) != RC_OK)
		own_id = NULL;
	if (strcmp(kind, "customer") == 0) {
		facts->customer = own_id;
		return;
	}
	if (json_id(object, "customer", &facts->customer) != RC_OK)
		facts->customer = NULL;
	if (strcmp(kind, "subscription") == 0) {
		facts->subscription = own_id;
		return;
	}
	if (json_id(json_path(object, "parent", "subscription_details", NULL),
		"subscription", &facts->subscription) != RC_OK &&
	    json_id(object, "subscription", &facts->subscription) != RC_OK)
		facts->subscription = NULL;
}
