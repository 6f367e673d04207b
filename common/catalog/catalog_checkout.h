/*
 * catalog_checkout.h - how Checkout sessions are made: the catalog's "checkout".
 *
 *   {"automatic_tax": true, "tax_id_collection": true,
 *    "billing_address": "required", "locale": "auto",
 *    "promotion_codes": false, "payment_method": "if_required",
 *    "quantity_max": 50, "several_subscriptions": true,
 *    "return_urls": ["https://www.example.com/"],
 *    "extra": {"custom_text[submit][message]": "…"}}   see catalog_extra.h
 *
 * Whether an account may have several subscriptions is for the rules in sql/.
 */
#ifndef PAYDESK_CATALOG_CHECKOUT_H
#define PAYDESK_CATALOG_CHECKOUT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/rc.h"

struct catalog_checkout {
	bool automatic_tax, tax_id_collection;
	bool promotion_codes;	     /* true when it does not say */
	const char *billing_address; /* "auto", "required" or NULL */
	const char *payment_method;  /* "always", "if_required" or NULL */
	const char *locale;	     /* NULL: Stripe's choice */
	long quantity_max;	     /* 1000 when it does not say */
	const char *const
	    *return_urls;   /* beginnings of URLs, NULL at the end */
	json_object *extra; /* more parameters, an object or NULL */
};

/*
 * Reads that member, NULL for none of it. RC_BAD_REQUEST: *problem is a sentence
 * with the place of the error.
 */
enum rc catalog_checkout_read(struct arena *arena, json_object *member,
    struct catalog_checkout *checkout, const char **problem) MUST_CHECK;

/* Whether that looks like a locale: auto, de, pt-BR, es-419, zh-Hant-TW … */
bool catalog_locale(const char *locale);

#endif
