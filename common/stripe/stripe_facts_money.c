#include "stripe/stripe_facts.h"

#include <string.h>

#include "base/json.h"

/* optional_id - of a member; NULL when it has none that can be read */
static const char *
optional_id(json_object *object, const char *key)
{
	const char *id;

	return json_id(object, key, &id) == RC_OK && *id != '\0' ? id : NULL;
}

/* optional_text - of a member; NULL when it is no text */
static const char *
optional_text(json_object *object, const char *key)
{
	const char *text;

	return json_string(object, key, &text) == RC_OK && *text != '\0' ?
	    text :
	    NULL;
}

/*
 * stripe_facts_of_invoice - the old shape also names what it was paid by; since
 * 2025-03-31 invoice_payment events do
 */
enum rc
stripe_facts_of_invoice(
    json_object *invoice, struct stripe_facts *facts, const char **problem)
{
	facts->invoice = optional_text(invoice, "id");
	facts->billing_reason = optional_text(invoice, "billing_reason");
	facts->url = optional_text(invoice, "hosted_invoice_url");
	facts->payment = optional_id(invoice, "payment_intent");
	facts->charge = optional_id(invoice, "charge");
	if (!stripe_facts_time(invoice, "created", &facts->invoice_created_s))
		return stripe_facts_malformed(problem, "invoice.created");
	if (json_integer(invoice, "amount_paid", 0, INT64_MAX,
		&facts->amount_paid) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "invoice.amount_paid");
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
		return stripe_facts_malformed(problem, "data.object");
	if (json_id(invoice, "customer", &facts->customer) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "invoice.customer");
	rc = json_id(details, "subscription", &facts->subscription);
	if (rc == RC_NOT_FOUND)
		rc = json_id(invoice, "subscription", &facts->subscription);
	if (rc == RC_BAD_REQUEST ||
	    (facts->subscription == NULL && facts->customer == NULL &&
		json_member(invoice, "customer_account") == NULL))
		return stripe_facts_malformed(problem, "invoice.subscription");
	if (details == NULL)
		details = json_member(invoice, "subscription_details");
	facts->metadata = stripe_facts_metadata(details);
	facts->email = optional_text(invoice, "customer_email");
	return stripe_facts_of_invoice(invoice, facts, problem);
}

/*
 * stripe_facts_paid_invoice - of what happened to its payment: whose it was,
 * and that it was paid
 */
enum rc
stripe_facts_paid_invoice(
    json_object *invoice, struct stripe_facts *facts, const char **problem)
{
	struct stripe_facts read;
	json_object *times = json_member(invoice, "status_transitions");

	stripe_facts_clear(&read);
	if (stripe_facts_invoice(invoice, &read, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if (read.invoice == NULL)
		return stripe_facts_malformed(problem, "invoice.id");
	if (!stripe_facts_time(times, "paid_at", &read.invoice_paid_s))
		return stripe_facts_malformed(
		    problem, "invoice.status_transitions.paid_at");
	facts->invoice = read.invoice;
	facts->invoice_created_s = read.invoice_created_s;
	facts->invoice_paid_s = read.invoice_paid_s;
	facts->billing_reason = read.billing_reason;
	facts->amount_paid = read.amount_paid;
	facts->subscription = read.subscription;
	if (facts->customer == NULL)
		facts->customer = read.customer;
	return RC_OK;
}

/* stripe_facts_invoice_payment - which payment paid which invoice */
enum rc
stripe_facts_invoice_payment(
    json_object *payment, struct stripe_facts *facts, const char **problem)
{
	json_object *by = json_member(payment, "payment");

	facts->invoice = optional_id(payment, "invoice");
	if (facts->invoice == NULL)
		return stripe_facts_malformed(
		    problem, "invoice_payment.invoice");
	facts->payment = optional_id(by, "payment_intent");
	facts->charge = optional_id(by, "charge");
	return RC_OK;
}

/* stripe_facts_charge - what was given back of it */
enum rc
stripe_facts_charge(
    json_object *charge, struct stripe_facts *facts, const char **problem)
{
	facts->charge = optional_text(charge, "id");
	if (facts->charge == NULL)
		return stripe_facts_malformed(problem, "charge.id");
	if (json_id(charge, "customer", &facts->customer) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "charge.customer");
	if (json_boolean(charge, "refunded", &facts->refunded) ==
	    RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "charge.refunded");
	if (json_integer(charge, "amount", 0, INT64_MAX, &facts->amount) ==
	    RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "charge.amount");
	facts->payment = optional_id(charge, "payment_intent");
	facts->invoice = optional_id(charge, "invoice");
	return RC_OK;
}

/* stripe_facts_refund - one that failed gave nothing back */
enum rc
stripe_facts_refund(
    json_object *refund, struct stripe_facts *facts, const char **problem)
{
	const char *status = optional_text(refund, "status");

	facts->refund = optional_text(refund, "id");
	if (facts->refund == NULL)
		return stripe_facts_malformed(problem, "refund.id");
	facts->customer = optional_id(refund, "customer");
	facts->payment = optional_id(refund, "payment_intent");
	facts->charge = optional_id(refund, "charge");
	facts->fact = status != NULL &&
		(strcmp(status, "failed") == 0 ||
		    strcmp(status, "canceled") == 0) ?
	    "refund_undone" :
	    "refund";
	return RC_OK;
}

/* stripe_facts_dispute - it names no customer */
enum rc
stripe_facts_dispute(
    json_object *dispute, struct stripe_facts *facts, const char **problem)
{
	facts->dispute = optional_text(dispute, "id");
	facts->dispute_status = optional_text(dispute, "status");
	if (facts->dispute == NULL)
		return stripe_facts_malformed(problem, "dispute.id");
	if (facts->dispute_status == NULL)
		return stripe_facts_malformed(problem, "dispute.status");
	facts->payment = optional_id(dispute, "payment_intent");
	facts->charge = optional_id(dispute, "charge");
	if (!stripe_facts_time(json_member(dispute, "evidence_details"),
		"due_by", &facts->due_by_s))
		return stripe_facts_malformed(
		    problem, "dispute.evidence_details.due_by");
	return RC_OK;
}

/* stripe_facts_warning - an early fraud warning */
enum rc
stripe_facts_warning(
    json_object *warning, struct stripe_facts *facts, const char **problem)
{
	facts->payment = optional_id(warning, "payment_intent");
	facts->charge = optional_id(warning, "charge");
	if (facts->charge == NULL && facts->payment == NULL)
		return stripe_facts_malformed(
		    problem, "early_fraud_warning.charge");
	return RC_OK;
}

/* next_phase - the first that begins when the present one ends, or later */
static json_object *
next_phase(json_object *schedule, int64_t *start_s)
{
	json_object *phases = json_member(schedule, "phases");
	int64_t end_s = 0;

	if (json_integer(json_member(schedule, "current_phase"), "end_date", 0,
		JSON_TIME_MAX, &end_s) != RC_OK)
		end_s = 0;
	for (size_t i = 0; i < json_length(phases); i++) {
		json_object *phase = json_object_array_get_idx(phases, i);

		if (json_integer(phase, "start_date", 0, JSON_TIME_MAX,
			start_s) == RC_OK &&
		    *start_s >= end_s)
			return phase;
	}
	*start_s = -1;
	return NULL;
}

/*
 * stripe_facts_schedule - of which subscription, and its next phase; one that
 * was released names the subscription only as released_subscription
 */
enum rc
stripe_facts_schedule(
    json_object *schedule, struct stripe_facts *facts, const char **problem)
{
	json_object *phase;

	facts->schedule = optional_text(schedule, "id");
	facts->schedule_status = optional_text(schedule, "status");
	if (facts->schedule == NULL)
		return stripe_facts_malformed(problem, "schedule.id");
	if (facts->schedule_status == NULL)
		return stripe_facts_malformed(problem, "schedule.status");
	if (json_id(schedule, "customer", &facts->customer) == RC_BAD_REQUEST)
		return stripe_facts_malformed(problem, "schedule.customer");
	facts->subscription = optional_id(schedule, "subscription");
	if (facts->subscription == NULL)
		facts->subscription = optional_text(
		    schedule, "released_subscription");
	phase = next_phase(schedule, &facts->next_at_s);
	facts->next_items = json_member(phase, "items");
	return RC_OK;
}
