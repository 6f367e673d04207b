/*
 * stripe_facts.h - what an event's object says about the books.
 *
 * Both shapes are read by presence, never by version: before 2025-03-31 a
 * period stands on the subscription and an invoice names its subscription
 * directly; since then they stand on items.data[] and under
 * parent.subscription_details (docs.stripe.com/changelog/basil). Ids may be
 * strings or expanded objects.
 */
#ifndef PAYDESK_STRIPE_FACTS_H
#define PAYDESK_STRIPE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rc.h"
#include "stripe/stripe_event.h"

/*
 * Where an event stands among those of the same second: the order of a
 * subscription's life.
 */
enum stripe_rank {
	RANK_CREATED = 0,
	RANK_FETCHED = 1, /* an answer of the API, stamped with its event */
	RANK_UPDATED = 2,
	RANK_DELETED = 3,
};

/* Texts may be NULL, times are -1 when unknown; all live with the document. */
struct stripe_facts {
	const char *fact; /* see billing.stripe_apply() in sql/ */
	const char *customer, *subscription;
	const char *session, *mode, *currency; /* of a Checkout session */
	const char *reference; /* a session's client_reference_id */
	bool payment_link;     /* anybody could write that reference */
	const char *email;
	json_object *metadata;	   /* of the object, an object or NULL */
	json_object *own_metadata; /* of a snapshot that was fetched beside */

	const char *invoice; /* and what it says */
	int64_t invoice_created_s, invoice_paid_s;
	const char *billing_reason, *url;
	int64_t amount_paid; /* in the smallest unit */

	const char *payment, *charge; /* a payment intent, and its charge */
	int64_t amount;		      /* of the charge, or -1 */
	bool refunded;		      /* all of it */
	const char *refund, *dispute, *dispute_status;
	int64_t due_by_s; /* until when a dispute can be answered */

	const char *schedule, *schedule_status;
	int64_t next_at_s; /* when its next phase begins */
	json_object *next_items;

	const char *status;    /* NULL: there is no snapshot below */
	json_object *previous; /* previous_attributes, or NULL */
	enum stripe_rank rank;
	json_object *items; /* items.data, or NULL */
	int64_t quantity;   /* of a subscription whose items say none, or -1 */
	int64_t period_start_s, period_end_s, trial_end_s;
	int64_t cancel_at_s;
	bool cancel_scheduled; /* at the period's end, or at cancel_at_s */
	json_object *pause_collection; /* an object or NULL */
	const char *latest_invoice;
	int64_t fetched_us; /* Stripe's clock when it was asked for, or -1 */
};

/* Empties *facts: everything unknown. */
void stripe_facts_clear(struct stripe_facts *facts);

/*
 * Readers of one kind of object each. RC_BAD_REQUEST: the object is malformed
 * and *problem names the member.
 */
enum rc stripe_facts_subscription(json_object *subscription,
    json_object *previous, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_checkout(json_object *session, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_invoice(json_object *invoice, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_invoice_payment(json_object *payment,
    struct stripe_facts *facts, const char **problem) MUST_CHECK;
enum rc stripe_facts_charge(json_object *charge, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_refund(json_object *refund, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_dispute(json_object *dispute, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_warning(json_object *warning, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_schedule(json_object *schedule, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;
enum rc stripe_facts_customer(json_object *customer, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;

/*
 * Adds what an invoice says of itself: its id, when and why it was made, what
 * was paid of it. RC_BAD_REQUEST as above.
 */
enum rc stripe_facts_of_invoice(json_object *invoice,
    struct stripe_facts *facts, const char **problem) MUST_CHECK;

/*
 * Adds the invoice that a payment has paid to what became of the payment: its
 * subscription, when it was paid, and its customer unless that is known.
 * RC_BAD_REQUEST as above, and the facts stay as they were.
 */
enum rc stripe_facts_paid_invoice(json_object *invoice,
    struct stripe_facts *facts, const char **problem) MUST_CHECK;

/*
 * For the readers: an optional time in seconds, -1 stays when there is none;
 * false: it is malformed.
 */
bool stripe_facts_time(json_object *object, const char *key, int64_t *time_s);

/* The metadata of an object; NULL: it has none. */
json_object *stripe_facts_metadata(json_object *object);

/* For the readers: names the member that is malformed in *problem. */
enum rc stripe_facts_malformed(
    const char **problem, const char *what) MUST_CHECK;

/*
 * Adds the snapshot in fetched to facts that have none; who it is about stays
 * as facts say, where they say it.
 */
void stripe_facts_complete(
    struct stripe_facts *facts, const struct stripe_facts *fetched);

/* The id of an item's price, or of its plan in old shapes; NULL: it has none. */
const char *stripe_facts_price(json_object *item);

/*
 * The facts as the document that the database reads: a member is a column of the
 * type billing.stripe_facts. For json_object_put().
 */
json_object *stripe_facts_json(const struct stripe_facts *facts);

/*
 * The customer of any object, as far as it names one: for events that are only
 * recorded. Never fails.
 */
void stripe_facts_any(json_object *object, struct stripe_facts *facts);

#endif
