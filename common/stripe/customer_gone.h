/*
 * customer_gone.h - a customer that was deleted at Stripe, told by its refusal.
 *
 * The event that says so may never have come. What Stripe says is believed of
 * single customers; a key of another mode or account misses all of them.
 */
#ifndef PAYDESK_CUSTOMER_GONE_H
#define PAYDESK_CUSTOMER_GONE_H

#include "base/db.h"
#include "base/rc.h"
#include "stripe/stripe_api.h"

/* For the program's statements. */
extern const struct db_statement *const customer_gone_statements[];

/*
 * What a refusal says of the caller's customer, NULL: none was named.
 *   RC_OK        it is gone, and noted so: go on without it
 *   RC_UPSTREAM  it is about something else, or the key is wrong; logged then
 *   others       the database's
 */
enum rc customer_gone(struct db *db, const struct stripe_refusal *refusal,
    const char *caller, const char *customer) MUST_CHECK;

#endif
