/*
 * gumroad_state.h - the state of a program that takes Gumroad's deliveries, made
 * by its setup(). The commands on those deliveries find it as service->state.
 */
#ifndef PAYDESK_GUMROAD_STATE_H
#define PAYDESK_GUMROAD_STATE_H

#include "base/secret.h"
#include "licence/gumroad_books.h"
#include "licence/issue.h"
#include "mail/mailer.h"
#include "program/serve.h"

struct gumroad_state {
	struct secrets *secrets; /* NULL: not configured */
	struct issuer *issuer;
	struct mailer *mailer;
	int64_t rest_until_ms; /* no attempt to send inline until then */
};

/* What applying a delivery needs, with that lease for a new mail. */
struct gumroad_books gumroad_state_books(
    const struct service *service, int lease_s);

#endif
