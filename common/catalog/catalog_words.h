/*
 * catalog_words.h - what a catalog says beside its prices: how prices that it does
 * not list count, which plans are add-ons, how long things last.
 *
 *   {"plans": {"pro": {"rank": 20, "addon": false, "per_seat": false,
 *                      "products": ["prod_…"], "features": {…}}},
 *    "other_prices": "ignore"|"paid", "metadata_key": "account",
 *    "client_reference": "trust"|"claim",
 *    "policy": {"grace_days": 14, "pause_collection": "keep"|"stop",
 *               "refund_subscription": "keep"|"end",
 *               "refund_purchase": "end"|"keep", "dispute": "suspend"|"keep",
 *               "dispute_lost": "end"|"keep",
 *               "fraud_warning": "note"|"suspend"},
 *    "referral": {"days": 45, "convert_on": "payment"|"trial"},
 *    "subscription": {"proration": "always_invoice"|"none"}}
 *
 * Of words with | the first holds when none is given.
 *
 * The database reads these words when the catalog is applied; see rules/catalog.sql
 * in sql/.
 */
#ifndef PAYDESK_CATALOG_WORDS_H
#define PAYDESK_CATALOG_WORDS_H

#include <json-c/json.h>

#include "base/arena.h"
#include "base/rc.h"

/* RC_BAD_REQUEST: *problem is a sentence with the place of the error. */
enum rc catalog_words_check(struct arena *arena, json_object *document,
    const char **problem) MUST_CHECK;

#endif
