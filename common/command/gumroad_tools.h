/*
 * gumroad_tools.h - the commands of gumroad-webhook.
 */
#ifndef PAYDESK_GUMROAD_TOOLS_H
#define PAYDESK_GUMROAD_TOOLS_H

#include "licence/gumroad_books.h"
#include "mail/mailer.h"
#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const gumroad_tools_statements[];

/*
 * Runs `replay [--failed | ID…] [--dry-run] [--json]`: applies deliveries of the
 * audit table again. Exit status 1 when any still cannot be applied.
 */
int gumroad_tools_replay(struct service *service,
    const struct gumroad_books *books, int argc, char **argv);

/*
 * Runs `deliver [--watch] [--now] [--failed]`: takes up deliveries that broke
 * off, then works off the outbox. Exit status 1 when a mail failed for good.
 */
int gumroad_tools_deliver(struct service *service,
    const struct gumroad_books *books, struct mailer *mailer, int argc,
    char **argv);

/* For `check`: how many deliveries wait for a replay. */
void gumroad_tools_examine(struct service *service, struct doctor *doctor);

#endif
