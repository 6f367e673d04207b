/*
 * events.h - the events command: what the ledger holds, for people.
 */
#ifndef PAYDESK_EVENTS_H
#define PAYDESK_EVENTS_H

#include "program/serve.h"
#include "stripe/stripe_intake.h"

#define EVENTS_LIMIT 50	      /* that list shows unless told otherwise */
#define EVENTS_LIMIT_MAX 1000 /* that list and replay take at once */

/* The statements that a program with this command lists among its own. */
#define EVENTS_STATEMENTS \
	{ "events_find", \
		"SELECT event_id, type, outcome, billing.utc(created_at)," \
		" billing.utc(received_at), deliveries," \
		" stripe_customer_id, stripe_subscription_id," \
		" coalesce(error, skip_reason) FROM billing.events_find(" \
		"$1, $2, $3, to_timestamp($4), to_timestamp($5), $6, $7)" }, \
	    { "events_show", \
		    "SELECT event_id, type, outcome," \
		    " billing.utc(created_at)," \
		    " billing.utc(received_at)," \
		    " billing.utc(processed_at), deliveries," \
		    " api_version, livemode::text, stripe_customer_id," \
		    " stripe_subscription_id, error, skip_reason," \
		    " payload_truncated::text, payload" \
		    " FROM billing.stripe_events WHERE event_id = $1" }, \
	    { "events_failures", \
		    "SELECT billing.utc(at), sqlstate, error" \
		    " FROM billing.stripe_failures($1)" }, \
	{ \
		"events_skip", \
		    "SELECT type, outcome, done" \
		    " FROM billing.stripe_skip($1, $2)" \
	}

/*
 * Runs `events list|show|replay|skip …`. Exit status 1: there is no such event,
 * or one could not be applied, or needed no skipping.
 */
int events(struct service *service, struct stripe_intake *intake, int argc,
    char **argv);

#endif
