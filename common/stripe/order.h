/*
 * order.h - what somebody wants to buy: the body of POST /checkout, checked
 * against the catalog's rules. Which price that is the database knows.
 */
#ifndef PAYDESK_ORDER_H
#define PAYDESK_ORDER_H

#include "catalog/catalog_checkout.h"
#include "base/rc.h"
#include "program/request.h"
#include "program/site.h"

#define ORDER_KEY_MAX 255 /* bytes of an Idempotency-Key, as at Stripe */

/* Texts live as long as the request. */
struct order {
	const char *period, *plan; /* plan NULL: the default one */
	long quantity;
	const char *referral_code,
	    *locale; /* may be NULL; locale: a word of Stripe's */
	const char *success_url, *cancel_url; /* NULL: there is no SITE_URL */
	const char *client_key;		      /* the Idempotency-Key, or NULL */
	const char *canonical; /* equal for equal orders of one price */
};

/* RC_BAD_REQUEST after the reply: something is wrong with it. */
enum rc order_read(const struct catalog_checkout *rules,
    const struct site *site, struct request *request,
    struct order *order) MUST_CHECK;

#endif
