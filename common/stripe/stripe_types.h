/*
 * stripe_types.h - the types of event that are handled, in one table, and how
 * the object of each is read.
 */
#ifndef PAYDESK_STRIPE_TYPES_H
#define PAYDESK_STRIPE_TYPES_H

#include <json-c/json.h>
#include <stddef.h>

#include "stripe/stripe_facts.h"

/* An event of our own: a subscription as Stripe answered it. */
#define STRIPE_OWN_TYPE "paydesk.reconcile"

/* How the object of an event is read. */
enum stripe_reading {
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
 * A type that changes the books. rank orders the events of one second; fact is
 * what the event says beyond the object's own state, or NULL.
 */
struct stripe_type {
	const char *type;
	enum stripe_reading reading;
	enum stripe_rank rank;
	const char *fact;
};

/* The type of that name; NULL: it does not change the books. */
const struct stripe_type *stripe_types_find(const char *type);

/*
 * The type of a thin event without its prefix, when it tells of a change that
 * the books follow; NULL: it does not.
 */
const char *stripe_types_of_thin(const char *type);

/*
 * How an object that was fetched because of an event of that type is read: by
 * what it says of itself, as it is newer than the event. NULL: it says nothing
 * to the books.
 */
const struct stripe_type *stripe_types_of_object(
    const char *type, json_object *object);

/*
 * The types by their number from 0; NULL behind the last. A webhook endpoint at
 * Stripe should be sent exactly these: the ones that change the books, and
 * those that are kept for people to look at.
 */
const char *stripe_types_applied(size_t number);
const char *stripe_types_recorded(size_t number);

/* All of them, by their number in both tables together. */
const char *stripe_types_listed(size_t number);

/* A type as these tables have it; NULL when they do not. */
const char *stripe_types_known(const char *type);

#endif
