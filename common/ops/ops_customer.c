#include "ops/ops_customer.h"

#include <stdbool.h>
#include <string.h>

#include "base/form.h"
#include "ops/ops_forms.h"
#include "ops/ops_page.h"

DB_STATEMENT(ops_find, 1,
    "SELECT account, external_id, email, customer"
    " FROM billing.ops_find($1)");
DB_STATEMENT(ops_person, 3,
    "SELECT name, value FROM billing.ops_person($1, $2, $3)"
    " WHERE value IS NOT NULL");
DB_STATEMENT(ops_subscriptions, 2,
    "SELECT id, status, plan, period, seats,"
    " to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD'),"
    " CASE WHEN ends THEN 'ends then' END"
    " FROM billing.ops_subscriptions($1, $2)");
DB_STATEMENT(ops_licences_of, 1,
    "SELECT key, status, tier, product, reason,"
    " CASE WHEN test THEN 'a test' END"
    " FROM billing.ops_licences_of($1)");
DB_STATEMENT(ops_story, 4,
    "SELECT to_char(at AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD HH24:MI:SS'), kind, what, outcome, detail,"
    " event FROM billing.ops_story($1, $2, $3, $4)");

const struct db_statement *const ops_customer_statements[] = {
	&sql_ops_find.is,
	&sql_ops_person.is,
	&sql_ops_subscriptions.is,
	&sql_ops_licences_of.is,
	&sql_ops_story.is,
	NULL,
};

#define QUERY_MAX 255 /* bytes */
#define STORY_MAX 500 /* entries */
#define FOUND_MAX 20  /* customers to choose from */

/* The page in the making. */
struct page {
	struct service *service;
	struct request *request;
	struct html *html;
	const char *query, *token;
	/* whom it is about; members may be NULL */
	const char *account, *external_id, *email, *customer;
};

/* A table of what a statement finds. */
struct listing {
	const char *title, *none;
	const char *columns[8]; /* ends with NULL */
};

/* read_query - the word in q; NULL after the reply */
static const char *
read_query(struct request *request)
{
	const char *query = request_param(request, "QUERY_STRING"), *word;
	struct form *form;
	enum rc rc;

	if (query == NULL)
		query = "";
	rc = form_parse(request_arena(request), query, strlen(query), &form);
	if (rc == RC_OK)
		rc = form_text(form_next(form, "q", NULL), &word);
	if (rc == RC_OK) {
		word += strspn(word, " \t\r\n");
		if (*word != '\0' && strlen(word) <= QUERY_MAX)
			return word;
	}
	ops_page_fail(request, 400, RC_BAD_REQUEST,
	    rc == RC_NOT_FOUND ? "Whom do you look for?" :
				 "This cannot be looked for",
	    "Give an account's id, an e-mail address, a customer (cus_…) or "
	    "subscription (sub_…) of Stripe's, or a licence key, of at most "
	    "255 bytes.");
	return NULL;
}

/* trimmed - without blanks at its end */
static const char *
trimmed(struct request *request, const char *word)
{
	size_t len = strlen(word);

	while (len > 0 && strchr(" \t\r\n", word[len - 1]) != NULL)
		len--;
	return arena_copy(request_arena(request), word, len);
}

/* badge - a status, coloured by what it means and readable without */
static void
badge(struct html *html, const char *status)
{
	static const struct {
		const char *status, *class;
	} classes[] = {
		{ "active", "badge good" },
		{ "applied", "badge good" },
		{ "ok", "badge good" },
		{ "sent", "badge good" },
		{ "trialing", "badge good" },
		{ "canceled", "badge bad" },
		{ "failed", "badge bad" },
		{ "handler_error", "badge bad" },
		{ "past_due", "badge warn" },
		{ "revoked", "badge bad" },
		{ "unmatched", "badge warn" },
		{ "unpaid", "badge bad" },
	};
	const char *class = "badge";

	if (status == NULL)
		return;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (strcmp(classes[i].status, status) == 0)
			class = classes[i].class;
	}
	html_leaf(html, "span", status, "class", class, NULL);
}

/* add_person - what is known, as a list of terms */
static enum rc
add_person(const struct page *page)
{
	const char *const params[] = { page->account, page->email,
		page->customer };
	struct db_result *result;
	enum rc rc = db_run(page->service->db, sql_ops_person, params, &result);

	if (rc != RC_OK)
		return rc;
	html_open(page->html, "dl", "class", "card person", NULL);
	for (int i = 0; i < db_result_rows(result); i++) {
		html_open(page->html, "div", NULL);
		html_leaf(page->html, "dt", db_result_text(result, i, 0), NULL);
		html_leaf(page->html, "dd", db_result_text(result, i, 1), NULL);
		html_close(page->html, "div");
	}
	html_close(page->html, "dl");
	db_result_free(result);
	return RC_OK;
}

/* add_row - of a listing; its second column is a status */
static void
add_row(struct html *html, const struct listing *listing,
    const struct db_result *result, int row)
{
	html_open(html, "tr", NULL);
	for (int i = 0; listing->columns[i] != NULL; i++) {
		const char *text = db_result_text(result, row, i);

		html_open(html, i == 0 ? "th" : "td", "scope",
		    i == 0 ? "row" : NULL, NULL);
		if (i == 1)
			badge(html, text);
		else
			html_text(html, text);
		html_close(html, i == 0 ? "th" : "td");
	}
	html_close(html, "tr");
}

/* add_listing - a table, or a sentence that there is nothing */
static enum rc
add_listing(const struct page *page, const struct listing *listing,
    const struct db_statement *statement, const char *const *params)
{
	struct html *html = page->html;
	struct db_result *result;
	enum rc rc = db_run_any(
	    page->service->db, statement, statement->params, params, &result);

	if (rc != RC_OK)
		return rc;
	html_open(html, "section", "class", "card", NULL);
	html_leaf(html, "h2", listing->title, NULL);
	if (db_result_rows(result) == 0)
		html_leaf(html, "p", listing->none, "class", "none", NULL);
	else {
		html_open(html, "div", "class", "scroll", "tabindex", "0",
		    "role", "region", "aria-label", listing->title, NULL);
		html_open(html, "table", NULL);
		html_leaf(html, "caption", listing->title, NULL);
		html_open(html, "thead", NULL);
		html_open(html, "tr", NULL);
		for (int i = 0; listing->columns[i] != NULL; i++)
			html_leaf(html, "th", listing->columns[i], "scope",
			    "col", NULL);
		html_close(html, "tr");
		html_close(html, "thead");
		html_open(html, "tbody", NULL);
		for (int i = 0; i < db_result_rows(result); i++)
			add_row(html, listing, result, i);
		html_close(html, "tbody");
		html_close(html, "table");
		html_close(html, "div");
	}
	html_close(html, "section");
	db_result_free(result);
	return RC_OK;
}

/* add_subscriptions - as the books have them now */
static enum rc
add_subscriptions(const struct page *page)
{
	static const struct listing listing = { "Subscriptions",
		"No subscription.",
		{ "Subscription", "Status", "Plan", "Period", "Seats",
		    "Paid until", "Then", NULL } };
	const char *const params[] = { page->account, page->customer };

	return add_listing(page, &listing, &sql_ops_subscriptions.is, params);
}

/* add_licences - by the e-mail */
static enum rc
add_licences(const struct page *page)
{
	static const struct listing listing = { "Licences", "No licence.",
		{ "Key", "Status", "Tier", "Product", "Reason", "Kind",
		    NULL } };
	const char *const params[] = { page->email };

	return add_listing(page, &listing, &sql_ops_licences_of.is, params);
}

/* add_entry - one thing that happened */
static void
add_entry(const struct page *page, const struct db_result *result, int row)
{
	const char *outcome = db_result_text(result, row, 3);
	const char *detail = db_result_text(result, row, 4);
	const char *event = db_result_text(result, row, 5);
	struct html *html = page->html;

	html_open(html, "li", NULL);
	html_leaf(html, "time", db_result_text(result, row, 0), NULL);
	html_leaf(html, "span", db_result_text(result, row, 1), "class", "kind",
	    NULL);
	html_open(html, "div", NULL);
	html_leaf(html, "span", db_result_text(result, row, 2), "class", "what",
	    NULL);
	badge(html, outcome);
	if (detail != NULL && *detail != '\0')
		html_leaf(html, "p", detail, "class", "meta", NULL);
	if (event != NULL && outcome != NULL &&
	    strcmp(outcome, "handler_error") == 0)
		ops_page_replay(html, event, page->token);
	html_close(html, "div");
	html_close(html, "li");
}

/* add_story - newest first */
static enum rc
add_story(const struct page *page)
{
	const char *const params[] = {
		page->account, page->email, page->customer,
		arena_printf(request_arena(page->request), "%d", STORY_MAX + 1)
	};
	struct html *html = page->html;
	struct db_result *result;
	enum rc rc = db_run(page->service->db, sql_ops_story, params, &result);
	int rows;

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(result);
	html_open(html, "section", "class", "card", NULL);
	html_leaf(html, "h2", "What happened", NULL);
	if (rows > STORY_MAX) {
		rows = STORY_MAX;
		html_open(html, "p", "class", "meta", NULL);
		html_textf(
		    html, "The newest %d entries; there are more.", STORY_MAX);
		html_close(html, "p");
	}
	html_open(html, "ol", "class", "story", NULL);
	for (int i = 0; i < rows; i++)
		add_entry(page, result, i);
	html_close(html, "ol");
	html_close(html, "section");
	db_result_free(result);
	return RC_OK;
}

/* add_choice - several that the word may mean */
static void
add_choice(struct page *page, const struct db_result *result)
{
	int rows = db_result_rows(result);
	struct html *html = page->html;

	html_open(html, "p", NULL);
	html_textf(html, "%s%d customers match. Which one?",
	    rows > FOUND_MAX ? "More than " : "",
	    rows > FOUND_MAX ? FOUND_MAX : rows);
	html_close(html, "p");
	html_open(html, "ul", "class", "card choice", NULL);
	for (int i = 0; i < rows && i < FOUND_MAX; i++) {
		const char *name = NULL;

		for (int j = 1; j < 4 && name == NULL; j++)
			name = db_result_text(result, i, j);
		html_open(html, "li", NULL);
		html_leaf(html, "a", name, "href",
		    html_link(request_arena(page->request), "/ops/customer",
			"q", name != NULL ? name : ""),
		    NULL);
		html_text(html, " ");
		if (db_result_text(result, i, 1) != NULL)
			html_text(html, db_result_text(result, i, 2));
		html_close(html, "li");
	}
	html_close(html, "ul");
}

/* add_forms - what can be decided about them */
static enum rc
add_forms(const struct page *page)
{
	const struct ops_subject subject = { page->account, page->external_id,
		page->customer, page->query };

	return ops_forms_add(page->service->db, request_arena(page->request),
	    page->html, &subject, page->token);
}

/* fill - the one that was found */
static enum rc
fill(struct page *page)
{
	enum rc rc = add_person(page);

	if (rc == RC_OK)
		rc = add_subscriptions(page);
	if (rc == RC_OK && page->email != NULL)
		rc = add_licences(page);
	if (rc == RC_OK)
		rc = add_forms(page);
	if (rc == RC_OK)
		rc = add_story(page);
	return rc;
}

/* keep - a text of a result that is about to go */
static const char *
keep(const struct page *page, const struct db_result *result, int column)
{
	const char *text = db_result_text(result, 0, column);

	return text != NULL ?
	    arena_printf(request_arena(page->request), "%s", text) :
	    NULL;
}

/* find - nobody, one, or several */
static enum rc
find(struct page *page)
{
	const char *const params[] = { page->query };
	struct db_result *result;
	enum rc rc = db_run(page->service->db, sql_ops_find, params, &result);
	int status = 200;

	if (rc != RC_OK)
		return ops_page_no_database(page->request, rc);
	page->html = ops_page_begin(page->request, "Customer", page->query);
	if (db_result_rows(result) == 0) {
		status = 404;
		html_open(page->html, "p", "class", "notice", NULL);
		html_textf(page->html,
		    "Nobody is known as “%s”. Case matters, but for e-mail "
		    "addresses and licence keys.",
		    page->query);
		html_close(page->html, "p");
	} else if (db_result_rows(result) > 1)
		add_choice(page, result);
	else {
		page->account = keep(page, result, 0);
		page->external_id = keep(page, result, 1);
		page->email = keep(page, result, 2);
		page->customer = keep(page, result, 3);
		rc = fill(page);
	}
	db_result_free(result);
	if (rc != RC_OK)
		return ops_page_no_database(page->request, rc);
	return ops_page_end(page->request, page->html, status);
}

/* ops_customer - GET /ops/customer */
enum rc
ops_customer(struct service *service, struct request *request)
{
	struct page page = { .service = service, .request = request };
	enum rc rc;

	if (ops_page_person(request) == NULL)
		return RC_SIGNATURE;
	page.query = read_query(request);
	if (page.query == NULL)
		return RC_BAD_REQUEST;
	page.query = trimmed(request, page.query);
	if (page.query == NULL)
		return RC_TOO_LARGE;
	rc = ops_page_token(service, request, &page.token);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	return find(&page);
}
