/*
 * catalog_prices.h - the plans of a catalog, and what they cost.
 *
 *   {"pro": {"monthly": {"price": "price_…"},
 *            "annual":  {"price": "price_…", "trial_days": 14},
 *            "prices": [{"price": "price_…", "period": "quarterly"},
 *                       {"price": "price_…", "period": "monthly",
 *                        "sold": false},
 *                       {"price": "price_…", "period": "once", "days": 30},
 *                       {"price": "price_…", "period": "once",
 *                        "license": {"tier": "core"}}],
 *            "features": {"projects": 10}, …}}      see catalog_words.h
 *
 * A price stands once in all plans, and one is sold of a plan in a period; others
 * are those of customers who have bought before.
 */
#ifndef PAYDESK_CATALOG_PRICES_H
#define PAYDESK_CATALOG_PRICES_H

#include <json-c/json.h>

#include "base/arena.h"
#include "base/rc.h"

/* Of the member "plans", NULL for none. RC_BAD_REQUEST: *problem, with its place. */
enum rc catalog_prices_check(
    struct arena *arena, json_object *plans, const char **problem) MUST_CHECK;

#endif
