/*
 * stripe_doctor.h - what `check` finds out about Stripe: key, rights, prices.
 */
#ifndef PAYDESK_STRIPE_DOCTOR_H
#define PAYDESK_STRIPE_DOCTOR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/db.h"
#include "program/config.h"
#include "program/doctor.h"
#include "stripe/stripe_api.h"

/* What a key must be allowed; a list ends with a NULL name. */
struct stripe_right {
	const char *name; /* as restricted keys have it, e.g. "Events: read" */
	const char *method, *path;
};

/*
 * The key's kind and mode and, unless offline, whether Stripe takes it for all
 * of these rights, and Stripe's clock. False: no more can be asked of Stripe.
 */
bool stripe_doctor_key(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api,
    const struct stripe_right *rights);

/* STRIPE_API_KEY and SITE_URL, without which no session can be opened. */
void stripe_doctor_needs(struct doctor *doctor, const struct config *config);

/* What a program that examines prices lists among its statements. */
extern const struct db_statement *const stripe_doctor_statements[];

/*
 * Whether the catalog in the database has any price; db may be NULL, when the
 * database is away.
 */
bool stripe_doctor_sells(struct db *db);

/*
 * Whether each price of that catalog exists at Stripe and is billed as often as the
 * catalog says, and whether one that is sold is active; which one is metered.
 * (docs.stripe.com/api/prices/object)
 */
void stripe_doctor_prices(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct db *db, struct stripe_api *api);

/*
 * Whether the customer portal has been set up in this mode; until then Stripe
 * opens no session. (docs.stripe.com/api/customer_portal/configurations)
 */
void stripe_doctor_portal(
    struct doctor *doctor, struct arena *arena, struct stripe_api *api);

/*
 * Whether Stripe Tax can calculate, for a shop with automatic_tax.
 * (docs.stripe.com/api/tax/settings)
 */
void stripe_doctor_tax(
    struct doctor *doctor, struct arena *arena, struct stripe_api *api);

/* A warning when Stripe says 403, a problem else; what: what was asked for. */
void stripe_doctor_no_answer(struct doctor *doctor, struct arena *arena,
    const char *what, const char *right, const struct stripe_probe *probe);

#endif
