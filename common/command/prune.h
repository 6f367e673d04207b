/*
 * prune.h - the prune command: what is old is emptied, a little at a time.
 *
 * What grows old and how is billing.prune_rules() in sql/. Each batch is a
 * transaction of its own that waits for nobody, so prune may run beside live
 * deliveries, be stopped at any moment and be run again.
 */
#ifndef PAYDESK_PRUNE_H
#define PAYDESK_PRUNE_H

#include "program/serve.h"

/* The statements of a program with this command, by its provider of events. */
extern const struct db_statement *const prune_stripe_statements[];
extern const struct db_statement *const prune_gumroad_statements[];

/* With PAYLOAD_KEEP_DAYS unless --days is given. */
extern const struct command prune_stripe_command, prune_gumroad_command;

#endif
