/*
 * catalog.h - what is sold: plans and prices, from catalog.json.
 *
 *   {"default_plan": "pro",
 *    "plans": {"pro": {"monthly": {"price": "price_…"},
 *                      "annual":  {"price": "price_…", "trial_days": 14}}}}
 */
#ifndef PAYDESK_CATALOG_H
#define PAYDESK_CATALOG_H

#include "arena.h"
#include "rc.h"

struct catalog;

struct catalog_price {
	const char *price_id; /* Stripe's */
	const char *plan;
	const char *period; /* "monthly" or "annual" */
	long trial_days;
};

/*
 * Reads the file at path; a NULL path is an empty catalog. All of it lives in
 * the arena. RC_BAD_REQUEST: *problem is a sentence with the place of the
 * error.
 */
enum rc catalog_load(struct arena *arena, const char *path,
    struct catalog **catalog, const char **problem) MUST_CHECK;

/* The entry of a price id; NULL when it is not in the catalog. */
const struct catalog_price *catalog_find_price(
    const struct catalog *catalog, const char *price_id);

#endif
