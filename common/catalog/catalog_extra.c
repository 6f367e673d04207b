#include "catalog/catalog_extra.h"

#include <ctype.h>
#include <string.h>

#include "catalog/catalog_problem.h"
#include "base/json.h"

#define VALUE_MAX 1200 /* bytes; Stripe's longest text of a session */

/* What checkout.c sets, or would not work with: a name, or with [ all below it. */
static const char *const taken[] = {
	"mode",
	"ui_mode",
	"return_url",
	"line_items[",
	"customer",
	"customer_email",
	"customer_creation",
	"customer_update[",
	"client_reference_id",
	"metadata[",
	"subscription_data[metadata][",
	"subscription_data[trial_period_days]",
	"subscription_data[trial_end]",
	"payment_intent_data[metadata][",
	"invoice_creation[enabled]",
	"success_url",
	"cancel_url",
	"locale",
	"billing_address_collection",
	"payment_method_collection",
	"allow_promotion_codes",
	"automatic_tax[enabled]",
	"tax_id_collection[enabled]",
};

/* is_taken - by checkout itself */
static bool
is_taken(const char *name)
{
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		size_t len = strlen(taken[i]);

		if (taken[i][len - 1] == '[' ?
			strncmp(name, taken[i], len) == 0 :
			strcmp(name, taken[i]) == 0)
			return true;
	}
	return false;
}

/* is_path - a word, and words in brackets after it; the last may be empty */
static bool
is_path(const char *name)
{
	const char *c = name;

	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	if (c == name)
		return false;
	while (*c == '[') {
		for (c++; isalnum((unsigned char)*c) || *c == '_'; c++)
			;
		if (*c++ != ']')
			return false;
	}
	return *c == '\0';
}

/* catalog_extra_check - each name and value */
enum rc
catalog_extra_check(
    struct arena *arena, json_object *extra, const char **problem)
{
	const struct json_entry *entry;
	const char *value;

	if (catalog_problem_object(arena, extra, "checkout.extra", problem) !=
	    RC_OK)
		return RC_BAD_REQUEST;
	for (entry = json_first(extra); entry; entry = json_next(entry)) {
		const char *name = json_key(entry);
		const char *place = arena_printf(
		    arena, "checkout.extra.%s", name);

		if (!is_path(name))
			return catalog_problem(arena, problem, place,
			    "must be named as param or param[path]");
		if (is_taken(name))
			return catalog_problem(arena, problem, place,
			    "is a parameter that checkout sets itself");
		if (json_string_max(extra, name, VALUE_MAX, &value) != RC_OK)
			return catalog_problem(arena, problem, place,
			    "must be a text of at most 1200 bytes");
	}
	return RC_OK;
}

/* catalog_extra_add - in the catalog's order */
void
catalog_extra_add(json_object *extra, bool subscription, struct form_out *form)
{
	static const char of_subscription[] = "subscription_data[",
			  of_payment[] = "payment_intent_data[";
	const struct json_entry *entry;
	const char *value;

	for (entry = json_first(extra); entry; entry = json_next(entry)) {
		const char *name = json_key(entry);
		const char *other = subscription ? of_payment : of_subscription;

		if (strncmp(name, other, strlen(other)) == 0)
			continue;
		if (json_string_max(extra, name, VALUE_MAX, &value) == RC_OK)
			form_out_add(form, name, value);
	}
}
