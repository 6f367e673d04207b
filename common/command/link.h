/*
 * link.h - the commands link and unlink: whose customer is this?
 */
#ifndef PAYDESK_LINK_H
#define PAYDESK_LINK_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const link_statements[];

/*
 * The account, named by its external id, gets the customer at Stripe, what it pays
 * for, and all that was held back for want of an account. Exit status 1: that would
 * take something from somebody and --move was not given, there is no such account,
 * or an event could not be applied.
 */
extern const struct command link_command;

/*
 * Nobody has the customer any more, nor what it pays for. Exit status 1: nobody had.
 */
extern const struct command unlink_command;

#endif
