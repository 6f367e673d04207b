/*
 * catch_up.h - the catch-up command: events that never arrived.
 *
 * Stripe keeps every event for 30 days and lists it
 * (docs.stripe.com/api/events/list). What is on that list and not in the ledger
 * goes the way of a delivery. What is in the ledger is not touched.
 */
#ifndef PAYDESK_CATCH_UP_H
#define PAYDESK_CATCH_UP_H

#include "program/serve.h"

#define CATCH_UP_EVERY_S 600 /* between two passes of --watch */

/*
 * Without --since it reads from the last complete pass on. Exit status 1: Stripe
 * did not answer, or an event could not be applied.
 */
extern const struct command catch_up_command;

#endif
