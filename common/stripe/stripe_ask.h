/*
 * stripe_ask.h - what Stripe is asked about an event before its transaction.
 *
 * The books decide whether there is anything to ask. What was asked of Stripe
 * within one event takes no longer than STRIPE_ASK_MS together.
 */
#ifndef PAYDESK_STRIPE_ASK_H
#define PAYDESK_STRIPE_ASK_H

#include "base/arena.h"
#include "base/db.h"
#include "base/rc.h"
#include "stripe/ledger.h"
#include "stripe/stripe_api.h"

#define STRIPE_ASK_MS 6000
#define STRIPE_ASK_ONCE_MS 3000 /* of one question */

extern const struct db_statement *const stripe_ask_statements[];

/* The questions about one event. */
struct stripe_ask {
	struct stripe_api *api; /* NULL: nothing can be asked */
	struct db *db;
	struct arena *arena;
	int64_t deadline_ms; /* monotonic */
};

/* The time for the next question, in milliseconds; 0: none is left. */
long stripe_ask_left(const struct stripe_ask *ask);

/*
 * Adds the subscription of a finished Checkout session when the books do not
 * hold it yet. Goes on without it when Stripe does not answer: the
 * subscription's own events fill the rest.
 *   RC_BUSY  the database did not answer
 */
enum rc stripe_ask_subscription(
    struct stripe_ask *ask, struct ledger_entry *entry) MUST_CHECK;

/*
 * Adds the invoice that a refunded, disputed or suspect payment has paid, when
 * the books do not know it and the payment may be a customer's of ours.
 *   RC_BUSY  the database or Stripe did not answer
 */
enum rc stripe_ask_payment(
    struct stripe_ask *ask, struct ledger_entry *entry) MUST_CHECK;

#endif
