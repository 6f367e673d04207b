#include "stripe/checkout_begin.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define LEARN_TIMEOUT_MS 3000 /* for a question before the order itself */

DB_STATEMENT(checkout_begin, 5,
    "SELECT * FROM billing.checkout_begin($1, $2, $3, $4, $5)");
DB_STATEMENT(price_learned, 2, "SELECT billing.price_learned($1, $2)");

const struct db_statement *const checkout_begin_statements[] = {
	&sql_checkout_begin.is,
	&sql_price_learned.is,
	NULL,
};

/* read_decision - RC_TOO_LARGE: the arena is used up */
static enum rc
read_decision(struct arena *arena, const struct db_result *result,
    struct checkout_decision *decision)
{
	const struct {
		const char *column, **text;
	} texts[] = {
		{ "outcome", &decision->outcome },
		{ "price_id", &decision->price_id },
		{ "plan", &decision->plan },
		{ "metered", &decision->metered },
		{ "trial_days", &decision->trial_days },
		{ "metadata_key", &decision->metadata_key },
		{ "referral", &decision->referral },
		{ "id_", &decision->id },
		{ "stripe_key_", &decision->stripe_key },
		{ "session_id", &decision->session_id },
		{ "url_", &decision->url },
		{ "customer", &decision->customer },
		{ "customer_email", &decision->email },
	};
	const char *text;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		text = db_result_named(result, 0, texts[i].column);
		*texts[i].text = text == NULL ?
		    NULL :
		    arena_copy(arena, text, strlen(text));
		if (text != NULL && *texts[i].text == NULL)
			return RC_TOO_LARGE;
	}
	decision->recent = db_result_true(result, 0, "recent");
	return RC_OK;
}

/* wish - an order as billing.checkout_begin() takes it; NULL: no memory */
static const char *
wish(struct arena *arena, const struct order *order)
{
	json_object *object = json_object_new_object();
	const char *text;

	json_add_text(object, "plan", order->plan);
	json_add_text(object, "period", order->period);
	json_add_text(object, "key", order->client_key);
	json_add_text(object, "request", order->canonical);
	json_add_text(object, "referral_code", order->referral_code);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	text = arena_copy(arena, text, strlen(text));
	json_object_put(object);
	return text;
}

/* checkout_begin - what this order leads to */
enum rc
checkout_begin(struct db *db, struct arena *arena, const struct caller *caller,
    const struct order *order, struct checkout_decision *decision)
{
	const char *const params[] = { caller->id, caller->email,
		caller_verified(caller), caller->role, wish(arena, order) };
	struct db_result *result;
	enum rc rc;

	if (params[4] == NULL)
		return RC_TOO_LARGE;
	rc = db_run(db, sql_checkout_begin, params, &result);
	if (rc != RC_OK)
		return rc;
	rc = read_decision(arena, result, decision);
	db_result_free(result);
	return rc;
}

/* checkout_learn - what Stripe does not say is asked again with the next order */
void
checkout_learn(struct db *db, struct stripe_api *api, struct arena *arena,
    struct checkout_decision *decision)
{
	struct stripe_probe probe;
	const char *type;

	decision->metered = "f";
	stripe_api_probe(api, arena, "GET",
	    arena_printf(arena, "/v1/prices/%s", decision->price_id),
	    LEARN_TIMEOUT_MS, &probe);
	if (probe.status != 200)
		return;
	if (json_string(json_member(probe.object, "recurring"), "usage_type",
		&type) == RC_OK &&
	    strcmp(type, "metered") == 0)
		decision->metered = "t";
	const char *const params[] = { decision->price_id, decision->metered };

	if (db_run(db, sql_price_learned, params, NULL) != RC_OK)
		log_message("warn",
		    "could not store what Stripe says of %s: %s",
		    decision->price_id, db_error(db));
}
