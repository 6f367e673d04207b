#include "catalog/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog_shape.h"
#include "catalog/catalog_words.h"
#include "base/json.h"
#include "base/log.h"

#define FILE_MAX (256 << 10) /* bytes */
#define TRIAL_DAYS_MAX 730   /* Stripe's own limit */
#define DAYS_MAX 36500
#define TIER_MAX 32 /* bytes */

/* What a Gumroad product, or one of its plans, is sold as. */
struct tier {
	const char *product, *plan; /* plan may be NULL */
	const char *name;
};

struct catalog {
	struct catalog_price *prices;
	size_t count;
	json_object *plans, *free; /* as in the file, or NULL */
	const char *default_plan;  /* NULL: not named */
	const char *metadata_key;
	struct catalog_checkout checkout;
	struct tier *tiers;
	size_t tier_count;
};

/* catalog_read_file - at most FILE_MAX bytes, and a NUL */
enum rc
catalog_read_file(struct arena *arena, const char *path, const char **text,
    size_t *len, const char **problem)
{
	char *bytes = arena_alloc(arena, FILE_MAX + 2);
	FILE *file = fopen(path, "r");
	enum rc rc = RC_OK;

	if (file == NULL || bytes == NULL) {
		*problem = arena_printf(arena, "CATALOG: cannot read %s: %s",
		    path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return RC_BAD_REQUEST;
	}
	*len = fread(bytes, 1, FILE_MAX + 1, file);
	bytes[*len] = '\0';
	*text = bytes;
	if (ferror(file) || *len > FILE_MAX) {
		*problem = arena_printf(arena,
		    "CATALOG: %s cannot be read or is larger than %d bytes",
		    path, FILE_MAX);
		rc = RC_BAD_REQUEST;
	}
	fclose(file);
	return rc;
}

/* read_price - check an offer of a plan; NULL, or what is wrong with it */
static const char *
read_price(const struct catalog *catalog, json_object *offer,
    struct catalog_price *entry)
{
	int64_t trial_days = 0, days = 0;

	entry->sold = true;
	if (json_string(offer, "price", &entry->price_id) != RC_OK ||
	    *entry->price_id == '\0')
		return "price must be the id of a Stripe price";
	if (json_integer(offer, "trial_days", 0, TRIAL_DAYS_MAX, &trial_days) ==
	    RC_BAD_REQUEST)
		return "trial_days must be a whole number from 0 to 730";
	if (json_integer(offer, "days", 1, DAYS_MAX, &days) == RC_BAD_REQUEST)
		return "days must be a whole number";
	if (json_boolean(offer, "sold", &entry->sold) == RC_BAD_REQUEST)
		return "sold must be true or false";
	if (catalog_find_price(catalog, entry->price_id) != NULL)
		return "price is already used by another entry";
	if (entry->sold &&
	    catalog_offer(catalog, entry->plan, entry->period) != NULL)
		return "price is a second one that is sold for that period";
	entry->trial_days = (long)trial_days;
	return NULL;
}

/* add_price - check an offer and keep it; place is that of the offer */
static enum rc
add_price(struct arena *arena, struct catalog *catalog, const char *plan,
    const char *period, json_object *offer, const char *place,
    const char **problem)
{
	struct catalog_price *entry = &catalog->prices[catalog->count];
	const char *wrong;

	entry->plan = plan;
	entry->period = period;
	wrong = read_price(catalog, offer, entry);
	if (wrong != NULL) {
		*problem = arena_printf(arena, "CATALOG: %s.%s", place, wrong);
		return RC_BAD_REQUEST;
	}
	catalog->count++;
	return RC_OK;
}

/* add_list - the prices of a plan that have another period, or are not sold */
static enum rc
add_list(struct arena *arena, struct catalog *catalog, const char *plan,
    json_object *list, const char **problem)
{
	for (size_t i = 0; i < json_length(list); i++) {
		json_object *offer = json_object_array_get_idx(list, i);
		const char *place = arena_printf(
		    arena, "plans.%s.prices[%zu]", plan, i);
		const char *period;

		if (json_string(offer, "period", &period) != RC_OK ||
		    *period == '\0') {
			*problem = arena_printf(arena,
			    "CATALOG: %s.period must say how long it lasts",
			    place);
			return RC_BAD_REQUEST;
		}
		if (add_price(arena, catalog, plan, period, offer, place,
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* check_features - when given they are an object */
static enum rc
check_features(struct arena *arena, json_object *owner, const char *place,
    const char **problem)
{
	json_object *features = json_member(owner, "features");

	if (features == NULL || json_object_is_type(features, json_type_object))
		return RC_OK;
	*problem = arena_printf(
	    arena, "CATALOG: %s.features must be an object", place);
	return RC_BAD_REQUEST;
}

/* add_plan - what is sold of a plan */
static enum rc
add_plan(struct arena *arena, struct catalog *catalog, const char *plan,
    json_object *offers, const char **problem)
{
	static const char *const periods[] = { "monthly", "annual" };

	if (!json_object_is_type(offers, json_type_object)) {
		*problem = arena_printf(
		    arena, "CATALOG: plans.%s must be an object", plan);
		return RC_BAD_REQUEST;
	}
	if (check_features(arena, offers, arena_printf(arena, "plans.%s", plan),
		problem) != RC_OK)
		return RC_BAD_REQUEST;
	for (size_t i = 0; i < 2; i++) {
		json_object *offer = json_member(offers, periods[i]);

		if (offer != NULL &&
		    add_price(arena, catalog, plan, periods[i], offer,
			arena_printf(arena, "plans.%s.%s", plan, periods[i]),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return add_list(
	    arena, catalog, plan, json_member(offers, "prices"), problem);
}

/* count_prices - room for those of all plans; *wrong: one whose is no list */
static size_t
count_prices(json_object *plans, const char **wrong)
{
	const struct json_entry *entry;
	size_t count = 1;

	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		json_object *list = json_member(json_value(entry), "prices");

		count += 2;
		count += json_length(list);
		if (list != NULL && !json_object_is_type(list, json_type_array))
			*wrong = json_key(entry);
	}
	return count;
}

/* check_default_plan - when given it must exist */
static enum rc
check_default_plan(struct arena *arena, struct catalog *catalog,
    json_object *document, const char **problem)
{
	enum rc rc = json_string(
	    document, "default_plan", &catalog->default_plan);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc == RC_OK &&
	    json_path(document, "plans", catalog->default_plan, NULL) != NULL)
		return RC_OK;
	*problem = arena_printf(arena,
	    "CATALOG: default_plan must be the name of an entry of plans");
	return RC_BAD_REQUEST;
}

/* add_tier - check one "tier" and keep it */
static enum rc
add_tier(struct arena *arena, struct catalog *catalog, const char *product,
    const char *plan, json_object *offer, const char **problem)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	struct tier *entry = &catalog->tiers[catalog->tier_count];

	if (json_string(offer, "tier", &entry->name) != RC_OK ||
	    *entry->name == '\0' || strlen(entry->name) > TIER_MAX ||
	    strspn(entry->name, allowed) != strlen(entry->name)) {
		*problem = arena_printf(arena,
		    "CATALOG: gumroad.%s%s%s.tier must be 1 to %d letters, "
		    "digits, - or _",
		    product, plan != NULL ? ".plans." : "",
		    plan != NULL ? plan : "", TIER_MAX);
		return RC_BAD_REQUEST;
	}
	entry->product = product;
	entry->plan = plan;
	catalog->tier_count++;
	return RC_OK;
}

/* add_product - a Gumroad product and its plans */
static enum rc
add_product(struct arena *arena, struct catalog *catalog, const char *product,
    json_object *offer, const char **problem)
{
	const struct json_entry *entry;
	json_object *plans = json_member(offer, "plans");

	if (add_tier(arena, catalog, product, NULL, offer, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if (plans == NULL)
		return RC_OK;
	if (!json_object_is_type(plans, json_type_object)) {
		*problem = arena_printf(arena,
		    "CATALOG: gumroad.%s.plans must be an object", product);
		return RC_BAD_REQUEST;
	}
	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		if (add_tier(arena, catalog, product, json_key(entry),
			json_value(entry), problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* load_products - the "gumroad" map */
static enum rc
load_products(struct arena *arena, struct catalog *catalog,
    json_object *document, const char **problem)
{
	const struct json_entry *entry;
	json_object *products = json_member(document, "gumroad");
	size_t count = 1;

	if (products == NULL)
		return RC_OK;
	if (!json_object_is_type(products, json_type_object)) {
		*problem = "CATALOG: gumroad must be an object";
		return RC_BAD_REQUEST;
	}
	for (entry = json_first(products); entry; entry = json_next(entry)) {
		json_object *plans = json_member(json_value(entry), "plans");

		count += 1;
		if (json_object_is_type(plans, json_type_object))
			count += (size_t)json_object_object_length(plans);
	}
	catalog->tiers = arena_alloc(arena, count * sizeof *catalog->tiers);
	if (catalog->tiers == NULL)
		return RC_INTERNAL;
	for (entry = json_first(products); entry; entry = json_next(entry)) {
		if (add_product(arena, catalog, json_key(entry),
			json_value(entry), problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* load_plans - the "plans" map */
static enum rc
load_plans(struct arena *arena, struct catalog *catalog, json_object *document,
    const char **problem)
{
	const struct json_entry *entry;
	json_object *plans = json_member(document, "plans");
	const char *wrong = NULL;
	size_t count;

	catalog->plans = plans;
	if (plans == NULL)
		return RC_OK;
	if (!json_object_is_type(plans, json_type_object)) {
		*problem = "CATALOG: plans must be an object";
		return RC_BAD_REQUEST;
	}
	count = count_prices(plans, &wrong);
	if (wrong != NULL) {
		*problem = arena_printf(
		    arena, "CATALOG: plans.%s.prices must be a list", wrong);
		return RC_BAD_REQUEST;
	}
	catalog->prices = arena_alloc(arena, count * sizeof *catalog->prices);
	if (catalog->prices == NULL)
		return RC_INTERNAL;
	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		if (add_plan(arena, catalog, json_key(entry), json_value(entry),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return check_default_plan(arena, catalog, document, problem);
}

/* parse - the text of a file as one JSON object */
static enum rc
parse(struct arena *arena, const char *path, const char *text, size_t len,
    json_object **document, const char **problem)
{
	size_t wrong_at, line = 1, column = 1;
	enum rc rc = json_parse_at(arena, text, len, document, &wrong_at);

	if (rc == RC_OK && json_object_is_type(*document, json_type_object))
		return RC_OK;
	*problem = arena_printf(
	    arena, "CATALOG: %s is not one JSON object", path);
	if (rc != RC_BAD_REQUEST)
		return RC_BAD_REQUEST;
	for (const char *c = text; c < text + wrong_at; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	*problem = arena_printf(
	    arena, "%s: line %zu, column %zu", *problem, line, column);
	return RC_BAD_REQUEST;
}

/* catalog_parse - text to table */
enum rc
catalog_parse(struct arena *arena, const char *path, const char *text,
    size_t len, struct catalog **catalog, const char **problem)
{
	json_object *document;
	const char *unread;

	*catalog = arena_alloc(arena, sizeof **catalog);
	*problem = "out of memory";
	if (*catalog == NULL)
		return RC_INTERNAL;
	if (parse(arena, path, text, len, &document, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if ((unread = catalog_shape_unread(arena, document)) != NULL)
		log_message("warn", "CATALOG: passed over: %s", unread);
	(*catalog)->free = json_member(document, "free");
	if (json_string(document, "metadata_key", &(*catalog)->metadata_key) !=
	    RC_OK)
		(*catalog)->metadata_key = "account";
	if (check_features(arena, (*catalog)->free, "free", problem) != RC_OK ||
	    catalog_checkout_read(arena, json_member(document, "checkout"),
		&(*catalog)->checkout, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if (load_plans(arena, *catalog, document, problem) != RC_OK ||
	    catalog_words_check(arena, document, problem) != RC_OK)
		return RC_BAD_REQUEST;
	return load_products(arena, *catalog, document, problem);
}

/* catalog_load - file to table; of no file an empty one */
enum rc
catalog_load(struct arena *arena, const char *path, struct catalog **catalog,
    const char **problem)
{
	const char *text = "{}";
	size_t len = 2;

	if (path != NULL &&
	    catalog_read_file(arena, path, &text, &len, problem) != RC_OK)
		return RC_BAD_REQUEST;
	return catalog_parse(arena, path, text, len, catalog, problem);
}

/* catalog_find_price - by Stripe's id */
const struct catalog_price *
catalog_find_price(const struct catalog *catalog, const char *price_id)
{
	if (price_id == NULL)
		return NULL;
	for (size_t i = 0; i < catalog->count; i++) {
		if (strcmp(catalog->prices[i].price_id, price_id) == 0)
			return &catalog->prices[i];
	}
	return NULL;
}

/* catalog_price - by number */
const struct catalog_price *
catalog_price(const struct catalog *catalog, size_t number)
{
	return number < catalog->count ? &catalog->prices[number] : NULL;
}

/* catalog_plan - by name, or the default one */
const char *
catalog_plan(const struct catalog *catalog, const char *name)
{
	if (name == NULL)
		name = catalog->default_plan;
	if (name == NULL || json_member(catalog->plans, name) == NULL)
		return NULL;
	return name;
}

/* catalog_offer - by plan and period */
const struct catalog_price *
catalog_offer(
    const struct catalog *catalog, const char *plan, const char *period)
{
	for (size_t i = 0; i < catalog->count; i++) {
		if (catalog->prices[i].sold &&
		    strcmp(catalog->prices[i].plan, plan) == 0 &&
		    strcmp(catalog->prices[i].period, period) == 0)
			return &catalog->prices[i];
	}
	return NULL;
}

/* catalog_metadata_key - which names the account */
const char *
catalog_metadata_key(const struct catalog *catalog)
{
	return catalog->metadata_key;
}

/* catalog_checkout - how sessions are made */
const struct catalog_checkout *
catalog_checkout(const struct catalog *catalog)
{
	return &catalog->checkout;
}

/* catalog_has_tiers - one at least */
bool
catalog_has_tiers(const struct catalog *catalog)
{
	return catalog->tier_count > 0;
}

/* catalog_find_tier - by product and plan */
const char *
catalog_find_tier(
    const struct catalog *catalog, const char *product, const char *plan)
{
	if (product == NULL)
		return NULL;
	for (size_t i = 0; i < catalog->tier_count; i++) {
		const struct tier *entry = &catalog->tiers[i];

		if (strcmp(entry->product, product) != 0)
			continue;
		if (plan == NULL ?
			entry->plan == NULL :
			entry->plan != NULL && strcmp(entry->plan, plan) == 0)
			return entry->name;
	}
	return NULL;
}
