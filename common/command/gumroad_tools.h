/*
 * gumroad_tools.h - the commands of gumroad-webhook.
 */
#ifndef PAYDESK_GUMROAD_TOOLS_H
#define PAYDESK_GUMROAD_TOOLS_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const gumroad_tools_statements[];

/* Exit status 1 when any delivery still cannot be applied. */
extern const struct command gumroad_tools_replay_command;

/*
 * Takes up deliveries that broke off, then works off the outbox. Exit status 1
 * when a mail was not sent.
 */
extern const struct command gumroad_tools_deliver_command;

/* For `check`: how many deliveries wait for a replay. */
void gumroad_tools_examine(struct service *service, struct doctor *doctor);

#endif
