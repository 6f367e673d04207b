/*
 * gumroad_tools.h - the commands of gumroad-webhook.
 */
#ifndef PAYDESK_GUMROAD_TOOLS_H
#define PAYDESK_GUMROAD_TOOLS_H

#include "licence/gumroad_books.h"
#include "mail/mailer.h"
#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
#define GUMROAD_TOOLS_STATEMENTS \
	{ "gumroad_unprocessed", \
		"SELECT id, resource, order_id, error" \
		" FROM billing.gumroad_events WHERE NOT processed" \
		" AND (retry_at IS NULL OR retry_at <= now()) ORDER BY id" }, \
	    { "gumroad_one", \
		    "SELECT id, resource, order_id, error" \
		    " FROM billing.gumroad_events WHERE id = $1" }, \
	    { "gumroad_payload", \
		    "SELECT payload FROM billing.gumroad_events" \
		    " WHERE id = $1" }, \
	{ \
		"gumroad_retry", \
		    "SELECT id FROM billing.gumroad_events WHERE NOT processed" \
		    " AND retry_at <= now() ORDER BY id LIMIT 100" \
	}

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

#endif
