/*
 * link.h - the link command: whose customer is this?
 */
#ifndef PAYDESK_LINK_H
#define PAYDESK_LINK_H

#include "program/serve.h"

/* The statements that a program with this command lists among its own. */
extern const struct db_statement *const link_statements[];

/*
 * The account, named by its external id, gets the customer at Stripe and all that
 * was held back for want of an account. Exit status 1: it is another's, or an
 * event could not be applied.
 */
extern const struct command link_command;

#endif
