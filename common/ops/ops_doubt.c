#include "ops/ops_doubt.h"

#include <stddef.h>

DB_STATEMENT(ops_disputes, 1,
    "SELECT dispute, state, status, payment, account, customer, subscription,"
    " to_char(due_by AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS due,"
    " CASE WHEN waits THEN 'waits' END AS waits,"
    " CASE WHEN waits AND late THEN 'late' END AS late"
    " FROM billing.ops_disputes($1)");
DB_STATEMENT(ops_unknown_prices, 1,
    "SELECT price, subscriptions, plans, example"
    " FROM billing.ops_unknown_prices($1)");

const struct db_statement *const ops_doubt_statements[] = {
	&sql_ops_disputes.is,
	&sql_ops_unknown_prices.is,
	NULL,
};

#define SHOWN 50

/* The page in the making. */
struct part {
	struct arena *arena;
	struct html *html;
};

/* add_due - until when Stripe takes evidence, or that it waits for none */
static void
add_due(struct html *html, const struct db_result *result, int row)
{
	const char *due = db_result_named(result, row, "due");

	html_open(html, "p", "class", "cause", NULL);
	if (db_result_named(result, row, "waits") == NULL)
		html_text(html, "The evidence is in: Stripe decides.");
	else if (due == NULL)
		html_text(html, "Stripe waits for evidence.");
	else {
		html_text(html, "Evidence is due by ");
		html_leaf(html, "time", due, NULL);
		html_text(html, " UTC");
		if (db_result_named(result, row, "late") != NULL)
			html_leaf(
			    html, "span", "late", "class", "badge bad", NULL);
	}
	html_close(html, "p");
}

/* add_dispute - whose it is, of what payment, and what is to be done */
static void
add_dispute(const struct part *part, const struct db_result *result, int row)
{
	static const char *const names[] = { "account", "customer",
		"subscription" };
	const char *whose = NULL;
	struct html *html = part->html;

	for (size_t i = 0; i < 3 && whose == NULL; i++)
		whose = db_result_named(result, row, names[i]);
	html_open(html, "li", NULL);
	html_open(html, "div", NULL);
	html_open(html, "h3", NULL);
	html_leaf(html, "a", whose, "href",
	    html_link(part->arena, "/ops/customer", "q", whose), NULL);
	html_leaf(html, "span", db_result_named(result, row, "state"), "class",
	    "badge warn", NULL);
	html_close(html, "h3");
	html_open(html, "p", "class", "meta", NULL);
	html_leaf(html, "code", db_result_named(result, row, "dispute"), NULL);
	html_textf(
	    html, " · %s · payment ", db_result_named(result, row, "status"));
	html_leaf(html, "code", db_result_named(result, row, "payment"), NULL);
	html_close(html, "p");
	add_due(html, result, row);
	html_close(html, "div");
	html_close(html, "li");
}

/* add_price - one that the catalog does not have, and who has it */
static void
add_price(const struct part *part, const struct db_result *result, int row)
{
	const char *example = db_result_named(result, row, "example");
	struct html *html = part->html;

	html_open(html, "li", NULL);
	html_open(html, "div", NULL);
	html_open(html, "h3", NULL);
	html_leaf(html, "code", db_result_named(result, row, "price"), NULL);
	html_close(html, "h3");
	html_open(html, "p", "class", "meta", NULL);
	html_textf(html, "live subscriptions: %s · counted as %s · as ",
	    db_result_named(result, row, "subscriptions"),
	    db_result_named(result, row, "plans"));
	html_leaf(html, "a", example, "href",
	    html_link(part->arena, "/ops/customer", "q", example), NULL);
	html_close(html, "p");
	html_leaf(html, "p",
	    "List the price under its plan, then: paydesk catalog apply FILE",
	    "class", "do", NULL);
	html_close(html, "div");
	html_close(html, "li");
}

/* A card with a list. */
struct card {
	const char *id, *title, *more;
	const struct db_statement *statement;
	void (*add)(
	    const struct part *part, const struct db_result *result, int row);
};

/* add_card - nothing when there is nothing to tell */
static enum rc
add_card(struct db *db, const struct part *part, const struct card *card)
{
	const char *const params[] = { arena_printf(
	    part->arena, "%d", SHOWN + 1) };
	struct html *html = part->html;
	struct db_result *result;
	enum rc rc = db_run_any(db, card->statement, 1, params, &result);
	int rows;

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(result);
	if (rows > 0) {
		html_open(
		    html, "section", "class", "card", "id", card->id, NULL);
		html_leaf(html, "h2", card->title, NULL);
		if (rows > SHOWN)
			html_leaf(html, "p", card->more, "class", "meta", NULL);
		html_open(html, "ul", "class", "failures", NULL);
		for (int i = 0; i < rows && i < SHOWN; i++)
			card->add(part, result, i);
		html_close(html, "ul");
		html_close(html, "section");
	}
	db_result_free(result);
	return RC_OK;
}

/* ops_doubt - what is due first first */
enum rc
ops_doubt(struct db *db, struct arena *arena, struct html *html)
{
	static const struct card cards[] = {
		{ "disputes", "Disputes",
		    "Those that are due first; there are more.",
		    &sql_ops_disputes.is, add_dispute },
		{ "prices", "Unknown prices",
		    "Those that most have; there are more.",
		    &sql_ops_unknown_prices.is, add_price },
	};
	const struct part part = { arena, html };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < sizeof cards / sizeof *cards && rc == RC_OK; i++)
		rc = add_card(db, &part, &cards[i]);
	return rc;
}
