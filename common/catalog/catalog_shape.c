#include "catalog/catalog_shape.h"

#include "base/json.h"

#include <string.h>

#define ANY "*" /* a name that the shop chooses */

/* A member and what may be in it, or in each element of it; NULL: anything. */
struct shape {
	const char *name;
	const struct shape *members; /* ends with a NULL name */
};

static const struct shape license[] = { { "tier", NULL }, { NULL, NULL } };
static const struct shape offer[] = { { "price", NULL }, { "trial_days", NULL },
	{ "sold", NULL }, { NULL, NULL } };
static const struct shape listed[] = { { "price", NULL }, { "period", NULL },
	{ "trial_days", NULL }, { "sold", NULL }, { "days", NULL },
	{ "license", license }, { NULL, NULL } };
static const struct shape plan[] = { { "monthly", offer }, { "annual", offer },
	{ "prices", listed }, { "products", NULL }, { "features", NULL },
	{ "rank", NULL }, { "addon", NULL }, { "per_seat", NULL },
	{ NULL, NULL } };
static const struct shape plans[] = { { ANY, plan }, { NULL, NULL } };

static const struct shape everybody[] = { { "features", NULL },
	{ NULL, NULL } };

static const struct shape checkout[] = { { "automatic_tax", NULL },
	{ "tax_id_collection", NULL }, { "billing_address", NULL },
	{ "locale", NULL }, { "promotion_codes", NULL },
	{ "payment_method", NULL }, { "quantity_max", NULL },
	{ "several_subscriptions", NULL }, { "return_urls", NULL },
	{ "extra", NULL }, { NULL, NULL } };

static const struct shape tier[] = { { "tier", NULL }, { "activations", NULL },
	{ "expires", NULL }, { "after_end", NULL }, { NULL, NULL } };
static const struct shape tiers[] = { { ANY, tier }, { NULL, NULL } };
static const struct shape product[] = { { "tier", NULL }, { "plans", tiers },
	{ "seller_id", NULL }, { "activations", NULL }, { "expires", NULL },
	{ "after_end", NULL }, { NULL, NULL } };
static const struct shape products[] = { { ANY, product }, { NULL, NULL } };

static const struct shape policy[] = { { "grace_days", NULL },
	{ "pause_collection", NULL }, { "refund_subscription", NULL },
	{ "refund_purchase", NULL }, { "dispute", NULL },
	{ "dispute_lost", NULL }, { "fraud_warning", NULL }, { NULL, NULL } };
static const struct shape referral[] = { { "days", NULL },
	{ "convert_on", NULL }, { NULL, NULL } };

static const struct shape subscription[] = { { "proration", NULL },
	{ NULL, NULL } };

static const struct shape catalog[] = { { "default_plan", NULL },
	{ "plans", plans }, { "free", everybody }, { "checkout", checkout },
	{ "gumroad", products }, { "other_prices", NULL },
	{ "metadata_key", NULL }, { "client_reference", NULL },
	{ "policy", policy }, { "referral", referral },
	{ "subscription", subscription }, { NULL, NULL } };

/* find - the shape of a member; NULL: nobody reads it */
static const struct shape *
find(const struct shape *shape, const char *name)
{
	for (; shape->name != NULL; shape++) {
		if (strcmp(shape->name, ANY) == 0 ||
		    strcmp(shape->name, name) == 0)
			return shape;
	}
	return NULL;
}

/* known - the names of a shape, for a person; NULL: no memory */
static const char *
known(struct arena *arena, const struct shape *shape)
{
	const char *names = shape->name;

	while (names != NULL && (++shape)->name != NULL)
		names = arena_printf(arena, "%s, %s", names, shape->name);
	return names;
}

static const char *unread(struct arena *arena, json_object *value,
    const struct shape *shape, const char *place);

/* unread_list - in the elements of a list */
static const char *
unread_list(struct arena *arena, json_object *list, const struct shape *shape,
    const char *place)
{
	const char *sentence = NULL;

	for (size_t i = 0; sentence == NULL && i < json_length(list); i++)
		sentence = unread(arena, json_object_array_get_idx(list, i),
		    shape, arena_printf(arena, "%s[%zu]", place, i));
	return sentence;
}

/* unread - in a value and all in it; place is "" at the top, NULL: no memory */
static const char *
unread(struct arena *arena, json_object *value, const struct shape *shape,
    const char *place)
{
	const struct shape *found;
	const char *name, *inside, *sentence = NULL;
	const struct json_entry *entry;

	if (shape == NULL || place == NULL)
		return NULL;
	if (json_object_is_type(value, json_type_array))
		return unread_list(arena, value, shape, place);
	for (entry = json_first(value); sentence == NULL && entry;
	     entry = json_next(entry)) {
		name = json_key(entry);
		found = find(shape, name);
		if (found == NULL && *name == '_')
			continue;
		inside = arena_printf(
		    arena, "%s%s%s", place, *place != '\0' ? "." : "", name);
		sentence = found != NULL ?
		    unread(arena, json_value(entry), found->members, inside) :
		    arena_printf(arena, "%s is not known; known there: %s",
			inside, known(arena, shape));
	}
	return sentence;
}

/* catalog_shape_unread - from the top */
const char *
catalog_shape_unread(struct arena *arena, json_object *document)
{
	return unread(arena, document, catalog, "");
}
