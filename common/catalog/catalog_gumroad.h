/*
 * catalog_gumroad.h - the products of Gumroad that a catalog sells licences of.
 *
 *   {"<product_id, permalink or short id>":
 *        {"tier": "core", "seller_id": "…", "activations": 3,
 *         "expires": "1y" or "with_membership", "after_end": "keep" or "revoke",
 *         "plans": {"Team": {"tier": "team"}}}}
 *
 * A plan of a membership is named by its name or its id.
 */
#ifndef PAYDESK_CATALOG_GUMROAD_H
#define PAYDESK_CATALOG_GUMROAD_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/rc.h"

/* Of the member "gumroad", NULL for none. RC_BAD_REQUEST: *problem, with its place. */
enum rc catalog_gumroad_check(struct arena *arena, json_object *products,
    const char **problem) MUST_CHECK;

/* Whether that can be the tier of a licence. */
bool catalog_gumroad_is_tier(const char *word);

#endif
