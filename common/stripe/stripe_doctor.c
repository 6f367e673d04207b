#include "stripe/stripe_doctor.h"

#include <string.h>

#include "base/json.h"
#include "program/serve.h"

DB_STATEMENT(catalog_prices, 0,
    "SELECT place, price_id, period, sold FROM billing.catalog_prices()");

const struct db_statement *const stripe_doctor_statements[] = {
	&sql_catalog_prices.is,
	NULL,
};

/* examine_kind - what can be told from the key and the settings alone */
static void
examine_kind(struct doctor *doctor, const struct config *config)
{
	const char *key = config_string(config, STRIPE_API_KEY);
	const char *wanted = config_string(config, STRIPE_LIVEMODE);
	const char *mode = stripe_api_mode(config);
	bool live = mode != NULL && strcmp(mode, "live") == 0;

	if (mode == NULL)
		doctor_warn(doctor, "Stripe key",
		    "Set STRIPE_API_KEY to a key of one Stripe account.",
		    "it begins neither with sk_ nor with rk_ and a mode");
	else if (wanted != NULL && live != (strcmp(wanted, "true") == 0))
		doctor_problem(doctor, "Stripe key",
		    "Set STRIPE_LIVEMODE and STRIPE_API_KEY to the same mode.",
		    "it is of %s mode, and STRIPE_LIVEMODE is %s", mode,
		    wanted);
	else if (live && *key == 's')
		doctor_warn(doctor, "Stripe key",
		    "Make a restricted key (rk_live_…) with the rights that "
		    "the manual lists, and set STRIPE_API_KEY to it.",
		    "a secret key of live mode: it may do everything");
	else
		doctor_ok(doctor, "Stripe key", "a %s key of %s mode",
		    *key == 's' ? "secret" : "restricted", mode);
}

/* examine_right - of the key; false: Stripe does not take it at all */
static bool
examine_right(struct doctor *doctor, struct arena *arena,
    const struct stripe_right *right, const struct stripe_probe *probe)
{
	if (probe->status == 401) {
		doctor_problem(doctor, "Stripe key",
		    "Set STRIPE_API_KEY to a key that has not been revoked.",
		    "Stripe does not accept it");
		return false;
	}
	if (probe->status == 403)
		doctor_problem(doctor, "Stripe key",
		    arena_printf(arena, "Give the key the right %s at Stripe.",
			right->name),
		    "it lacks the right %s", right->name);
	else if (probe->status >= 500 || probe->status == 429)
		doctor_warn(doctor, "Stripe key", "Run check again later.",
		    "Stripe answered %ld when asked for %s", probe->status,
		    right->name);
	return true;
}

/* stripe_doctor_key - kind, then each right in turn */
bool
stripe_doctor_key(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api,
    const struct stripe_right *rights)
{
	const char *base = config_string(config, STRIPE_API_BASE);
	struct stripe_probe probe;

	if (api == NULL)
		return false;
	examine_kind(doctor, config);
	if (!doctor_online(doctor)) {
		doctor_ok(doctor, "Stripe", "not asked, as it is --offline");
		return false;
	}
	for (const struct stripe_right *right = rights; right->name; right++) {
		stripe_api_probe(api, arena, right->method, right->path,
		    DOCTOR_TIMEOUT_MS, &probe);
		if (probe.status == 0) {
			doctor_problem(doctor, "Stripe",
			    "Let this host connect to STRIPE_API_BASE.",
			    "no answer from %s: %s", base, probe.error);
			return false;
		}
		if (right == rights) {
			doctor_ok(doctor, "Stripe", "answers at %s", base);
			doctor_clock(
			    doctor, "clock of Stripe", (double)probe.ahead_s);
		}
		if (!examine_right(doctor, arena, right, &probe))
			return false;
	}
	return true;
}

/* stripe_doctor_needs - what a session is opened with */
void
stripe_doctor_needs(struct doctor *doctor, const struct config *config)
{
	if (config_string(config, STRIPE_API_KEY) == NULL)
		doctor_problem(doctor, "STRIPE_API_KEY",
		    "Set STRIPE_API_KEY to a restricted key.",
		    "not set: every request is answered 503");
	if (config_string(config, SITE_URL) == NULL)
		doctor_problem(doctor, "SITE_URL",
		    "Set SITE_URL to the address of the host application.",
		    "not set: there is no page to return to");
}

/* stripe_doctor_no_answer - what only `check` asks, the key need not allow */
void
stripe_doctor_no_answer(struct doctor *doctor, struct arena *arena,
    const char *what, const char *right, const struct stripe_probe *probe)
{
	if (probe->status == 403)
		doctor_warn(doctor, what,
		    arena_printf(arena,
			"Give the key the right %s, which check alone needs.",
			right),
		    "the key may not read it at Stripe");
	else if (probe->status == 0)
		doctor_problem(doctor, what,
		    "Let this host connect to STRIPE_API_BASE.",
		    "no answer from Stripe: %s", probe->error);
	else
		doctor_problem(doctor, what, "Run check again later.",
		    "no usable answer from Stripe: status %ld", probe->status);
}

/* A price of the catalog; its texts live as long as the list of them. */
struct offer {
	const char *place, *price_id, *period;
	bool sold;
};

/* recurs - whether a price is billed as often as the period says; own words pass */
static bool
recurs(json_object *recurring, const char *period)
{
	static const struct {
		const char *period, *interval;
		int64_t count;
	} known[] = {
		{ "daily", "day", 1 },
		{ "weekly", "week", 1 },
		{ "monthly", "month", 1 },
		{ "quarterly", "month", 3 },
		{ "biannual", "month", 6 },
		{ "annual", "month", 12 },
		{ "annual", "year", 1 },
	};
	bool is_known = false;
	const char *interval;
	int64_t count = 1;

	if (json_string(recurring, "interval", &interval) != RC_OK ||
	    json_integer(recurring, "interval_count", 1, 1000, &count) ==
		RC_BAD_REQUEST)
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i].period, period) != 0)
			continue;
		if (strcmp(known[i].interval, interval) == 0 &&
		    known[i].count == count)
			return true;
		is_known = true;
	}
	return !is_known;
}

/* is_true - a member that is the boolean true */
static bool
is_true(json_object *object, const char *name)
{
	bool value;

	return json_boolean(object, name, &value) == RC_OK && value;
}

/* what_is_wrong - with a price that exists; NULL: nothing */
static const char *
what_is_wrong(struct arena *arena, const struct config *config,
    json_object *price, const struct offer *offer)
{
	const char *mode = stripe_api_mode(config);
	json_object *recurring = json_member(price, "recurring");
	bool once = strcmp(offer->period, "once") == 0, live;

	if (offer->sold && !is_true(price, "active"))
		return "is not active";
	if (once && recurring != NULL)
		return "is billed again and again, and not once";
	if (!once && recurring == NULL)
		return "is paid once and makes no subscription";
	if (!once && !recurs(recurring, offer->period))
		return strcmp(offer->period, "annual") == 0 ?
		    "is not billed once a year" :
		    strcmp(offer->period, "monthly") == 0 ?
		    "is not billed once a month" :
		    arena_printf(arena, "is not billed %s", offer->period);
	if (mode != NULL &&
	    (json_boolean(price, "livemode", &live) != RC_OK ||
		live != (strcmp(mode, "live") == 0)))
		return "is of the other mode";
	return NULL;
}

/* is_metered - whether it is billed by what was used */
static bool
is_metered(json_object *price)
{
	const char *type;

	return json_string(json_member(price, "recurring"), "usage_type",
		   &type) == RC_OK &&
	    strcmp(type, "metered") == 0;
}

/* examine_answer - what Stripe says of a price that exists */
static void
examine_answer(struct doctor *doctor, struct arena *arena,
    const struct config *config, const struct offer *offer, json_object *price)
{
	const char *wrong = what_is_wrong(arena, config, price, offer);

	if (wrong != NULL)
		doctor_problem(doctor, offer->place,
		    arena_printf(arena,
			"Correct %s.price in the catalog, or the price at "
			"Stripe.",
			offer->place),
		    "%s %s", offer->price_id, wrong);
	else if (is_metered(price))
		doctor_ok(doctor, offer->place,
		    "%s is metered at Stripe: it is ordered without a quantity",
		    offer->price_id);
	else
		doctor_ok(doctor, offer->place, "%s is %s at Stripe",
		    offer->price_id, offer->sold ? "active" : "known");
}

/* examine_price - one of the catalog's; false: no use to ask for another */
static bool
examine_price(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api,
    const struct offer *offer)
{
	struct stripe_probe probe;

	stripe_api_probe(api, arena, "GET",
	    arena_printf(arena, "/v1/prices/%s", offer->price_id),
	    DOCTOR_TIMEOUT_MS, &probe);
	if (probe.status == 404 || probe.status == 400)
		doctor_problem(doctor, offer->place,
		    arena_printf(arena,
			"Correct %s.price in the catalog, or the price at "
			"Stripe.",
			offer->place),
		    "%s does not exist at Stripe in this mode",
		    offer->price_id);
	else if (probe.status != 200)
		stripe_doctor_no_answer(
		    doctor, arena, offer->place, "Prices: read", &probe);
	else
		examine_answer(doctor, arena, config, offer, probe.object);
	return probe.status == 200 || probe.status == 404 ||
	    probe.status == 400;
}

/* stripe_doctor_sells - one price at least */
bool
stripe_doctor_sells(struct db *db)
{
	struct db_result *result;
	bool sells;

	if (db == NULL || db_run_bare(db, sql_catalog_prices, &result) != RC_OK)
		return true; /* why is said of the database already */
	sells = db_result_rows(result) > 0;
	db_result_free(result);
	return sells;
}

/* stripe_doctor_prices - all of them */
void
stripe_doctor_prices(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct db *db, struct stripe_api *api)
{
	struct db_result *result;
	bool more = true;
	int count;

	if (db == NULL || db_run_bare(db, sql_catalog_prices, &result) != RC_OK)
		return; /* why is said of the database already */
	count = db_result_rows(result);
	for (int i = 0; more && i < count; i++) {
		const struct offer offer = {
			.place = arena_printf(
			    arena, "%s", db_result_named(result, i, "place")),
			.price_id = db_result_named(result, i, "price_id"),
			.period = db_result_named(result, i, "period"),
			.sold = db_result_true(result, i, "sold"),
		};

		command_line_progress(i, count);
		more = examine_price(doctor, arena, config, api, &offer);
	}
	if (count > 0)
		command_line_progress(count, count);
	db_result_free(result);
}

/* stripe_doctor_portal - its settings have been saved once */
void
stripe_doctor_portal(
    struct doctor *doctor, struct arena *arena, struct stripe_api *api)
{
	static const char subject[] = "customer portal";
	struct stripe_probe probe;
	json_object *list;

	stripe_api_probe(api, arena, "GET",
	    "/v1/billing_portal/configurations?is_default=true&active=true",
	    DOCTOR_TIMEOUT_MS, &probe);
	list = json_member(probe.object, "data");
	if (probe.status != 200 || !json_object_is_type(list, json_type_array))
		stripe_doctor_no_answer(
		    doctor, arena, subject, "Customer portal: read", &probe);
	else if (json_object_array_length(list) == 0)
		doctor_problem(doctor, subject,
		    "Save the settings of the customer portal in Stripe's "
		    "dashboard, in this mode.",
		    "it has not been set up: Stripe opens no session");
	else
		doctor_ok(doctor, subject, "is set up at Stripe");
}

/* stripe_doctor_tax - nothing is missing */
void
stripe_doctor_tax(
    struct doctor *doctor, struct arena *arena, struct stripe_api *api)
{
	static const char subject[] = "checkout.automatic_tax";
	struct stripe_probe probe;
	const char *status;

	stripe_api_probe(
	    api, arena, "GET", "/v1/tax/settings", DOCTOR_TIMEOUT_MS, &probe);
	if (probe.status != 200 ||
	    json_string(probe.object, "status", &status) != RC_OK)
		stripe_doctor_no_answer(
		    doctor, arena, subject, "Tax Settings: read", &probe);
	else if (strcmp(status, "active") != 0)
		doctor_problem(doctor, subject,
		    "Complete the tax settings in Stripe's dashboard, or leave "
		    "checkout.automatic_tax out of the catalog.",
		    "the tax settings at Stripe are %s", status);
	else
		doctor_ok(doctor, subject, "Stripe can calculate taxes");
}
