/*
 * link.h - the link command: whose customer is this?
 */
#ifndef PAYDESK_LINK_H
#define PAYDESK_LINK_H

#include "program/serve.h"
#include "stripe/stripe_intake.h"

/* The statements that a program with this command lists among its own. */
#define LINK_STATEMENTS \
	{ "link", \
		"SELECT result, about, adopted, status, tier" \
		" FROM billing.stripe_link($1, $2)" }, \
	{ \
		"link_held", \
		    "SELECT event_id FROM billing.stripe_events" \
		    " WHERE stripe_customer_id = $1 AND outcome = 'unmatched'" \
		    " ORDER BY created_at, received_at" \
	}

/*
 * Runs `link CUSTOMER ACCOUNT [--json]`: the account, named by its external id,
 * gets the customer at Stripe and all that was held back for want of an account.
 * Exit status 1: it is another's, or an event could not be applied.
 */
int link_customer(struct service *service, struct stripe_intake *intake,
    int argc, char **argv);

#endif
