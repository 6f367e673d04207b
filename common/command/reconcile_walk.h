/*
 * reconcile_walk.h - one walk over all subscriptions at Stripe.
 *
 * GET /v1/subscriptions?status=all, a page at a time; what differs is noted in
 * the database (billing.drift), and so is how far the walk has come.
 * (docs.stripe.com/api/subscriptions/list)
 */
#ifndef PAYDESK_RECONCILE_WALK_H
#define PAYDESK_RECONCILE_WALK_H

#include "stripe/ledger.h"
#include "program/serve.h"
#include "stripe/stripe_intake.h"

/* The statements that a program with a walk lists among its own. */
extern const struct db_statement *const reconcile_walk_statements[];

struct reconcile_walk {
	struct service *service;
	struct stripe_intake *intake;
	bool fix;
	const char *run, *after; /* as the database has them */
	int checked, total;
	int malformed; /* subscriptions that could not be read */
	bool strange;  /* Stripe knows none of these books' subscriptions */
	struct arena *page, *one;
};

/*
 * Walks from walk->after to the end, then asks for every subscription that is
 * alive here and was not on the list. With fix, what differs is applied as an
 * event of the moment before Stripe answered.
 *   RC_BUSY      the database is away
 *   RC_UPSTREAM, RC_TOO_LARGE  Stripe gave no usable list
 */
enum rc reconcile_walk(struct reconcile_walk *walk) MUST_CHECK;

#endif
