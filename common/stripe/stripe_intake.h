/*
 * stripe_intake.h - what an event of Stripe goes through on its way to the
 * ledger: envelope, facts, perhaps one question to Stripe.
 *
 * Deliveries, and every command that applies events, go through the same
 * function. The types are in stripe_types.h, the questions in stripe_ask.h.
 */
#ifndef PAYDESK_STRIPE_INTAKE_H
#define PAYDESK_STRIPE_INTAKE_H

#include "base/arena.h"
#include "program/config.h"
#include "base/db.h"
#include "stripe/ledger.h"
#include "base/rc.h"
#include "stripe/stripe_api.h"

struct stripe_intake;

/* What a program with an intake lists among its own. */
#define STRIPE_INTAKE_SETTINGS \
	STRIPE_LIVEMODE, STRIPE_PAYLOAD_STORE_MAX, STRIPE_API_SETTINGS

/* Everything lives in the arena; the config must live as long. NULL: no memory. */
struct stripe_intake *stripe_intake_new(
    struct arena *arena, const struct config *config);

/* The client that the intake asks; NULL when there is no STRIPE_API_KEY. */
struct stripe_api *stripe_intake_api(const struct stripe_intake *intake);

/*
 * From now on Stripe is not asked for subscriptions: for whoever applies their
 * events as well, in their order.
 */
void stripe_intake_ask_less(struct stripe_intake *intake);

/* Why Stripe cannot be asked, as a sentence on a setting; NULL: it can. */
const char *stripe_intake_trouble(const struct stripe_intake *intake);

/*
 * From a body that is known to be Stripe's to what the ledger takes. What
 * cannot be applied is an entry with a problem.
 *   RC_BAD_REQUEST  the body is no event
 *   RC_BUSY         the database did not answer, or Stripe where it must
 *   RC_UPSTREAM     Stripe has to be asked, and there is no key for it that it
 *                   accepts; the entry's problem says so
 *   RC_TOO_LARGE    the arena is full
 */
enum rc stripe_intake_prepare(struct stripe_intake *intake, struct db *db,
    struct arena *arena, const char *body, size_t body_len,
    struct ledger_entry *entry) MUST_CHECK;

/*
 * What a subscription as Stripe answers it says. RC_BAD_REQUEST: it is
 * malformed, *problem names the member.
 */
enum rc stripe_intake_snapshot(json_object *subscription,
    struct stripe_facts *facts, const char **problem) MUST_CHECK;

/*
 * The body of an event of our own that says what Stripe answered, asked at a
 * moment of its clock in microseconds; * it goes the way of a delivery, to the ledger and with replay. NULL: no
 * memory.
 */
const char *stripe_intake_own_event(const struct stripe_intake *intake,
    struct arena *arena, json_object *subscription, int64_t at_us,
    size_t *body_len);

#endif
