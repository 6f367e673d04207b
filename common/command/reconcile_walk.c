#include "command/reconcile_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

DB_STATEMENT(reconcile_compare, 3,
    "SELECT subscription, status, by_payment FROM"
    " billing.reconcile_compare($1, $2, to_timestamp($3))");
DB_STATEMENT(reconcile_excuse, 2, "SELECT billing.reconcile_excuse($1, $2)");
DB_STATEMENT(reconcile_settle, 3,
    "SELECT billing.reconcile_settle($1, $2,"
    " to_timestamp($3))");
DB_STATEMENT(
    reconcile_page_done, 3, "SELECT billing.reconcile_page_done($1, $2, $3)");
DB_STATEMENT(reconcile_unseen, 2,
    "SELECT subscription, status, known, object"
    " FROM billing.reconcile_unseen($1, $2)");
DB_STATEMENT(reconcile_gone, 3, "SELECT billing.reconcile_gone($1, $2, $3)");

const struct db_statement *const reconcile_walk_statements[] = {
	&sql_reconcile_compare.is,
	&sql_reconcile_excuse.is,
	&sql_reconcile_settle.is,
	&sql_reconcile_page_done.is,
	&sql_reconcile_unseen.is,
	&sql_reconcile_gone.is,
	NULL,
};

#define LIST "/v1/subscriptions"
#define INVOICES "/v1/invoices"

/* describe_all - a page for the database; what cannot be read is counted */
static json_object *
describe_all(struct reconcile_walk *walk, json_object *data)
{
	json_object *found = json_object_new_array();
	struct stripe_facts facts;
	const char *problem;

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		if (stripe_intake_snapshot(json_object_array_get_idx(data, i),
			&facts, &problem) == RC_OK) {
			json_object_array_add(found, stripe_facts_json(&facts));
			continue;
		}
		log_message("warn",
		    "stripe: a subscription on the list cannot be read: %s",
		    problem);
		walk->malformed++;
	}
	return found;
}

/* busy - what fails is the database's */
static enum rc
busy(enum rc rc)
{
	return rc == RC_OK ? RC_OK : RC_BUSY;
}

/* seconds - as a parameter, with its fraction */
static const char *
seconds(struct reconcile_walk *walk, int64_t at_us)
{
	return arena_printf(walk->one, "%" PRId64 ".%06" PRId64,
	    at_us / 1000000, at_us % 1000000);
}

/* find - the subscription of that id on a page; NULL: it is not there */
static json_object *
find(json_object *data, const char *id)
{
	const char *other;

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		json_object *object = json_object_array_get_idx(data, i);

		if (json_string(object, "id", &other) == RC_OK &&
		    strcmp(other, id) == 0)
			return object;
	}
	return NULL;
}

/*
 * stands - whether a status that an invoice has changed is right: past due
 * while the latest invoice is open, active once it is paid
 */
static bool
stands(struct reconcile_walk *walk, json_object *subscription,
    const char *status, json_object **invoice)
{
	const char *id, *paid;

	if (json_id(subscription, "latest_invoice", &id) != RC_OK ||
	    stripe_api_object(stripe_intake_api(walk->intake), walk->one,
		INVOICES, id, invoice, NULL) != RC_OK ||
	    json_string(*invoice, "status", &paid) != RC_OK)
		return false;
	return strcmp(status, "past_due") == 0 ? strcmp(paid, "open") == 0 :
						 strcmp(paid, "paid") == 0;
}

/*
 * apply - what Stripe says, as an event of our own; fact, where given, is what
 * became of the invoice that its status stands by
 */
static enum rc
apply(struct reconcile_walk *walk, json_object *subscription,
    json_object *invoice, const char *fact, int64_t at_us)
{
	const char *problem;
	struct db *db = walk->service->db;
	enum ledger_outcome outcome;
	struct ledger_entry entry;
	size_t len;
	const char *body = stripe_intake_own_event(
	    walk->intake, walk->one, subscription, at_us, &len);
	enum rc rc;

	if (body == NULL)
		return RC_TOO_LARGE;
	rc = stripe_intake_prepare(
	    walk->intake, db, walk->one, body, len, &entry);
	if (rc == RC_OK && fact != NULL) {
		entry.facts.fact = fact;
		rc = stripe_facts_of_invoice(invoice, &entry.facts, &problem);
	}
	if (rc == RC_OK)
		rc = ledger_apply(db, walk->one, &entry, &outcome);
	return rc == RC_OK ? RC_OK : RC_BUSY;
}

/* settle - note which differences of these subscriptions are no more */
static enum rc
settle(struct reconcile_walk *walk, json_object *found, const char *at_us)
{
	const char *const params[] = { walk->run,
		json_object_to_json_string(found), at_us };

	return busy(
	    db_run(walk->service->db, sql_reconcile_settle, params, NULL));
}

/* fix - and see what that has changed */
static enum rc
fix(struct reconcile_walk *walk, json_object *subscription,
    json_object *invoice, const char *fact, int64_t at_us)
{
	json_object *one = json_object_new_array(), *found;
	enum rc rc;

	json_object_array_add(one, json_object_get(subscription));
	found = describe_all(walk, one);
	json_object_put(one);
	rc = apply(walk, subscription, invoice, fact, at_us);
	if (rc == RC_OK)
		rc = settle(walk, found, seconds(walk, at_us));
	json_object_put(found);
	return rc;
}

/* handle - a subscription that differs; by_payment: perhaps with good reason */
static enum rc
handle(struct reconcile_walk *walk, json_object *subscription, const char *id,
    const char *status, bool by_payment, int64_t at_us)
{
	const char *const params[] = { walk->run, id };
	json_object *invoice = NULL;
	const char *fact = NULL;
	struct db_result *result;
	bool differs = true;

	if (by_payment && stands(walk, subscription, status, &invoice)) {
		if (busy(db_run(walk->service->db, sql_reconcile_excuse, params,
			&result)) != RC_OK)
			return RC_BUSY;
		differs = *db_result_text(result, 0, 0) == 't';
		db_result_free(result);
		fact = strcmp(status, "past_due") == 0 ? "payment_failed" :
							 "payment_paid";
	}
	if (!differs || !walk->fix)
		return RC_OK;
	return fix(walk, subscription, invoice, fact, at_us);
}

/* compare - what Stripe answered with what is here */
static enum rc
compare(struct reconcile_walk *walk, json_object *data, json_object *found,
    int64_t at_us)
{
	const char *const params[] = { walk->run,
		json_object_to_json_string(found), seconds(walk, at_us) };
	struct db_result *result;
	enum rc rc = busy(
	    db_run(walk->service->db, sql_reconcile_compare, params, &result));

	if (rc != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < db_result_rows(result); i++) {
		const char *id = db_result_text(result, i, 0);

		rc = handle(walk, find(data, id), id,
		    db_result_text(result, i, 1),
		    *db_result_text(result, i, 2) == 't', at_us);
		arena_reset(walk->one);
	}
	db_result_free(result);
	return rc;
}

/* do_page - compare it, then note that it is done */
static enum rc
do_page(struct reconcile_walk *walk, const struct stripe_page *page)
{
	size_t count = json_object_array_length(page->data);
	const char *last = NULL;
	const char *params[3];
	json_object *found;
	enum rc rc;

	if (count > 0 &&
	    json_string(json_object_array_get_idx(page->data, count - 1), "id",
		&last) != RC_OK)
		return RC_UPSTREAM;
	if (page->has_more && last == NULL)
		return RC_UPSTREAM;
	found = describe_all(walk, page->data);
	rc = compare(walk, page->data, found, page->before_us);
	params[0] = walk->run;
	params[1] = json_object_to_json_string(found);
	params[2] = last;
	if (rc == RC_OK)
		rc = busy(db_run(
		    walk->service->db, sql_reconcile_page_done, params, NULL));
	json_object_put(found);
	walk->after = last;
	walk->checked += (int)count;
	command_line_progress(walk->checked,
	    walk->checked > walk->total || !page->has_more ? walk->checked :
							     walk->total);
	return rc;
}

/* walk_list - every page from walk->after on */
static enum rc
walk_list(struct reconcile_walk *walk)
{
	struct stripe_page page = { .has_more = true };
	char after[JSON_STRING_MAX + 1];
	enum rc rc = RC_OK;

	while (rc == RC_OK && page.has_more) {
		if (walk->after != NULL)
			snprintf(after, sizeof after, "%s", walk->after);
		arena_reset(walk->page);
		rc = stripe_api_page(stripe_intake_api(walk->intake),
		    walk->page, LIST, "status=all",
		    walk->after != NULL ? after : NULL, &page);
		if (rc == RC_OK)
			rc = do_page(walk, &page);
	}
	return rc;
}

/*
 * end_gone - a subscription that Stripe does not know ends. Unless Stripe knows
 * none of these books: then this is another account.
 */
static enum rc
end_gone(
    struct reconcile_walk *walk, const char *object, bool known, int64_t at_us)
{
	json_object *canceled;

	if (!known) {
		walk->strange = true;
		return RC_OK;
	}
	if (json_parse(walk->one, object, strlen(object), &canceled) != RC_OK)
		return RC_TOO_LARGE;
	return fix(walk, canceled, NULL, NULL, at_us);
}

/* ask_about - one that is alive here and was not on the list */
static enum rc
ask_about(struct reconcile_walk *walk, const struct db_result *rows, int row)
{
	const char *id = db_result_text(rows, row, 0);
	const char *const params[] = { walk->run, id,
		db_result_text(rows, row, 1) };
	struct stripe_page page = { .has_more = false };
	json_object *subscription, *found;
	enum rc rc;

	rc = stripe_api_object(stripe_intake_api(walk->intake), walk->page,
	    LIST, id, &subscription, &page.before_us);
	if (rc == RC_NOT_FOUND) {
		rc = busy(db_run(
		    walk->service->db, sql_reconcile_gone, params, NULL));
		if (rc == RC_OK && walk->fix)
			rc = end_gone(walk, db_result_text(rows, row, 3),
			    *db_result_text(rows, row, 2) == 't',
			    page.before_us);
	} else if (rc == RC_OK) {
		page.data = json_object_new_array();
		json_object_array_add(page.data, json_object_get(subscription));
		found = describe_all(walk, page.data);
		rc = compare(walk, page.data, found, page.before_us);
		json_object_put(found);
		json_object_put(page.data);
	}
	arena_reset(walk->one);
	arena_reset(walk->page);
	return rc;
}

/* walk_unseen - what is alive here and was not on the list */
static enum rc
walk_unseen(struct reconcile_walk *walk)
{
	char after[JSON_STRING_MAX + 1] = "";
	const char *const params[] = { walk->run, after };
	struct db_result *rows;
	int count = 1;
	enum rc rc = RC_OK;

	while (rc == RC_OK && count > 0) {
		rc = busy(db_run(
		    walk->service->db, sql_reconcile_unseen, params, &rows));
		if (rc != RC_OK)
			return rc;
		count = db_result_rows(rows);
		for (int i = 0; rc == RC_OK && i < count; i++)
			rc = ask_about(walk, rows, i);
		if (count > 0)
			snprintf(after, sizeof after, "%s",
			    db_result_text(rows, count - 1, 0));
		db_result_free(rows);
	}
	return rc;
}

/* reconcile_walk - the list, then what was not on it */
enum rc
reconcile_walk(struct reconcile_walk *walk)
{
	enum rc rc = walk_list(walk);

	return rc == RC_OK ? walk_unseen(walk) : rc;
}
