/*
 * stripe_api.h - calls to Stripe, one function a call.
 *
 * https://docs.stripe.com/api: Authorization: Bearer KEY, a pinned
 * Stripe-Version. The key is never logged.
 */
#ifndef PAYDESK_STRIPE_API_H
#define PAYDESK_STRIPE_API_H

#include <json-c/json.h>

#include "arena.h"
#include "config.h"
#include "rc.h"

struct stripe_api;

/*
 * NULL when there is no STRIPE_API_KEY. Everything lives in the arena; the
 * config must live as long. Ends the program when there is no memory.
 */
struct stripe_api *stripe_api_new(
    struct arena *arena, const struct config *config);

/*
 * GET /v1/subscriptions/:id and GET /v1/events/:id, within timeout_ms in all.
 * The object lives in the arena; *text, where given, is the answer's text.
 *   RC_NOT_FOUND  Stripe has no such object (any more)
 *   RC_UPSTREAM   no usable answer; logged
 */
enum rc stripe_api_subscription(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, json_object **subscription) MUST_CHECK;
enum rc stripe_api_event(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, const char **text, size_t *len) MUST_CHECK;

#endif
