/*
 * stripe_endpoint.h - what `check` finds out about the webhook endpoint that is
 * registered at Stripe.
 */
#ifndef PAYDESK_STRIPE_ENDPOINT_H
#define PAYDESK_STRIPE_ENDPOINT_H

#include "base/arena.h"
#include "program/config.h"
#include "program/doctor.h"
#include "stripe/stripe_api.h"

/*
 * Ours is the one whose URL is STRIPE_WEBHOOK_URL, or without that setting any
 * whose path ends in /webhooks/stripe. Is there one, and only one? Is it
 * enabled, and sent just the events that are handled here?
 * Destinations of thin events are looked at in the same way.
 * (docs.stripe.com/api/webhook_endpoints/object,
 * docs.stripe.com/api/v2/core/event_destinations/object)
 *
 * With STRIPE_WEBHOOK_URL an unsigned delivery is posted there: stripe-webhook
 * refuses it with 400 and stores nothing; whatever else answers is not it.
 */
void stripe_endpoint_examine(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api);

#endif
