/*
 * license_tools.h - the commands of license, for operators.
 */
#ifndef PAYDESK_LICENSE_TOOLS_H
#define PAYDESK_LICENSE_TOOLS_H

#include "licence/issue.h"
#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
#define LICENSE_TOOLS_STATEMENTS \
	{ "operator_show", \
		"SELECT license_key, status, revoke_reason, tier, email, name," \
		" source_order_id, subscription_id, product_name," \
		" amount_cents, test, renewals, paid_until, cancelled_at," \
		" created_at, blob FROM billing.licenses" \
		" WHERE license_key = $1" }, \
	    { "operator_mails", \
		    "SELECT e.id, e.kind, e.status, e.attempts, e.created_at," \
		    " e.sent_at, e.error FROM billing.emails e" \
		    " JOIN billing.licenses l ON l.id = e.license_id" \
		    " WHERE l.license_key = $1 ORDER BY e.id" }, \
	    { "operator_events", \
		    "SELECT g.id, g.resource, g.order_id, g.received_at," \
		    " g.outcome, g.error FROM billing.gumroad_events g" \
		    " JOIN billing.licenses l ON l.id = g.license_id" \
		    " WHERE l.license_key = $1 ORDER BY g.id" }, \
	    { "operator_override", \
		    "SELECT billing.license_override($1, $2, $3)" }, \
	    { "operator_by_key", \
		    "SELECT id, license_key, tier, product_id, email, name," \
		    " product_name, blob, status FROM billing.licenses" \
		    " WHERE license_key = $1" }, \
	{ \
		"operator_mail", "SELECT billing.license_mail($1, $2, $3, $4)" \
	}

/* `keygen [FILE]`: the private key to FILE and the public one to FILE.pub. */
int license_tools_keygen(struct service *service, int argc, char **argv);

/* `verify --public-key FILE [BLOB]`: exit status 0 when it is genuine, else 1. */
int license_tools_verify(struct service *service, int argc, char **argv);

/* `show KEY [--json]`, `revoke KEY [REASON]`, `restore KEY`, `resend KEY`. */
int license_tools_show(struct service *service, int argc, char **argv);
int license_tools_revoke(struct service *service, int argc, char **argv);
int license_tools_restore(struct service *service, int argc, char **argv);
int license_tools_resend(struct service *service, const struct issuer *issuer,
    int argc, char **argv);

#endif
