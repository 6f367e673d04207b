/*
 * checkout_rivals.h - of an account's open sessions only the newest can be paid.
 */
#ifndef PAYDESK_CHECKOUT_RIVALS_H
#define PAYDESK_CHECKOUT_RIVALS_H

#include "base/arena.h"
#include "base/db.h"
#include "base/rc.h"
#include "stripe/stripe_api.h"

/* For the program's statements. */
extern const struct db_statement *const checkout_rivals_statements[];

/*
 * Ends the other sessions at Stripe, before the session of that row is opened.
 *   RC_BAD_REQUEST  one has just been paid, and there is nothing left to buy
 *   RC_UPSTREAM     Stripe does not say what became of one; logged
 *   others          the database's
 */
enum rc checkout_rivals_end(struct db *db, struct stripe_api *api,
    struct arena *arena, const char *id) MUST_CHECK;

/* The same for those in a result of billing.checkout_opened(). */
enum rc checkout_rivals_end_these(struct db *db, struct stripe_api *api,
    struct arena *arena, const struct db_result *rivals) MUST_CHECK;

/* Forgets the session of a row: the next wish gets a new one. */
void checkout_rivals_forget(struct db *db, const char *id);

#endif
