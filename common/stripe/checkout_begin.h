/*
 * checkout_begin.h - what the database decides of an order, and the question that
 * Stripe is asked of its price.
 */
#ifndef PAYDESK_CHECKOUT_BEGIN_H
#define PAYDESK_CHECKOUT_BEGIN_H

#include "base/arena.h"
#include "base/db.h"
#include "base/rc.h"
#include "program/caller.h"
#include "stripe/checkout_form.h"
#include "stripe/order.h"
#include "stripe/stripe_api.h"

/* For the program's statements. */
extern const struct db_statement *const checkout_begin_statements[];

/* What this order leads to. RC_TOO_LARGE: the arena is used up. */
enum rc checkout_begin(struct db *db, struct arena *arena,
    const struct caller *caller, const struct order *order,
    struct checkout_decision *decision) MUST_CHECK;

/*
 * Whether the price is metered, which Stripe takes no quantity for: it is asked, and
 * the answer is kept. decision->metered is known afterwards.
 */
void checkout_learn(struct db *db, struct stripe_api *api, struct arena *arena,
    struct checkout_decision *decision);

#endif
