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
#define RECONCILE_STATEMENTS \
	{ "reconcile_begin", \
		"SELECT run, after, checked, total" \
		" FROM billing.reconcile_begin($1, $2)" }, \
	    { "reconcile_compare", \
		    "SELECT subscription, status, by_payment FROM" \
		    " billing.reconcile_compare($1, $2, to_timestamp($3))" }, \
	    { "reconcile_excuse", "SELECT billing.reconcile_excuse($1, $2)" }, \
	    { "reconcile_yield", \
		    "SELECT billing.reconcile_yield($1, to_timestamp($2))" }, \
	    { "reconcile_settle", \
		    "SELECT billing.reconcile_settle($1, $2," \
		    " to_timestamp($3))" }, \
	    { "reconcile_page_done", \
		    "SELECT billing.reconcile_page_done($1, $2, $3)" }, \
	    { "reconcile_unseen", \
		    "SELECT subscription, status, known, object" \
		    " FROM billing.reconcile_unseen($1, $2)" }, \
	    { "reconcile_gone", "SELECT billing.reconcile_gone($1, $2, $3)" }, \
	    { "reconcile_finish", \
		    "SELECT checked, drift, fixed" \
		    " FROM billing.reconcile_finish($1)" }, \
	{ \
		"reconcile_drift", \
		    "SELECT subscription, field, here, at_stripe," \
		    " CASE WHEN fixed THEN 'fixed' ELSE 'not fixed' END" \
		    " FROM billing.reconcile_drift($1)" \
	}

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
