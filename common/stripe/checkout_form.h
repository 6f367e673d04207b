/*
 * checkout_form.h - what Stripe is told of an order: the form of a new session.
 *
 * (docs.stripe.com/api/checkout/sessions/create)
 */
#ifndef PAYDESK_CHECKOUT_FORM_H
#define PAYDESK_CHECKOUT_FORM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/form_out.h"
#include "catalog/catalog_checkout.h"
#include "stripe/order.h"

/* What billing.checkout_begin() decided; the texts live in the arena. */
struct checkout_decision {
	const char *outcome;
	const char *price_id, *plan;
	const char *metered;	  /* "t" or "f"; NULL: nobody has asked yet */
	const char *trial_days;	  /* "0": none, or not again */
	const char *metadata_key; /* of what names the account */
	const char *referral;	  /* NULL: no code was given */
	const char *id;		  /* of the row that stands for the session */
	const char *stripe_key;	  /* Stripe's Idempotency-Key of it */
	const char *session_id, *url; /* NULL: it is not open yet */
	const char *customer, *email;
	bool recent; /* opened just now: not worth a look at Stripe */
};

/*
 * For the account of that id. decision->metered is known. NULL, or a form without a
 * text: the arena is used up.
 */
struct form_out *checkout_form(struct arena *arena, const char *account,
    const struct order *order, const struct checkout_decision *decision,
    const struct catalog_checkout *rules);

#endif
