#include "catalog/catalog_gumroad.h"

#include <string.h>

#include "catalog/catalog_problem.h"
#include "base/json.h"

#define TIER_MAX 32 /* bytes */
#define ACTIVATIONS_MAX 100000
#define DIGITS_MAX 4

/* catalog_gumroad_is_tier - a word of a key */
bool
catalog_gumroad_is_tier(const char *word)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *word != '\0' && strlen(word) <= TIER_MAX &&
	    strspn(word, allowed) == strlen(word);
}

/* is_span - a number and a unit, such as 1y */
static bool
is_span(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	return digits > 0 && digits <= DIGITS_MAX && *word != '0' &&
	    word[digits] != '\0' && strchr("dwmy", word[digits]) != NULL &&
	    word[digits + 1] == '\0';
}

/* wrong_terms - of a product, beside its tier; NULL: nothing is */
static const char *
wrong_terms(json_object *offer)
{
	int64_t activations;
	const char *word;
	enum rc rc;

	rc = json_string(offer, "seller_id", &word);
	if (rc == RC_BAD_REQUEST || (rc == RC_OK && *word == '\0'))
		return "seller_id must be the id that Gumroad gave the seller";
	if (json_integer(offer, "activations", 1, ACTIVATIONS_MAX,
		&activations) == RC_BAD_REQUEST)
		return "activations must be a whole number from 1 to 100000";
	rc = json_string(offer, "expires", &word);
	if (rc == RC_BAD_REQUEST ||
	    (rc == RC_OK && strcmp(word, "with_membership") != 0 &&
		!is_span(word)))
		return "expires must be \"with_membership\" or a time such as "
		       "\"1y\", \"6m\", \"2w\" or \"30d\"";
	rc = json_string(offer, "after_end", &word);
	if (rc == RC_BAD_REQUEST ||
	    (rc == RC_OK && strcmp(word, "keep") != 0 &&
		strcmp(word, "revoke") != 0))
		return "after_end must be \"keep\" or \"revoke\"";
	return NULL;
}

/* check_offer - a product, or a plan of it */
static enum rc
check_offer(struct arena *arena, json_object *offer, const char *place,
    const char **problem)
{
	const char *tier, *wrong;

	if (json_string(offer, "tier", &tier) != RC_OK ||
	    !catalog_gumroad_is_tier(tier))
		wrong = "tier must be 1 to 32 letters, digits, - or _";
	else
		wrong = wrong_terms(offer);
	if (wrong == NULL)
		return RC_OK;
	*problem = arena_printf(arena, "%s.%s", place, wrong);
	return RC_BAD_REQUEST;
}

/* check_product - and its plans */
static enum rc
check_product(struct arena *arena, json_object *offer, const char *place,
    const char **problem)
{
	const char *in_plans = arena_printf(arena, "%s.plans", place);
	json_object *plans = json_member(offer, "plans");
	const struct json_entry *entry;

	if (check_offer(arena, offer, place, problem) != RC_OK ||
	    catalog_problem_object(arena, plans, in_plans, problem) != RC_OK)
		return RC_BAD_REQUEST;
	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		if (check_offer(arena, json_value(entry),
			arena_printf(arena, "%s.%s", in_plans, json_key(entry)),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* catalog_gumroad_check - each product */
enum rc
catalog_gumroad_check(
    struct arena *arena, json_object *products, const char **problem)
{
	const struct json_entry *entry;

	if (catalog_problem_object(arena, products, "gumroad", problem) !=
	    RC_OK)
		return RC_BAD_REQUEST;
	for (entry = json_first(products); entry; entry = json_next(entry)) {
		if (check_product(arena, json_value(entry),
			arena_printf(arena, "gumroad.%s", json_key(entry)),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}
