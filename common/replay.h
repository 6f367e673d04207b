/*
 * replay.h - the replay command: events of the ledger, once more.
 */
#ifndef PAYDESK_REPLAY_H
#define PAYDESK_REPLAY_H

#include "serve.h"
#include "stripe_intake.h"

/* The statements that a program with this command lists among its own. */
#define REPLAY_STATEMENTS \
	{ \
		"replay_failed", \
		"SELECT event_id, type, error FROM billing.stripe_events" \
		" WHERE processed_at IS NULL ORDER BY created_at, received_at" \
	}, \
	    { "replay_one", \
		    "SELECT event_id, type, error FROM billing.stripe_events" \
		    " WHERE event_id = $1" }, \
	{ \
		"replay_body", \
		    "SELECT payload, payload_truncated" \
		    " FROM billing.stripe_events WHERE event_id = $1" \
	}

/*
 * Runs `replay [--failed | ID…] [--dry-run] [--json]`. What was cut at the
 * payload cap, or emptied since, is fetched from Stripe by id. Returns the exit status: 1 when any
 * event could not be applied.
 */
int replay_events(struct service *service, struct stripe_intake *intake,
    int argc, char **argv);

#endif
