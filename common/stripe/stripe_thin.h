/*
 * stripe_thin.h - from a thin event to what it points at.
 *
 * A thin event carries no object. Its twin, the snapshot event of the same
 * change, is fetched and takes its place; where Stripe has no twin for us, the
 * object itself is, as an event of our own. The key in the ledger is the twin's
 * id where one is named, so that both are one event.
 * (docs.stripe.com/event-destinations, …/migrate-snapshot-to-thin-events)
 */
#ifndef PAYDESK_STRIPE_THIN_H
#define PAYDESK_STRIPE_THIN_H

#include "stripe/stripe_ask.h"

extern const struct db_statement *const stripe_thin_statements[];

/*
 * Puts what the thin event in the entry points at in its place, unless the
 * ledger has it already: then the entry stays as it is. What Stripe refuses is
 * an entry with a problem.
 *   RC_UPSTREAM   there is no API key, or Stripe does not accept it; the
 *                 entry's problem says so
 *   RC_BUSY       the database or Stripe did not answer
 *   RC_TOO_LARGE  the arena is full
 */
enum rc stripe_thin_open(
    struct stripe_ask *ask, struct ledger_entry *entry) MUST_CHECK;

#endif
