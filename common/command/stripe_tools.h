/*
 * stripe_tools.h - commands around signed deliveries, for operators.
 */
#ifndef PAYDESK_STRIPE_TOOLS_H
#define PAYDESK_STRIPE_TOOLS_H

#include "program/serve.h"

/* Needs no database. Exit status 1, and the reason: it would be refused. */
extern const struct command stripe_tools_verify_command;

/*
 * With the first secret. Exit status 1 when any delivery was not answered with
 * 200.
 */
extern const struct command stripe_tools_send_command;

#endif
