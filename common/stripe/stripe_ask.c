#include "stripe/stripe_ask.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

DB_STATEMENT(nothing_to_fetch, 2,
    "SELECT EXISTS (SELECT FROM billing.subscriptions"
    " WHERE stripe_subscription_id = $1"
    " AND last_event_at IS NOT NULL)"
    " OR EXISTS (SELECT FROM billing.stripe_events"
    " WHERE event_id = $2 AND processed_at IS NOT NULL)");
DB_STATEMENT(
    payment_is_asked, 5, "SELECT billing.payment_is_asked($1, $2, $3, $4, $5)");

const struct db_statement *const stripe_ask_statements[] = {
	&sql_nothing_to_fetch.is,
	&sql_payment_is_asked.is,
	NULL,
};

/* stripe_ask_left - until the deadline, and not too long for one */
long
stripe_ask_left(const struct stripe_ask *ask)
{
	int64_t left_ms = ask->deadline_ms - clock_monotonic_ms();

	if (left_ms < 0)
		return 0;
	return left_ms < STRIPE_ASK_ONCE_MS ? (long)left_ms :
					      STRIPE_ASK_ONCE_MS;
}

/* is_known - the books hold the subscription, or have seen the event */
static enum rc
is_known(struct db *db, const struct ledger_entry *entry, bool *known)
{
	const char *const params[] = { entry->facts.subscription,
		entry->event.id };
	struct db_result *result;
	enum rc rc;

	rc = db_run(db, sql_nothing_to_fetch, params, &result);
	if (rc != RC_OK)
		return RC_BUSY;
	*known = *db_result_text(result, 0, 0) == 't';
	db_result_free(result);
	return RC_OK;
}

/* stripe_ask_subscription - of a finished session */
enum rc
stripe_ask_subscription(struct stripe_ask *ask, struct ledger_entry *entry)
{
	const char *id = entry->facts.subscription, *problem;
	struct stripe_facts fetched;
	json_object *subscription;
	int64_t before_us;
	bool known;

	if (ask->api == NULL || id == NULL)
		return RC_OK;
	if (is_known(ask->db, entry, &known) != RC_OK)
		return RC_BUSY;
	if (known ||
	    stripe_api_subscription(ask->api, ask->arena, id,
		stripe_ask_left(ask), &subscription, &before_us) != RC_OK)
		return RC_OK;
	stripe_facts_clear(&fetched);
	fetched.fetched_us = before_us;
	if (stripe_facts_subscription(subscription, NULL, &fetched, &problem) ==
		RC_OK &&
	    strcmp(fetched.subscription, id) == 0)
		stripe_facts_complete(&entry->facts, &fetched);
	else
		log_message("warn",
		    "stripe: the fetched subscription is not "
		    "what was asked for; going on without it");
	return RC_OK;
}

/* is_asked - by the books: an unknown payment, perhaps of a customer of ours */
static enum rc
is_asked(struct db *db, const struct ledger_entry *entry, bool *asked)
{
	const struct stripe_facts *facts = &entry->facts;
	const char *const params[] = { entry->event.id, facts->payment,
		facts->charge, facts->invoice, facts->customer };
	struct db_result *result;
	enum rc rc;

	rc = db_run(db, sql_payment_is_asked, params, &result);
	if (rc != RC_OK)
		return RC_BUSY;
	*asked = *db_result_text(result, 0, 0) == 't';
	db_result_free(result);
	return RC_OK;
}

/* stripe_ask_payment - which invoice it has paid, and of which subscription */
enum rc
stripe_ask_payment(struct stripe_ask *ask, struct ledger_entry *entry)
{
	json_object *invoice;
	const char *problem;
	bool asked;
	enum rc rc;

	if (ask->api == NULL ||
	    (entry->facts.payment == NULL && entry->facts.charge == NULL))
		return RC_OK;
	if (is_asked(ask->db, entry, &asked) != RC_OK)
		return RC_BUSY;
	if (!asked)
		return RC_OK;
	rc = stripe_api_paid_invoice(ask->api, ask->arena, entry->facts.invoice,
	    entry->facts.payment, entry->facts.charge, stripe_ask_left(ask),
	    &invoice);
	if (rc == RC_UPSTREAM)
		return RC_BUSY;
	if (rc == RC_OK &&
	    stripe_facts_paid_invoice(invoice, &entry->facts, &problem) !=
		RC_OK)
		log_message("warn",
		    "stripe: the fetched invoice: %s is missing or malformed; "
		    "going on without it",
		    problem);
	return RC_OK;
}
