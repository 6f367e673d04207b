#include "catalog/catalog_words.h"

#include <stdbool.h>
#include <string.h>

#include "catalog/catalog_problem.h"
#include "base/json.h"

#define DAYS_MAX 36500
#define KEY_MAX 40

/* check_days - a number of days, when it is there, of an object */
static enum rc
check_days(struct arena *arena, json_object *document, const char *owner,
    const char *name, const char **problem)
{
	json_object *object = json_member(document, owner);
	int64_t days;

	if (json_integer(object, name, 0, DAYS_MAX, &days) != RC_BAD_REQUEST)
		return RC_OK;
	return catalog_problem(arena, problem,
	    arena_printf(arena, "%s.%s", owner, name),
	    "must be a whole number of days");
}

/* is_key - of Stripe's metadata (docs.stripe.com/api/metadata) */
static bool
is_key(const char *word)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *word != '\0' && strlen(word) <= KEY_MAX &&
	    strspn(word, allowed) == strlen(word);
}

/* The words of which one is chosen; the first is what holds when none is. */
static const struct choice {
	const char *owner, *name; /* owner NULL: at the top */
	const char *first, *second;
} choices[] = {
	{ NULL, "other_prices", "ignore", "paid" },
	{ NULL, "client_reference", "trust", "claim" },
	{ "policy", "pause_collection", "keep", "stop" },
	{ "policy", "refund_subscription", "keep", "end" },
	{ "policy", "refund_purchase", "end", "keep" },
	{ "policy", "dispute", "suspend", "keep" },
	{ "policy", "dispute_lost", "end", "keep" },
	{ "policy", "fraud_warning", "note", "suspend" },
	{ "referral", "convert_on", "payment", "trial" },
	{ "subscription", "proration", "always_invoice", "none" },
};

/* check_choice - one of its two words, when it is there */
static enum rc
check_choice(struct arena *arena, json_object *document,
    const struct choice *choice, const char **problem)
{
	const char *word, *place = choice->name;
	json_object *owner = document;
	enum rc rc;

	if (choice->owner != NULL) {
		owner = json_member(document, choice->owner);
		place = arena_printf(
		    arena, "%s.%s", choice->owner, choice->name);
		if (owner != NULL &&
		    !json_object_is_type(owner, json_type_object))
			return catalog_problem(
			    arena, problem, choice->owner, "must be an object");
	}
	rc = json_string(owner, choice->name, &word);
	if (rc == RC_NOT_FOUND ||
	    (rc == RC_OK &&
		(strcmp(word, choice->first) == 0 ||
		    strcmp(word, choice->second) == 0)))
		return RC_OK;
	return catalog_problem(arena, problem, place,
	    arena_printf(arena, "must be \"%s\" or \"%s\"", choice->first,
		choice->second));
}

/* check_flags - what of a plan is true or false, and its rank */
static enum rc
check_flags(struct arena *arena, json_object *plan, const char *place,
    const char **problem)
{
	static const char *const flags[] = { "addon", "per_seat" };
	int64_t rank;
	bool flag;

	for (size_t i = 0; i < 2; i++) {
		if (json_boolean(plan, flags[i], &flag) == RC_BAD_REQUEST)
			return catalog_problem(arena, problem,
			    arena_printf(arena, "%s.%s", place, flags[i]),
			    "must be true or false");
	}
	if (json_integer(plan, "rank", 0, INT32_MAX, &rank) == RC_BAD_REQUEST)
		return catalog_problem(arena, problem,
		    arena_printf(arena, "%s.rank", place),
		    "must be a whole number");
	return RC_OK;
}

/* has_product - whether one of the plans before it has that product */
static bool
has_product(json_object *plans, const char *before, const char *product)
{
	const struct json_entry *entry;

	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		json_object *list = json_member(json_value(entry), "products");

		if (strcmp(json_key(entry), before) == 0)
			return false;
		for (size_t i = 0; i < json_length(list); i++) {
			json_object *one = json_object_array_get_idx(list, i);

			if (strcmp(json_object_get_string(one), product) == 0)
				return true;
		}
	}
	return false;
}

/* check_products - a list of ids, none of them another plan's */
static enum rc
check_products(struct arena *arena, json_object *plans, const char *name,
    const char *place, const char **problem)
{
	json_object *list = json_path(plans, name, "products", NULL);

	place = arena_printf(arena, "%s.products", place);
	if (list == NULL)
		return RC_OK;
	if (!json_object_is_type(list, json_type_array))
		return catalog_problem(arena, problem, place, "must be a list");
	for (size_t i = 0; i < json_length(list); i++) {
		json_object *one = json_object_array_get_idx(list, i);

		if (!json_object_is_type(one, json_type_string))
			return catalog_problem(arena, problem, place,
			    "must be ids of Stripe products");
		if (has_product(plans, name, json_object_get_string(one)))
			return catalog_problem(arena, problem, place,
			    arena_printf(arena,
				"names %s, which another plan has",
				json_object_get_string(one)));
	}
	return RC_OK;
}

/* kind - of a feature; all numbers are alike */
static enum json_type
kind(json_object *value)
{
	enum json_type type = json_object_get_type(value);

	return type == json_type_double ? json_type_int : type;
}

/* check_types - a feature is of one type in all plans */
static enum rc
check_types(struct arena *arena, json_object *plans, json_object *features,
    const char *place, const char **problem)
{
	const struct json_entry *plan, *entry;

	for (entry = json_first(features); entry; entry = json_next(entry)) {
		for (plan = json_first(plans); plan; plan = json_next(plan)) {
			json_object *other = json_path(json_value(plan),
			    "features", json_key(entry), NULL);

			if (other != NULL &&
			    kind(other) != kind(json_value(entry)))
				return catalog_problem(arena, problem,
				    arena_printf(arena, "%s.features.%s", place,
					json_key(entry)),
				    arena_printf(arena,
					"is of another type than in plans.%s",
					json_key(plan)));
		}
	}
	return RC_OK;
}

/* check_plans - each of them */
static enum rc
check_plans(struct arena *arena, json_object *plans, const char **problem)
{
	const struct json_entry *entry;

	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		json_object *plan = json_value(entry);
		const char *place = arena_printf(
		    arena, "plans.%s", json_key(entry));

		if (check_flags(arena, plan, place, problem) != RC_OK ||
		    check_products(arena, plans, json_key(entry), place,
			problem) != RC_OK ||
		    check_types(arena, plans, json_member(plan, "features"),
			place, problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* check_key - of the metadata that name the account */
static enum rc
check_key(struct arena *arena, json_object *document, const char **problem)
{
	const char *word;
	enum rc rc = json_string(document, "metadata_key", &word);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && is_key(word)))
		return RC_OK;
	return catalog_problem(arena, problem, "metadata_key",
	    "must be 1 to 40 letters, digits, - or _");
}

/* catalog_words_check - from the top */
enum rc
catalog_words_check(
    struct arena *arena, json_object *document, const char **problem)
{
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		if (check_choice(arena, document, &choices[i], problem) !=
		    RC_OK)
			return RC_BAD_REQUEST;
	}
	if (check_key(arena, document, problem) != RC_OK ||
	    check_days(arena, document, "policy", "grace_days", problem) !=
		RC_OK ||
	    check_days(arena, document, "referral", "days", problem) != RC_OK)
		return RC_BAD_REQUEST;
	return check_plans(arena, json_member(document, "plans"), problem);
}
