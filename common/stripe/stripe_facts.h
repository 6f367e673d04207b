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
	const char *reference;	    /* a session's client_reference_id */
	bool payment_link;	    /* anybody could write that reference */
	const char *billing_reason; /* an invoice's */
	int64_t amount_paid;	    /* of an invoice, in the smallest unit */
	const char *email;
	json_object *metadata; /* of the object, an object or NULL */

	const char *status;    /* NULL: there is no snapshot below */
	json_object *previous; /* previous_attributes, or NULL */
	enum stripe_rank rank;
	json_object *items; /* items.data, or NULL */
	int64_t quantity;   /* of a subscription whose items say none, or -1 */
	int64_t period_start_s, period_end_s, trial_end_s;
	int64_t cancel_at_s;
	bool cancel_scheduled; /* at the period's end, or at cancel_at_s */
	json_object *pause_collection; /* an object or NULL */
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
enum rc stripe_facts_customer(json_object *customer, struct stripe_facts *facts,
    const char **problem) MUST_CHECK;

/*
 * Adds the snapshot in fetched to facts that have none; who it is about stays
 * as facts say, where they say it: metadata of one of the two, never of both.
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
