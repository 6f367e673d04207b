#include "catalog/catalog_prices.h"

#include <stdbool.h>
#include <string.h>

#include "catalog/catalog_gumroad.h"
#include "catalog/catalog_problem.h"
#include "base/json.h"

#define TRIAL_DAYS_MAX 730 /* Stripe's own limit */
#define DAYS_MAX 36500
#define PERIOD_MAX 40 /* bytes */

/* A price that was read already. */
struct offer {
	const char *price_id, *plan, *period;
	bool sold; /* false: whoever has it keeps the plan */
};

/* All of them. */
struct offers {
	struct offer *list;
	size_t count;
};

/* is_listed - whether any plan has that price already */
static bool
is_listed(const struct offers *offers, const char *price_id)
{
	for (size_t i = 0; i < offers->count; i++) {
		if (strcmp(offers->list[i].price_id, price_id) == 0)
			return true;
	}
	return false;
}

/* is_sold - whether the plan has another price that is sold for the period */
static bool
is_sold(const struct offers *offers, const struct offer *offer)
{
	for (size_t i = 0; i < offers->count; i++) {
		const struct offer *other = &offers->list[i];

		if (other->sold && strcmp(other->plan, offer->plan) == 0 &&
		    strcmp(other->period, offer->period) == 0)
			return true;
	}
	return false;
}

/* wrong_once - what only a price that is paid once may say; NULL: nothing */
static const char *
wrong_once(json_object *document, const struct offer *offer)
{
	json_object *license = json_member(document, "license");
	bool once = strcmp(offer->period, "once") == 0;
	int64_t days = 0;
	const char *tier;

	if (json_integer(document, "days", 1, DAYS_MAX, &days) ==
	    RC_BAD_REQUEST)
		return "days must be a whole number from 1 to 36500";
	if (license != NULL &&
	    (json_string(license, "tier", &tier) != RC_OK ||
		!catalog_gumroad_is_tier(tier)))
		return "license must be an object with a tier";
	if (!once && (days > 0 || license != NULL))
		return "days and license are for the period \"once\"";
	return days > 0 && license != NULL ?
	    "days is of no use beside license" :
	    NULL;
}

/* read_price - an offer of a plan; NULL, or what is wrong with it */
static const char *
read_price(
    const struct offers *offers, json_object *document, struct offer *offer)
{
	int64_t trial_days = 0;

	offer->sold = true;
	if (json_string(document, "price", &offer->price_id) != RC_OK ||
	    *offer->price_id == '\0')
		return "price must be the id of a Stripe price";
	if (json_integer(document, "trial_days", 0, TRIAL_DAYS_MAX,
		&trial_days) == RC_BAD_REQUEST)
		return "trial_days must be a whole number from 0 to 730";
	if (json_boolean(document, "sold", &offer->sold) == RC_BAD_REQUEST)
		return "sold must be true or false";
	if (is_listed(offers, offer->price_id))
		return "price is already used by another entry";
	if (offer->sold && is_sold(offers, offer))
		return "price is a second one that is sold for that period";
	return wrong_once(document, offer);
}

/* add_price - check an offer and keep it */
static enum rc
add_price(struct arena *arena, struct offers *offers, const char *plan,
    const char *period, json_object *document, const char *place,
    const char **problem)
{
	struct offer *offer = &offers->list[offers->count];
	const char *wrong;

	offer->plan = plan;
	offer->period = period;
	wrong = read_price(offers, document, offer);
	if (wrong != NULL) {
		*problem = arena_printf(arena, "%s.%s", place, wrong);
		return RC_BAD_REQUEST;
	}
	offers->count++;
	return RC_OK;
}

/* add_list - the prices of a plan that have another period, or are not sold */
static enum rc
add_list(struct arena *arena, struct offers *offers, const char *plan,
    json_object *list, const char **problem)
{
	for (size_t i = 0; i < json_length(list); i++) {
		json_object *offer = json_object_array_get_idx(list, i);
		const char *place = arena_printf(
		    arena, "plans.%s.prices[%zu]", plan, i);
		const char *period;

		if (json_string(offer, "period", &period) != RC_OK ||
		    *period == '\0' || strlen(period) > PERIOD_MAX)
			return catalog_problem(arena, problem,
			    arena_printf(arena, "%s.period", place),
			    "must say how long it lasts");
		if (add_price(arena, offers, plan, period, offer, place,
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* add_plan - what is sold of a plan */
static enum rc
add_plan(struct arena *arena, struct offers *offers, const char *plan,
    json_object *document, const char **problem)
{
	static const char *const periods[] = { "monthly", "annual" };
	const char *place = arena_printf(arena, "plans.%s", plan);

	if (!json_object_is_type(document, json_type_object))
		return catalog_problem(
		    arena, problem, place, "must be an object");
	if (catalog_problem_object(arena, json_member(document, "features"),
		arena_printf(arena, "%s.features", place), problem) != RC_OK)
		return RC_BAD_REQUEST;
	for (size_t i = 0; i < 2; i++) {
		json_object *offer = json_member(document, periods[i]);

		if (offer != NULL &&
		    add_price(arena, offers, plan, periods[i], offer,
			arena_printf(arena, "%s.%s", place, periods[i]),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return add_list(
	    arena, offers, plan, json_member(document, "prices"), problem);
}

/* count_prices - room for those of all plans; RC_BAD_REQUEST: some are no list */
static enum rc
count_prices(struct arena *arena, json_object *plans, size_t *count,
    const char **problem)
{
	const struct json_entry *entry;

	*count = 1;
	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		json_object *list = json_member(json_value(entry), "prices");

		*count += 2 + json_length(list);
		if (list != NULL && !json_object_is_type(list, json_type_array))
			return catalog_problem(arena, problem,
			    arena_printf(
				arena, "plans.%s.prices", json_key(entry)),
			    "must be a list");
	}
	return RC_OK;
}

/* catalog_prices_check - of all plans */
enum rc
catalog_prices_check(
    struct arena *arena, json_object *plans, const char **problem)
{
	struct offers offers = { .count = 0 };
	const struct json_entry *entry;
	size_t count;

	if (catalog_problem_object(arena, plans, "plans", problem) != RC_OK ||
	    count_prices(arena, plans, &count, problem) != RC_OK)
		return RC_BAD_REQUEST;
	offers.list = arena_alloc(arena, count * sizeof *offers.list);
	if (offers.list == NULL)
		return RC_INTERNAL;
	for (entry = json_first(plans); entry; entry = json_next(entry)) {
		if (add_plan(arena, &offers, json_key(entry), json_value(entry),
			problem) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}
