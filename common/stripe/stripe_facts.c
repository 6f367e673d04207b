#include "stripe/stripe_facts.h"

#include <string.h>

#include "base/json.h"
#include "base/moment.h"

/* stripe_facts_clear - everything unknown */
void
stripe_facts_clear(struct stripe_facts *facts)
{
	memset(facts, 0, sizeof *facts);
	facts->seats = -1;
	facts->period_start_s = -1;
	facts->period_end_s = -1;
	facts->trial_end_s = -1;
	facts->cancel_at_s = -1;
}

/* metadata - a non-empty value of an object's metadata, or NULL */
static const char *
metadata(json_object *metadata_object, const char *key)
{
	const char *value;

	if (json_string(metadata_object, key, &value) != RC_OK ||
	    *value == '\0')
		return NULL;
	return value;
}

/* account_in - the account that metadata names, under any usual key */
static const char *
account_in(json_object *metadata_object)
{
	static const char *const keys[] = { "account", "account_id",
		"external_id", "user_id", "uid" };
	const char *value = NULL;

	for (size_t i = 0; i < sizeof keys / sizeof *keys && !value; i++)
		value = metadata(metadata_object, keys[i]);
	return value;
}

/* malformed - name the member that is */
static enum rc
malformed(const char **problem, const char *what)
{
	*problem = what;
	return RC_BAD_REQUEST;
}

/* read_time - an optional time; false when it is malformed */
static bool
read_time(json_object *object, const char *key, int64_t *time_s)
{
	return json_integer(object, key, 0, JSON_TIME_MAX, time_s) !=
	    RC_BAD_REQUEST;
}

/* price_of - the id of an item's price, or of its plan in old shapes */
static const char *
price_of(json_object *item)
{
	const char *id;

	if (json_id(item, "price", &id) == RC_OK ||
	    json_id(item, "plan", &id) == RC_OK)
		return id;
	return NULL;
}

/* main_item - the item that the catalog knows, else the first */
static json_object *
main_item(json_object *items, const struct catalog *catalog)
{
	size_t count = json_object_is_type(items, json_type_array) ?
	    json_object_array_length(items) :
	    0;

	for (size_t i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(items, i);

		if (catalog_find_price(catalog, price_of(item)) != NULL)
			return item;
	}
	return count > 0 ? json_object_array_get_idx(items, 0) : NULL;
}

/* read_item_periods - the latest end of all items, and that item's start */
static bool
read_item_periods(json_object *items, struct stripe_facts *facts)
{
	size_t count = json_object_is_type(items, json_type_array) ?
	    json_object_array_length(items) :
	    0;

	for (size_t i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(items, i);
		int64_t start_s = -1, end_s = -1;

		if (!read_time(item, "current_period_start", &start_s) ||
		    !read_time(item, "current_period_end", &end_s))
			return false;
		if (end_s > facts->period_end_s) {
			facts->period_start_s = start_s;
			facts->period_end_s = end_s;
		}
	}
	return true;
}

/* interval_period - how often a price not in the catalog is charged */
static const char *
interval_period(json_object *item)
{
	const char *interval;

	if (json_string(json_path(item, "price", "recurring", NULL), "interval",
		&interval) != RC_OK &&
	    json_string(json_member(item, "plan"), "interval", &interval) !=
		RC_OK)
		return NULL;
	if (strcmp(interval, "month") == 0)
		return "monthly";
	return strcmp(interval, "year") == 0 ? "annual" : NULL;
}

/* read_offer - plan, period, price and seats of the main item */
static bool
read_offer(json_object *subscription, json_object *item,
    const struct catalog *catalog, struct stripe_facts *facts)
{
	json_object *meta = json_member(subscription, "metadata");
	const struct catalog_price *price;
	enum rc rc;

	facts->price_id = price_of(item);
	price = catalog_find_price(catalog, facts->price_id);
	facts->plan = metadata(meta, "plan");
	facts->period = metadata(meta, "period");
	if (facts->plan == NULL && price != NULL)
		facts->plan = price->plan;
	if (facts->period == NULL)
		facts->period = price != NULL ? price->period :
						interval_period(item);
	rc = json_integer(item, "quantity", 0, INT32_MAX, &facts->seats);
	if (rc == RC_NOT_FOUND)
		rc = json_integer(
		    subscription, "quantity", 0, INT32_MAX, &facts->seats);
	return rc != RC_BAD_REQUEST;
}

/* stripe_facts_subscription - a snapshot, either shape */
enum rc
stripe_facts_subscription(json_object *subscription, json_object *previous,
    const struct catalog *catalog, struct stripe_facts *facts,
    const char **problem)
{
	bool at_period_end = false;
	json_object *items;

	if (json_string(subscription, "id", &facts->subscription) != RC_OK ||
	    *facts->subscription == '\0')
		return malformed(problem, "subscription.id");
	if (json_id(subscription, "customer", &facts->customer) ==
	    RC_BAD_REQUEST)
		return malformed(problem, "subscription.customer");
	if (json_string(subscription, "status", &facts->status) != RC_OK ||
	    *facts->status == '\0')
		return malformed(problem, "subscription.status");
	if (json_boolean(subscription, "cancel_at_period_end",
		&at_period_end) == RC_BAD_REQUEST)
		return malformed(problem, "subscription.cancel_at_period_end");
	if (!read_time(subscription, "cancel_at", &facts->cancel_at_s))
		return malformed(problem, "subscription.cancel_at");
	if (!read_time(subscription, "trial_end", &facts->trial_end_s))
		return malformed(problem, "subscription.trial_end");
	items = json_path(subscription, "items", "data", NULL);
	if (!read_item_periods(items, facts))
		return malformed(problem, "items.data[].current_period_end");
	if (facts->period_end_s == -1 &&
	    (!read_time(subscription, "current_period_start",
		 &facts->period_start_s) ||
		!read_time(
		    subscription, "current_period_end", &facts->period_end_s)))
		return malformed(problem, "subscription.current_period_end");
	if (!read_offer(
		subscription, main_item(items, catalog), catalog, facts))
		return malformed(problem, "subscription.quantity");
	facts->cancel_scheduled = at_period_end || facts->cancel_at_s != -1;
	facts->account_ref = account_in(json_member(subscription, "metadata"));
	if (json_string(previous, "status", &facts->previous_status) != RC_OK)
		facts->previous_status = NULL;
	return RC_OK;
}

/* stripe_facts_checkout - who bought, and whether it is paid */
enum rc
stripe_facts_checkout(
    json_object *session, struct stripe_facts *facts, const char **problem)
{
	json_object *meta = json_member(session, "metadata");
	const char *payment;
	enum rc rc;

	if (!json_object_is_type(session, json_type_object))
		return malformed(problem, "data.object");
	if (json_id(session, "customer", &facts->customer) == RC_BAD_REQUEST)
		return malformed(problem, "session.customer");
	if (json_id(session, "subscription", &facts->subscription) ==
	    RC_BAD_REQUEST)
		return malformed(problem, "session.subscription");
	rc = json_string(session, "payment_status", &payment);
	if (rc == RC_BAD_REQUEST)
		return malformed(problem, "session.payment_status");
	facts->second_ref = account_in(meta);
	if (json_string(session, "client_reference_id", &facts->account_ref) !=
		RC_OK ||
	    *facts->account_ref == '\0')
		facts->account_ref = facts->second_ref;
	if (json_string(json_member(session, "customer_details"), "email",
		&facts->email) != RC_OK &&
	    json_string(session, "customer_email", &facts->email) != RC_OK)
		facts->email = NULL;
	facts->plan = metadata(meta, "plan");
	facts->period = metadata(meta, "period");
	facts->fact = rc == RC_OK &&
		(strcmp(payment, "paid") == 0 ||
		    strcmp(payment, "no_payment_required") == 0) ?
	    "checkout_paid" :
	    "checkout_unpaid";
	return RC_OK;
}

/* stripe_facts_invoice - whose invoice, and of which subscription */
enum rc
stripe_facts_invoice(
    json_object *invoice, struct stripe_facts *facts, const char **problem)
{
	json_object *details = json_path(
	    invoice, "parent", "subscription_details", NULL);
	enum rc rc;

	if (invoice == NULL)
		return malformed(problem, "data.object");
	if (json_id(invoice, "customer", &facts->customer) == RC_BAD_REQUEST)
		return malformed(problem, "invoice.customer");
	rc = json_id(details, "subscription", &facts->subscription);
	if (rc == RC_NOT_FOUND)
		rc = json_id(invoice, "subscription", &facts->subscription);
	if (rc == RC_BAD_REQUEST ||
	    (facts->subscription == NULL && facts->customer == NULL))
		return malformed(problem, "invoice.subscription");
	if (details == NULL)
		details = json_member(invoice, "subscription_details");
	facts->account_ref = account_in(json_member(details, "metadata"));
	if (json_string(invoice, "customer_email", &facts->email) != RC_OK)
		facts->email = NULL;
	return RC_OK;
}

/* stripe_facts_customer - the customer itself */
enum rc
stripe_facts_customer(
    json_object *customer, struct stripe_facts *facts, const char **problem)
{
	if (json_string(customer, "id", &facts->customer) != RC_OK ||
	    *facts->customer == '\0')
		return malformed(problem, "customer.id");
	if (json_string(customer, "email", &facts->email) != RC_OK)
		facts->email = NULL;
	facts->account_ref = account_in(json_member(customer, "metadata"));
	return RC_OK;
}

/* stripe_facts_complete - a snapshot for facts that have none */
void
stripe_facts_complete(
    struct stripe_facts *facts, const struct stripe_facts *fetched)
{
	struct stripe_facts whole = *fetched;

	whole.fact = facts->fact;
	whole.rank = facts->rank;
	if (facts->customer != NULL)
		whole.customer = facts->customer;
	if (facts->account_ref != NULL) {
		whole.account_ref = facts->account_ref;
		whole.second_ref = facts->second_ref;
	}
	if (facts->email != NULL)
		whole.email = facts->email;
	if (whole.plan == NULL)
		whole.plan = facts->plan;
	if (whole.period == NULL)
		whole.period = facts->period;
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

/* put_text - a member, when it is known */
static void
put_text(json_object *object, const char *name, const char *value)
{
	if (value != NULL)
		json_object_object_add(
		    object, name, json_object_new_string(value));
}

/* put_time - a moment, when it is known */
static void
put_time(json_object *object, const char *name, int64_t time_s)
{
	char text[MOMENT_TEXT];

	if (time_s >= 0)
		put_text(object, name, moment_text(time_s, text));
}

/* put_snapshot - the members of a subscription's own state */
static void
put_snapshot(json_object *object, const struct stripe_facts *facts)
{
	put_text(object, "status", facts->status);
	put_text(object, "previous_status", facts->previous_status);
	put_text(object, "price_id", facts->price_id);
	if (facts->seats >= 0)
		json_object_object_add(
		    object, "seat_limit", json_object_new_int64(facts->seats));
	put_time(object, "current_period_start", facts->period_start_s);
	put_time(object, "current_period_end", facts->period_end_s);
	put_time(object, "trial_end", facts->trial_end_s);
	json_object_object_add(object, "cancel_at_period_end",
	    json_object_new_boolean(facts->cancel_scheduled));
	put_time(object, "cancel_at", facts->cancel_at_s);
}

/* stripe_facts_json - what is unknown is left out */
json_object *
stripe_facts_json(const struct stripe_facts *facts)
{
	json_object *object = json_object_new_object();

	put_text(object, "fact", facts->fact);
	put_text(object, "customer", facts->customer);
	put_text(object, "subscription", facts->subscription);
	put_text(object, "account_ref", facts->account_ref);
	put_text(object, "second_ref", facts->second_ref);
	put_text(object, "email", facts->email);
	json_object_object_add(
	    object, "rank", json_object_new_int((int)facts->rank));
	put_text(object, "plan", facts->plan);
	put_text(object, "period", facts->period);
	if (facts->status != NULL)
		put_snapshot(object, facts);
	return object;
}
