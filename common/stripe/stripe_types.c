#include "stripe/stripe_types.h"

#include <string.h>

#include "base/json.h"

/*
 * The events that change the books. rank orders those of one second; fact is
 * what the event says beyond the object's own state.
 */
static const struct stripe_type handled[] = {
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
	{ STRIPE_OWN_TYPE, READ_SUBSCRIPTION, RANK_FETCHED, NULL },
};

/* The events that are kept for people to look at. */
static const char *const recorded[] = {
	"checkout.session.expired",
};

/* Thin types without a snapshot twin, each beside others of the same change. */
static const char *const pointers[] = {
	"customer.subscription.active",
	"customer.subscription.cancel_at_changed",
	"customer.subscription.incomplete",
	"customer.subscription.incomplete_expired",
	"customer.subscription.item_added",
	"customer.subscription.item_price_changed",
	"customer.subscription.item_quantity_changed",
	"customer.subscription.item_removed",
	"customer.subscription.past_due",
	"customer.subscription.trialing",
	"customer.subscription.unpaid",
	"subscription_schedule.phase_added",
	"subscription_schedule.phase_end_date_changed",
	"subscription_schedule.phase_removed",
};

/* How an object is read on its own, by its kind and, where it matters, status. */
static const struct {
	const char *kind, *status, *type;
} objects[] = {
	{ "subscription", NULL, STRIPE_OWN_TYPE },
	{ "invoice", "paid", "invoice.paid" },
	{ "invoice", "void", "invoice.voided" },
	{ "invoice", "uncollectible", "invoice.marked_uncollectible" },
	{ "invoice_payment", "paid", "invoice_payment.paid" },
	{ "checkout.session", "complete", "checkout.session.completed" },
	{ "charge", NULL, "charge.refunded" },
	{ "refund", NULL, "refund.updated" },
	{ "dispute", NULL, "charge.dispute.updated" },
	{ "radar.early_fraud_warning", NULL,
	    "radar.early_fraud_warning.created" },
	{ "subscription_schedule", NULL, "subscription_schedule.updated" },
};

/* stripe_types_find - in the first table */
const struct stripe_type *
stripe_types_find(const char *type)
{
	for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
		if (strcmp(handled[i].type, type) == 0)
			return &handled[i];
	}
	return NULL;
}

/* stripe_types_of_thin - with the prefix of what is not of the second API */
const char *
stripe_types_of_thin(const char *type)
{
	if (strncmp(type, "v1.", 3) != 0)
		return NULL;
	type += 3;
	for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
		if (strcmp(pointers[i], type) == 0)
			return pointers[i];
	}
	return stripe_types_known(type);
}

/* open_invoice - what one says that waits for its money */
static const struct stripe_type *
open_invoice(const char *type, json_object *invoice)
{
	bool attempted;

	if (strcmp(type, "invoice.payment_action_required") == 0 ||
	    strcmp(type, "invoice.overdue") == 0)
		return stripe_types_find(type);
	return json_boolean(invoice, "attempted", &attempted) == RC_OK &&
		attempted ?
	    stripe_types_find("invoice.payment_failed") :
	    NULL;
}

/* stripe_types_of_object - from the list of objects */
const struct stripe_type *
stripe_types_of_object(const char *type, json_object *object)
{
	const char *kind, *status;
	bool deleted = false;

	if (strcmp(type, STRIPE_OWN_TYPE) == 0)
		return stripe_types_find(type);
	if (json_string(object, "object", &kind) != RC_OK)
		return NULL;
	if (json_string(object, "status", &status) != RC_OK)
		status = "";
	if (strcmp(kind, "customer") == 0)
		return stripe_types_find(
		    json_boolean(object, "deleted", &deleted) == RC_OK &&
			    deleted ?
			"customer.deleted" :
			"customer.updated");
	if (strcmp(kind, "invoice") == 0 && strcmp(status, "open") == 0)
		return open_invoice(type, object);
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
		if (strcmp(kind, objects[i].kind) == 0 &&
		    (objects[i].status == NULL ||
			strcmp(status, objects[i].status) == 0))
			return stripe_types_find(objects[i].type);
	}
	return NULL;
}

/* stripe_types_applied - from the first table */
const char *
stripe_types_applied(size_t number)
{
	/* the last one never comes from Stripe */
	return number < sizeof handled / sizeof *handled - 1 ?
	    handled[number].type :
	    NULL;
}

/* stripe_types_recorded - from the second */
const char *
stripe_types_recorded(size_t number)
{
	return number < sizeof recorded / sizeof *recorded ? recorded[number] :
							     NULL;
}

/* stripe_types_listed - from the first, then from the second */
const char *
stripe_types_listed(size_t number)
{
	size_t applied = sizeof handled / sizeof *handled - 1;

	return number < applied ? handled[number].type :
				  stripe_types_recorded(number - applied);
}

/* stripe_types_known - from either */
const char *
stripe_types_known(const char *type)
{
	const char *known;

	for (size_t i = 0; (known = stripe_types_listed(i)) != NULL; i++) {
		if (strcmp(known, type) == 0)
			return known;
	}
	return NULL;
}
