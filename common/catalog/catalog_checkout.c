#include "catalog/catalog_checkout.h"

#include <string.h>

#include "catalog/catalog_extra.h"
#include "catalog/catalog_problem.h"
#include "base/json.h"

#define QUANTITY_MAX 1000 /* when the catalog does not say */

/* catalog_locale - auto, or a language and perhaps a script and a region */
bool
catalog_locale(const char *locale)
{
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz",
			  others[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strspn(locale, lower);

	if (strcmp(locale, "auto") == 0)
		return true;
	if (len < 2 || len > 3)
		return false;
	for (int part = 0; part < 2 && locale[len] == '-'; part++) {
		locale += len + 1;
		len = strspn(locale, others);
		if (len < 2 || len > 4)
			return false;
	}
	return locale[len] == '\0';
}

/* read_switch - true or false, when given */
static bool
read_switch(json_object *member, const char *key, bool *value)
{
	return json_boolean(member, key, value) != RC_BAD_REQUEST;
}

/* read_word - one of two words, when given */
static bool
read_word(json_object *member, const char *key, const char *one,
    const char *other, const char **value)
{
	enum rc rc = json_string(member, key, value);

	return rc == RC_NOT_FOUND ||
	    (rc == RC_OK &&
		(strcmp(*value, one) == 0 || strcmp(*value, other) == 0));
}

/* read_return_urls - a list of beginnings of URLs, when given */
static bool
read_return_urls(
    struct arena *arena, json_object *member, struct catalog_checkout *checkout)
{
	json_object *list = json_member(member, "return_urls");
	size_t count = 0;
	const char **urls;

	if (list != NULL && !json_object_is_type(list, json_type_array))
		return false;
	if (list != NULL)
		count = json_object_array_length(list);
	urls = arena_alloc(arena, (count + 1) * sizeof *urls);
	if (urls == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		json_object *entry = json_object_array_get_idx(list, i);

		if (!json_object_is_type(entry, json_type_string))
			return false;
		urls[i] = json_object_get_string(entry);
		if (strstr(urls[i], "://") == NULL)
			return false;
	}
	checkout->return_urls = urls;
	return true;
}

/* read_switches - and words; NULL, or what is wrong with them */
static const char *
read_switches(json_object *member, struct catalog_checkout *checkout)
{
	if (!read_switch(member, "automatic_tax", &checkout->automatic_tax))
		return "automatic_tax must be true or false";
	if (!read_switch(
		member, "tax_id_collection", &checkout->tax_id_collection))
		return "tax_id_collection must be true or false";
	if (!read_switch(member, "promotion_codes", &checkout->promotion_codes))
		return "promotion_codes must be true or false";
	if (!read_switch(member, "several_subscriptions", &(bool){ false }))
		return "several_subscriptions must be true or false";
	if (!read_word(member, "billing_address", "auto", "required",
		&checkout->billing_address))
		return "billing_address must be \"auto\" or \"required\"";
	if (!read_word(member, "payment_method", "always", "if_required",
		&checkout->payment_method))
		return "payment_method must be \"always\" or \"if_required\"";
	return NULL;
}

/* read_rest - NULL, or what is wrong with it */
static const char *
read_rest(
    struct arena *arena, json_object *member, struct catalog_checkout *checkout)
{
	int64_t quantity_max = QUANTITY_MAX;

	if (json_string(member, "locale", &checkout->locale) ==
		RC_BAD_REQUEST ||
	    (checkout->locale != NULL && !catalog_locale(checkout->locale)))
		return "locale must be \"auto\" or a locale such as \"de\"";
	if (json_integer(member, "quantity_max", 1, 1000000, &quantity_max) ==
	    RC_BAD_REQUEST)
		return "quantity_max must be a whole number from 1 to 1000000";
	checkout->quantity_max = (long)quantity_max;
	if (!read_return_urls(arena, member, checkout))
		return "return_urls must be a list of URLs";
	checkout->extra = json_member(member, "extra");
	return NULL;
}

/* catalog_checkout_read - what it does not say has a default */
enum rc
catalog_checkout_read(struct arena *arena, json_object *member,
    struct catalog_checkout *checkout, const char **problem)
{
	const char *wrong;

	memset(checkout, 0, sizeof *checkout);
	checkout->promotion_codes = true;
	if (catalog_problem_object(arena, member, "checkout", problem) != RC_OK)
		return RC_BAD_REQUEST;
	wrong = read_switches(member, checkout);
	if (wrong == NULL)
		wrong = read_rest(arena, member, checkout);
	if (wrong == NULL)
		return catalog_extra_check(arena, checkout->extra, problem);
	*problem = arena_printf(arena, "checkout.%s", wrong);
	return RC_BAD_REQUEST;
}
