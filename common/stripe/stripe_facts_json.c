#include "stripe/stripe_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/moment.h"

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

/* put_micros - a moment with its fraction, when it is known */
static void
put_micros(json_object *object, const char *name, int64_t time_us)
{
	char text[MOMENT_TEXT], whole[MOMENT_TEXT + sizeof ".000000"];

	if (time_us < 0)
		return;
	moment_text(time_us / 1000000, text);
	text[strcspn(text, "Z")] = '\0';
	snprintf(
	    whole, sizeof whole, "%s.%06dZ", text, (int)(time_us % 1000000));
	put_text(object, name, whole);
}

/* put_amount - when it is known */
static void
put_amount(json_object *object, const char *name, int64_t amount)
{
	if (amount >= 0)
		json_object_object_add(
		    object, name, json_object_new_int64(amount));
}

/* put_moment - a member, when the object has that time */
static void
put_moment(
    json_object *object, const char *name, json_object *from, const char *key)
{
	int64_t time_s;

	if (json_integer(from, key, 0, JSON_TIME_MAX, &time_s) == RC_OK)
		put_time(object, name, time_s);
}

/* put_number - a member, when the object has that number */
static void
put_number(json_object *object, const char *name, json_object *from)
{
	int64_t number;

	if (json_integer(from, name, 0, INT32_MAX, &number) == RC_OK)
		json_object_object_add(
		    object, name, json_object_new_int64(number));
}

/* put_price - what an item is of, and how often it is charged */
static bool
put_price(json_object *object, json_object *item)
{
	static const char *const kinds[] = { "price", "plan" };
	json_object *price = NULL, *recurring = NULL;
	const char *text;

	for (size_t i = 0; i < 2 && price == NULL; i++)
		price = json_member(item, kinds[i]);
	put_text(object, "price", stripe_facts_price(item));
	if (json_id(price, "product", &text) == RC_OK)
		put_text(object, "product", text);
	recurring = json_member(price, "recurring");
	if (recurring == NULL)
		recurring = price;
	if (json_string(recurring, "interval", &text) == RC_OK)
		put_text(object, "interval", text);
	put_number(object, "interval_count", recurring);
	return json_string(recurring, "usage_type", &text) == RC_OK &&
	    strcmp(text, "metered") == 0;
}

/* item_json - one item; what is metered has no quantity */
static json_object *
item_json(json_object *item, int64_t quantity)
{
	json_object *object = json_object_new_object();
	bool metered = put_price(object, item);

	if (!metered) {
		put_number(object, "quantity", item);
		if (json_member(object, "quantity") == NULL)
			put_amount(object, "quantity", quantity);
	}
	put_moment(object, "start", item, "current_period_start");
	put_moment(object, "end", item, "current_period_end");
	return object;
}

/*
 * put_items - all of them; quantity is that of a subscription whose items say
 * none, or -1
 */
static void
put_items(
    json_object *object, const char *name, json_object *data, int64_t quantity)
{
	json_object *items = json_object_new_array();

	for (size_t i = 0; i < json_length(data); i++)
		json_object_array_add(items,
		    item_json(json_object_array_get_idx(data, i), quantity));
	json_object_object_add(object, name, items);
}

/* put_named - what previous_attributes names: a number, a text, true, null */
static void
put_named(
    json_object *object, const char *name, json_object *from, const char *key)
{
	json_object *value = NULL;

	if (json_object_object_get_ex(from, key, &value) &&
	    !json_object_is_type(value, json_type_array) &&
	    !json_object_is_type(value, json_type_object))
		json_object_object_add(object, name, json_object_get(value));
}

/* put_pause - what was before of a pause: nothing, all of it, or a part */
static void
put_pause(json_object *named, json_object *previous)
{
	json_object *pause = NULL;

	if (!json_object_object_get_ex(previous, "pause_collection", &pause))
		return;
	if (pause == NULL) {
		json_object_object_add(named, "pause_behavior", NULL);
		json_object_object_add(named, "pause_resumes_at", NULL);
	}
	put_named(named, "pause_behavior", pause, "behavior");
	put_named(named, "pause_resumes_at", pause, "resumes_at");
}

/*
 * put_scheduled - whether a cancellation was scheduled, of which either member
 * may be named: what is not named was as it is
 */
static void
put_scheduled(json_object *named, const struct stripe_facts *facts)
{
	json_object *flag = NULL, *at = NULL;
	bool by_flag = facts->cancel_scheduled && facts->cancel_at_s == -1;
	bool by_time = facts->cancel_at_s != -1;
	bool has_flag = json_object_object_get_ex(
	    facts->previous, "cancel_at_period_end", &flag);
	bool has_time = json_object_object_get_ex(
	    facts->previous, "cancel_at", &at);

	if (has_flag)
		by_flag = json_object_get_boolean(flag);
	if (has_time)
		by_time = at != NULL;
	if (has_flag || has_time)
		json_object_object_add(named, "cancel_scheduled",
		    json_object_new_boolean(by_flag || by_time));
}

/* put_previous - what was before, of the fields that tell which came first */
static void
put_previous(json_object *object, const struct stripe_facts *facts)
{
	static const char *const fields[] = { "status", "quantity", "cancel_at",
		"trial_end", "latest_invoice" };
	json_object *previous = facts->previous;
	json_object *named = json_object_new_object();
	json_object *items = json_path(previous, "items", "data", NULL);
	json_object *item = json_length(items) > 0 ?
	    json_object_array_get_idx(items, 0) :
	    NULL;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		put_named(named, fields[i], previous, fields[i]);
	put_named(named, "period_end", previous, "current_period_end");
	put_named(named, "price", json_member(previous, "plan"), "id");
	if (item != NULL && stripe_facts_price(item) != NULL)
		json_object_object_add(named, "price",
		    json_object_new_string(stripe_facts_price(item)));
	put_named(named, "quantity", item, "quantity");
	if (item != NULL)
		put_items(named, "items", items, -1);
	put_pause(named, previous);
	put_scheduled(named, facts);
	json_object_object_add(object, "previous", named);
}

/* put_snapshot - the members of a subscription's own state */
static void
put_snapshot(json_object *object, const struct stripe_facts *facts)
{
	put_text(object, "status", facts->status);
	if (json_object_is_type(facts->previous, json_type_object))
		put_previous(object, facts);
	put_items(object, "items", facts->items, facts->quantity);
	if (json_object_is_type(facts->pause_collection, json_type_object))
		json_object_object_add(object, "pause_collection",
		    json_object_get(facts->pause_collection));
	put_time(object, "current_period_start", facts->period_start_s);
	put_time(object, "current_period_end", facts->period_end_s);
	put_time(object, "trial_end", facts->trial_end_s);
	json_object_object_add(object, "cancel_at_period_end",
	    json_object_new_boolean(facts->cancel_scheduled));
	put_time(object, "cancel_at", facts->cancel_at_s);
	put_text(object, "latest_invoice", facts->latest_invoice);
	put_micros(object, "fetched_at", facts->fetched_us);
}

/* put_money - the members of an invoice, and of what became of its payment */
static void
put_money(json_object *object, const struct stripe_facts *facts)
{
	put_text(object, "invoice", facts->invoice);
	put_time(object, "invoice_created", facts->invoice_created_s);
	put_time(object, "invoice_paid", facts->invoice_paid_s);
	put_text(object, "billing_reason", facts->billing_reason);
	if (facts->amount_paid > 0)
		put_amount(object, "amount_paid", facts->amount_paid);
	put_text(object, "url", facts->url);
	put_text(object, "payment", facts->payment);
	put_text(object, "charge", facts->charge);
	put_amount(object, "amount", facts->amount);
	json_object_object_add(
	    object, "refunded", json_object_new_boolean(facts->refunded));
	put_text(object, "refund", facts->refund);
	put_text(object, "dispute", facts->dispute);
	put_text(object, "dispute_status", facts->dispute_status);
	put_time(object, "due_by", facts->due_by_s);
}

/* put_schedule - its state, and what comes next */
static void
put_schedule(json_object *object, const struct stripe_facts *facts)
{
	put_text(object, "schedule_status", facts->schedule_status);
	put_time(object, "next_at", facts->next_at_s);
	put_items(object, "next_items", facts->next_items, -1);
}

/* stripe_facts_json - what is unknown is left out */
json_object *
stripe_facts_json(const struct stripe_facts *facts)
{
	json_object *object = json_object_new_object();

	put_text(object, "fact", facts->fact);
	put_text(object, "customer", facts->customer);
	put_text(object, "subscription", facts->subscription);
	put_text(object, "session", facts->session);
	put_text(object, "mode", facts->mode);
	put_text(object, "currency", facts->currency);
	put_text(object, "reference", facts->reference);
	if (facts->payment_link)
		json_object_object_add(
		    object, "payment_link", json_object_new_boolean(true));
	put_text(object, "email", facts->email);
	json_object_object_add(
	    object, "rank", json_object_new_int((int)facts->rank));
	if (facts->metadata != NULL)
		json_object_object_add(
		    object, "metadata", json_object_get(facts->metadata));
	if (facts->own_metadata != NULL)
		json_object_object_add(object, "own_metadata",
		    json_object_get(facts->own_metadata));
	put_text(object, "schedule", facts->schedule);
	if (facts->status != NULL)
		put_snapshot(object, facts);
	if (facts->invoice != NULL || facts->payment != NULL ||
	    facts->charge != NULL)
		put_money(object, facts);
	if (facts->schedule_status != NULL)
		put_schedule(object, facts);
	return object;
}
