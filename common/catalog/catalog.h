/*
 * catalog.h - what is sold: plans and prices, from catalog.json.
 *
 *   {"default_plan": "pro",
 *    "plans": {"pro": {"monthly": {"price": "price_…"},
 *                      "annual":  {"price": "price_…", "trial_days": 14},
 *                      "prices": [{"price": "price_…", "period": "quarterly"},
 *                                 {"price": "price_…", "period": "monthly",
 *                                  "sold": false}],
 *                      "features": {"projects": 10}, …}},
 *    "free": {"features": {"projects": 1}},
 *    …                                            see catalog_words.h
 *    "checkout": {"automatic_tax": true, …},      see catalog_checkout.h
 *    "gumroad": {"<product_id, permalink or short id>":
 *                    {"tier": "core", "plans": {"Team": {"tier": "team"}}}}}
 *
 * Any other member is passed over with a warning, unless its name begins with _:
 * that is a remark.
 * A plan of a Gumroad membership is named by its name or its id.
 */
#ifndef PAYDESK_CATALOG_H
#define PAYDESK_CATALOG_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/arena.h"
#include "catalog/catalog_checkout.h"
#include "base/rc.h"

struct catalog;

struct catalog_price {
	const char *price_id; /* Stripe's */
	const char *plan;
	const char *period; /* "monthly", "annual", or the catalog's own word */
	long trial_days;
	bool sold; /* false: whoever has it keeps the plan */
};

/*
 * Reads the file at path; a NULL path is an empty catalog. All of it lives in
 * the arena. RC_BAD_REQUEST: *problem is a sentence with the place of the
 * error.
 */
enum rc catalog_load(struct arena *arena, const char *path,
    struct catalog **catalog, const char **problem) MUST_CHECK;

/* The two steps: the bytes of a file, and what they say. path is for *problem. */
enum rc catalog_read_file(struct arena *arena, const char *path,
    const char **text, size_t *len, const char **problem) MUST_CHECK;
enum rc catalog_parse(struct arena *arena, const char *path, const char *text,
    size_t len, struct catalog **catalog, const char **problem) MUST_CHECK;

/* The entry of a price id; NULL when it is not in the catalog. */
const struct catalog_price *catalog_find_price(
    const struct catalog *catalog, const char *price_id);

/* The prices by their number from 0; NULL behind the last. */
const struct catalog_price *catalog_price(
    const struct catalog *catalog, size_t number);

/* The plan of that name, or for NULL the default one; NULL: there is none. */
const char *catalog_plan(const struct catalog *catalog, const char *name);

/* What a plan costs in a period; NULL when that is not sold (any more). */
const struct catalog_price *catalog_offer(
    const struct catalog *catalog, const char *plan, const char *period);

/* The key of Stripe's metadata that names the account; never NULL. */
const char *catalog_metadata_key(const struct catalog *catalog);

/* How Checkout sessions are made; never NULL. */
const struct catalog_checkout *catalog_checkout(const struct catalog *catalog);

/* Whether any Gumroad product is in it. */
bool catalog_has_tiers(const struct catalog *catalog);

/*
 * The tier of a Gumroad product, or with plan not NULL of that plan of it, by
 * exact names. NULL: not in the catalog.
 */
const char *catalog_find_tier(
    const struct catalog *catalog, const char *product, const char *plan);

#endif
