#include "stripe/stripe_doctor.h"

#include <string.h>

#include "base/json.h"
#include "program/serve.h"

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

/* recurs - whether a price is billed once a month, or a year */
static bool
recurs(json_object *price, const char *period)
{
	json_object *recurring = json_member(price, "recurring");
	bool annual = strcmp(period, "annual") == 0;
	const char *interval;
	int64_t count = 1;

	if (json_string(recurring, "interval", &interval) != RC_OK ||
	    json_integer(recurring, "interval_count", 1, 1000, &count) ==
		RC_BAD_REQUEST)
		return false;
	if (strcmp(interval, "month") == 0)
		return count == (annual ? 12 : 1);
	return annual && strcmp(interval, "year") == 0 && count == 1;
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
what_is_wrong(const struct config *config, json_object *price,
    const struct catalog_price *offer)
{
	const char *mode = stripe_api_mode(config);
	bool live;

	if (!is_true(price, "active"))
		return "is not active";
	if (json_member(price, "recurring") == NULL)
		return "is paid once and makes no subscription";
	if (!recurs(price, offer->period))
		return strcmp(offer->period, "annual") == 0 ?
		    "is not billed once a year" :
		    "is not billed once a month";
	if (mode != NULL &&
	    (json_boolean(price, "livemode", &live) != RC_OK ||
		live != (strcmp(mode, "live") == 0)))
		return "is of the other mode";
	return NULL;
}

/* examine_price - one of the catalog's; false: no use to ask for another */
static bool
examine_price(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api,
    const struct catalog_price *offer)
{
	const char *place = arena_printf(
	    arena, "plans.%s.%s", offer->plan, offer->period);
	const char *advice = arena_printf(arena,
	    "Correct %s.price in the catalog, or the price at Stripe.", place);
	struct stripe_probe probe;
	const char *wrong;

	stripe_api_probe(api, arena, "GET",
	    arena_printf(arena, "/v1/prices/%s", offer->price_id),
	    DOCTOR_TIMEOUT_MS, &probe);
	if (probe.status == 404 || probe.status == 400)
		doctor_problem(doctor, place, advice,
		    "%s does not exist at Stripe in this mode",
		    offer->price_id);
	else if (probe.status != 200) {
		stripe_doctor_no_answer(
		    doctor, arena, place, "Prices: read", &probe);
		return false;
	} else if ((wrong = what_is_wrong(config, probe.object, offer)) != NULL)
		doctor_problem(
		    doctor, place, advice, "%s %s", offer->price_id, wrong);
	else
		doctor_ok(
		    doctor, place, "%s is active at Stripe", offer->price_id);
	return true;
}

/* stripe_doctor_prices - all of them */
void
stripe_doctor_prices(struct doctor *doctor, struct arena *arena,
    const struct config *config, const struct catalog *catalog,
    struct stripe_api *api)
{
	const struct catalog_price *offer;
	int count = 0, done = 0;

	while (catalog_price(catalog, (size_t)count) != NULL)
		count++;
	while ((offer = catalog_price(catalog, (size_t)done)) != NULL) {
		command_line_progress(done++, count);
		if (!examine_price(doctor, arena, config, api, offer))
			break;
	}
	if (count > 0)
		command_line_progress(count, count);
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
