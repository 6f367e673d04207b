/*
 * catalog_extra.h - parameters of Stripe's that the catalog adds to every Checkout
 * session, as "checkout": {"extra": {"param[path]": "value"}}.
 *
 * (docs.stripe.com/api/checkout/sessions/create)
 */
#ifndef PAYDESK_CATALOG_EXTRA_H
#define PAYDESK_CATALOG_EXTRA_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/form_out.h"
#include "base/rc.h"

/*
 * NULL for none. RC_BAD_REQUEST: *problem, with its place; what checkout sets itself
 * is refused.
 */
enum rc catalog_extra_check(
    struct arena *arena, json_object *extra, const char **problem) MUST_CHECK;

/*
 * Adds those that a session of that kind may have: what begins with
 * subscription_data is for a subscription, with payment_intent_data for a payment.
 */
void catalog_extra_add(
    json_object *extra, bool subscription, struct form_out *form);

#endif
