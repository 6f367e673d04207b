/*
 * stripe_words.h - the closed lists of words that Stripe takes from us.
 *
 * Any other word is a 400 at Stripe. The two pages have lists of locales that
 * differ. As in stripe-node 23.1.0 for 2026-10-28.endive: Checkout/Sessions and
 * BillingPortal/Sessions, SessionCreateParams.
 */
#ifndef PAYDESK_STRIPE_WORDS_H
#define PAYDESK_STRIPE_WORDS_H

#include <stdbool.h>

#include "program/doctor.h"

#define STRIPE_MODE_SUBSCRIPTION "subscription" /* of a Checkout session */
#define STRIPE_MODE_PAYMENT "payment"

enum stripe_hosted {
	STRIPE_CHECKOUT,
	STRIPE_PORTAL,
};

/* A place in the portal to which one can go directly. */
struct stripe_flow {
	const char *name;
	const char *subscription_key; /* NULL: it needs no subscription */
};

/* Its list, NULL at the end. */
const char *const *stripe_locales(enum stripe_hosted page);

/*
 * The word of that page's list that fits a locale best: en-US is en there, no
 * is nb. NULL: none does, or locale is NULL.
 */
const char *stripe_locale(enum stripe_hosted page, const char *locale);

/* For `check`: whether the catalog's locale, or NULL, fits that page. */
void stripe_words_examine(
    struct doctor *doctor, enum stripe_hosted page, const char *locale);

/* All flows, with a NULL name at the end. */
extern const struct stripe_flow stripe_flows[];

#endif
