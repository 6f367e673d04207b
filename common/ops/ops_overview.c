#include "ops/ops_overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/form.h"
#include "ops/ops_charts.h"
#include "ops/ops_doubt.h"
#include "ops/ops_forms.h"
#include "ops/ops_page.h"

DB_STATEMENT(ops_facts, 0, "SELECT fact, about, value FROM billing.facts()");
DB_STATEMENT(ops_failures, 1,
    "SELECT provider, id, type,"
    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),"
    " error, customer FROM billing.ops_failures($1)");
DB_STATEMENT(ops_unmatched, 1,
    "SELECT customer, subscription,"
    " to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), plan,"
    " status, email FROM billing.ops_unmatched($1)");
DB_STATEMENT(ops_event, 1, "SELECT outcome, error FROM billing.ops_event($1)");

const struct db_statement *const ops_overview_statements[] = {
	&sql_ops_facts.is,
	&sql_ops_failures.is,
	&sql_ops_unmatched.is,
	&sql_ops_event.is,
	NULL,
};

#define FAILURES_SHOWN 20
#define PAYERS_SHOWN 20
#define MAIL_LATE_S 1800 /* a mail that waits longer is a problem */

/* The page in the making. */
struct page {
	struct service *service;
	struct request *request;
	struct arena *arena;
	struct html *html;
	struct db_result *facts;
	const char *token;
};

/* run - a statement with one number */
static enum rc
run(const struct page *page, const struct db_statement *statement, int number,
    struct db_result **result)
{
	const char *const params[] = { arena_printf(
	    page->arena, "%d", number) };

	return db_run_any(page->service->db, statement, 1, params, result);
}

/* fact - a number of billing.facts(); a NULL about: of all kinds */
static double
fact(const struct page *page, const char *name, const char *about)
{
	double sum = 0;

	for (int i = 0; i < db_result_rows(page->facts); i++) {
		const char *of = db_result_text(page->facts, i, 1);

		if (strcmp(db_result_text(page->facts, i, 0), name) == 0 &&
		    (about == NULL || (of != NULL && strcmp(of, about) == 0)))
			sum += strtod(db_result_text(page->facts, i, 2), NULL);
	}
	return sum;
}

/* is_known - whether billing says anything of that */
static bool
is_known(const struct page *page, const char *name)
{
	for (int i = 0; i < db_result_rows(page->facts); i++) {
		if (strcmp(db_result_text(page->facts, i, 0), name) == 0)
			return true;
	}
	return false;
}

/*
 * A number of now; it is bad when another one, or itself, is above a limit. part
 * is where on the page it is told in full, while it is not 0.
 */
static const struct tile {
	const char *name, *fact, *about, *bad_fact, *part;
	double limit;
} tiles[] = {
	{ "Failures waiting", "failures_waiting", NULL, "failures_waiting",
	    "#failures", 0 },
	{ "Differ from Stripe", "drift", NULL, "drift", NULL, 0 },
	{ "Paid and unmatched", "unmatched_payers", NULL, "unmatched_payers",
	    "#unmatched", 0 },
	{ "Open disputes", "disputes", "open", "disputes", "#disputes", 0 },
	{ "At unknown prices", "unknown_prices", NULL, "unknown_prices",
	    "#prices", 0 },
	{ "Suspended", "suspended", NULL, NULL, NULL, 0 },
	{ "Active subscriptions", "subscriptions", "active", NULL, NULL, 0 },
	{ "On trial", "subscriptions", "trialing", NULL, NULL, 0 },
	{ "Past due", "subscriptions", "past_due", NULL, NULL, 0 },
	{ "Licences", "licenses", "active", NULL, NULL, 0 },
	{ "Mails queued", "mails", "queued", "mail_oldest", NULL, MAIL_LATE_S },
	{ "Mails given up", "mails", "failed", "mails", NULL, 0 },
};

/* is_bad - by its limit */
static bool
is_bad(const struct page *page, const struct tile *tile)
{
	if (tile->bad_fact == NULL)
		return false;
	return fact(page, tile->bad_fact,
		   strcmp(tile->bad_fact, tile->fact) == 0 ?
		       tile->about :
		       NULL) > tile->limit;
}

/* add_number - of a tile; it leads to where it is told in full */
static void
add_number(const struct page *page, const struct tile *tile)
{
	double number = fact(page, tile->fact, tile->about);
	struct html *html = page->html;

	if (tile->part != NULL && number > 0) {
		html_open(html, "a", "href", tile->part, NULL);
		html_textf(html, "%.0f", number);
		html_close(html, "a");
	} else
		html_textf(html, "%.0f", number);
}

/* add_tiles - now; what is bad says so not by its colour alone */
static void
add_tiles(const struct page *page)
{
	struct html *html = page->html;

	html_open(html, "dl", "class", "tiles", NULL);
	for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
		const struct tile *tile = &tiles[i];
		bool bad = is_bad(page, tile);

		html_open(
		    html, "div", "class", bad ? "tile bad" : "tile", NULL);
		html_leaf(html, "dt", tile->name, NULL);
		html_open(html, "dd", NULL);
		if (strcmp(tile->fact, "drift") == 0 &&
		    !is_known(page, tile->fact))
			html_text(html, "–");
		else
			add_number(page, tile);
		if (bad)
			html_leaf(html, "span", " !", "aria-label",
			    "needs attention", "role", "img", NULL);
		html_close(html, "dd");
		html_close(html, "div");
	}
	html_close(html, "dl");
}

/* add_notice - what became of a replay, as the ledger has it now */
static enum rc
add_notice(const struct page *page, const char *event)
{
	const char *const params[] = { event };
	const char *outcome, *error;
	struct db_result *result;
	enum rc rc;

	rc = db_run(page->service->db, sql_ops_event, params, &result);
	if (rc != RC_OK)
		return rc;
	if (db_result_rows(result) > 0) {
		outcome = db_result_text(result, 0, 0);
		error = db_result_text(result, 0, 1);
		html_open(page->html, "p", "role", "status", "class",
		    error != NULL ? "notice bad" : "notice good", NULL);
		html_leaf(page->html, "code", event, NULL);
		html_text(
		    page->html, error != NULL ? " still fails: " : " is now: ");
		html_text(page->html, error != NULL ? error : outcome);
		html_close(page->html, "p");
	}
	db_result_free(result);
	return RC_OK;
}

/* add_failure - one, and what can be done about it */
static void
add_failure(const struct page *page, const struct db_result *result, int row)
{
	const char *provider = db_result_text(result, row, 0);
	const char *id = db_result_text(result, row, 1);
	const char *customer = db_result_text(result, row, 5);
	struct html *html = page->html;

	html_open(html, "li", NULL);
	html_open(html, "div", NULL);
	html_leaf(html, "h3", db_result_text(result, row, 2), NULL);
	html_open(html, "p", "class", "meta", NULL);
	html_text(html, strcmp(provider, "stripe") == 0 ? "Stripe" : "Gumroad");
	html_text(html, " · ");
	html_leaf(html, "time", db_result_text(result, row, 3), NULL);
	html_text(html, " · ");
	if (strcmp(provider, "gumroad") == 0)
		html_text(html, "delivery ");
	html_leaf(html, "code", id, NULL);
	if (customer != NULL && strcmp(provider, "stripe") == 0) {
		html_text(html, " · ");
		html_leaf(html, "a", customer, "href",
		    html_link(page->arena, "/ops/customer", "q", customer),
		    NULL);
	}
	html_close(html, "p");
	html_leaf(
	    html, "p", db_result_text(result, row, 4), "class", "cause", NULL);
	html_close(html, "div");
	if (strcmp(provider, "stripe") == 0)
		ops_page_replay(html, id, page->token);
	else {
		html_open(html, "p", "class", "do", NULL);
		html_text(html, "On the host: ");
		html_open(html, "code", NULL);
		html_textf(html, "gumroad-webhook replay %s", id);
		html_close(html, "code");
		html_close(html, "p");
	}
	html_close(html, "li");
}

/* add_failures - or the good news */
static enum rc
add_failures(const struct page *page)
{
	double all = fact(page, "failures_waiting", NULL);
	struct html *html = page->html;
	struct db_result *result;
	enum rc rc = run(page, &sql_ops_failures.is, FAILURES_SHOWN, &result);
	int rows;

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(result);
	html_open(html, "section", "class", "card", "id", "failures", NULL);
	html_leaf(html, "h2", "Failures", NULL);
	if (rows == 0)
		html_leaf(html, "p", "None: all that came in was applied.",
		    "class", "none", NULL);
	else {
		if (all > rows) {
			html_open(html, "p", "class", "meta", NULL);
			html_textf(html,
			    "The last %d of %.0f. stripe-webhook events replay "
			    "--failed tries all of Stripe's.",
			    rows, all);
			html_close(html, "p");
		}
		html_open(html, "ul", "class", "failures", NULL);
		for (int i = 0; i < rows; i++)
			add_failure(page, result, i);
		html_close(html, "ul");
	}
	html_close(html, "section");
	db_result_free(result);
	return RC_OK;
}

/* add_payer - one who pays and has no account, and the form that gives one */
static void
add_payer(const struct page *page, const struct db_result *result, int row)
{
	const char *customer = db_result_named(result, row, "customer");
	const char *subscription = db_result_named(result, row, "subscription");
	const char *email = db_result_named(result, row, "email");
	struct html *html = page->html;

	html_open(html, "li", NULL);
	html_open(html, "div", NULL);
	html_open(html, "h3", NULL);
	html_leaf(html, "a", customer != NULL ? customer : subscription, "href",
	    html_link(page->arena, "/ops/customer", "q", subscription), NULL);
	html_close(html, "h3");
	html_open(html, "p", "class", "meta", NULL);
	html_textf(html, "%s · %s · since ",
	    db_result_named(result, row, "plan"),
	    db_result_named(result, row, "status"));
	html_leaf(html, "time", db_result_text(result, row, 2), NULL);
	html_text(html, " · ");
	html_leaf(html, "code", subscription, NULL);
	if (email != NULL) {
		html_text(html, " · ");
		html_text(html, email);
	}
	html_close(html, "p");
	html_close(html, "div");
	if (customer != NULL)
		ops_forms_link(html, customer, page->token);
	html_close(html, "li");
}

/* add_payers - first of all; nothing when everybody has what they pay for */
static enum rc
add_payers(const struct page *page)
{
	struct html *html = page->html;
	struct db_result *result;
	enum rc rc = run(
	    page, &sql_ops_unmatched.is, PAYERS_SHOWN + 1, &result);
	int rows;

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(result);
	if (rows > 0) {
		html_open(
		    html, "section", "class", "card", "id", "unmatched", NULL);
		html_leaf(html, "h2", "Paid and unmatched", NULL);
		if (rows > PAYERS_SHOWN)
			html_leaf(html, "p",
			    "Those who wait longest; there are more.", "class",
			    "meta", NULL);
		html_open(html, "ul", "class", "failures", NULL);
		for (int i = 0; i < rows && i < PAYERS_SHOWN; i++)
			add_payer(page, result, i);
		html_close(html, "ul");
		html_close(html, "section");
	}
	db_result_free(result);
	return RC_OK;
}

/* replayed - the event that the reader comes from, or NULL */
static const char *
replayed(struct request *request)
{
	const char *query = request_param(request, "QUERY_STRING"), *event;
	struct form *form;

	if (query == NULL ||
	    form_parse(request_arena(request), query, strlen(query), &form) !=
		RC_OK ||
	    form_text(form_next(form, "replayed", NULL), &event) != RC_OK)
		return NULL;
	return event;
}

/* fill - everything, from the top */
static enum rc
fill(const struct page *page)
{
	const char *event = replayed(page->request);
	enum rc rc = RC_OK;

	if (event != NULL)
		rc = add_notice(page, event);
	if (rc != RC_OK)
		return rc;
	add_tiles(page);
	rc = add_payers(page);
	if (rc == RC_OK)
		rc = ops_doubt(page->service->db, page->arena, page->html);
	if (rc == RC_OK)
		rc = add_failures(page);
	return rc == RC_OK ?
	    ops_charts(page->service->db, page->arena, page->html) :
	    rc;
}

/* ops_overview - GET /ops */
enum rc
ops_overview(struct service *service, struct request *request)
{
	struct page page = { service, request, request_arena(request), NULL,
		NULL, NULL };
	enum rc rc;

	if (ops_page_person(request) == NULL)
		return RC_SIGNATURE;
	rc = ops_page_token(service, request, &page.token);
	if (rc == RC_OK)
		rc = db_run_bare(service->db, sql_ops_facts, &page.facts);
	if (rc == RC_OK) {
		page.html = ops_page_begin(request, "Overview", NULL);
		rc = fill(&page);
	}
	db_result_free(page.facts);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	return ops_page_end(request, page.html, 200);
}
