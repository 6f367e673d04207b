/*
 * stripe_event.h - the envelope of a Stripe event.
 *
 * Snapshot events say object "event" and carry the object in data.object; thin
 * events say "v2.core.event" and carry only its address.
 * (docs.stripe.com/api/events/object, docs.stripe.com/event-destinations)
 */
#ifndef PAYDESK_STRIPE_EVENT_H
#define PAYDESK_STRIPE_EVENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rc.h"

struct stripe_event {
	const char *id;	  /* evt_…, of a thin event its twin's; never NULL */
	const char *type; /* never NULL; "" when it was malformed */
	const char *api_version;  /* may be NULL */
	const char *account;	  /* the connected account, or NULL */
	const char *notification; /* the thin event that told of it, or NULL */
	const char *twin, *url;	  /* of a thin event: see stripe_thin.h */
	int64_t
	    created_s; /* Stripe's clock, ours when it says none; -1: malformed */
	bool livemode, has_livemode;
	bool thin;
	json_object *object;   /* data.object, or NULL */
	json_object *previous; /* data.previous_attributes, or NULL */
	int64_t fetched_us;    /* of an event of our own, or -1 */
};

/*
 * Reads a body whose signature is right. RC_BAD_REQUEST: it is not JSON or has
 * no usable id. The event lives in the arena.
 */
enum rc stripe_event_parse(struct arena *arena, const char *body,
    size_t body_len, struct stripe_event *event) MUST_CHECK;

/*
 * The body of an event of our own that says what Stripe answered, asked at a
 * moment of its clock in microseconds. NULL: no memory.
 */
const char *stripe_event_own(struct arena *arena, const char *id,
    const char *type, json_object *object, int64_t at_us, bool livemode,
    size_t *body_len);

#endif
