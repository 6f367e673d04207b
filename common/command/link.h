/*
 * link.h - the link command: whose customer is this?
 */
#ifndef PAYDESK_LINK_H
#define PAYDESK_LINK_H

#include "program/serve.h"
#include "stripe/stripe_intake.h"

/* The statements that a program with this command lists among its own. */
extern const struct db_statement *const link_statements[];

/*
 * Runs `link CUSTOMER ACCOUNT [--json]`: the account, named by its external id,
 * gets the customer at Stripe and all that was held back for want of an account.
 * Exit status 1: it is another's, or an event could not be applied.
 */
int link_customer(struct service *service, struct stripe_intake *intake,
    int argc, char **argv);

#endif
