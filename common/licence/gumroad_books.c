#include "licence/gumroad_books.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/form.h"
#include "licence/gumroad.h"

DB_STATEMENT(gumroad_receive, 1,
    "INSERT INTO billing.gumroad_events (payload) VALUES ($1)"
    " RETURNING id");
DB_STATEMENT(gumroad_apply, 27,
    "SELECT status_, license, license_key_, email_id,"
    " email_token, due FROM billing.gumroad_apply($1, $2, $3,"
    " $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
    " $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,"
    " $27)");
DB_STATEMENT(
    gumroad_failed, 5, "SELECT billing.gumroad_failed($1, $2, $3, $4, $5)");
DB_STATEMENT(license_facts, 1,
    "SELECT license_key, tier, product_id, email,"
    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),"
    " name, product_name, test FROM billing.licenses"
    " WHERE id = $1");
DB_STATEMENT(license_reissue, 9,
    "SELECT email_id, email_token FROM"
    " billing.license_reissue($1, $2, $3, $4, $5, $6, $7, $8,"
    " $9)");

const struct db_statement *const gumroad_books_statements[] = {
	&sql_gumroad_receive.is,
	&sql_gumroad_apply.is,
	&sql_gumroad_failed.is,
	&sql_license_facts.is,
	&sql_license_reissue.is,
	NULL,
};

#define NO_MINT "logged-no-mint"

/* One delivery on its way into the books. */
struct delivery {
	const struct gumroad_books *books;
	struct arena *arena;
	const char *id; /* of the audit row */
	struct gumroad_event event;
	struct issue issue; /* for a sale */
	const char *problem;
	struct gumroad_result *result;
	char lease[16], amount[24];
};

/* gumroad_books_receive - the body as it came */
enum rc
gumroad_books_receive(struct db *db, struct arena *arena, const char *body,
    size_t body_len, const char **id)
{
	const char *const params[] = { form_printable(arena, body, body_len) };
	struct db_result *result;
	enum rc rc;

	if (params[0] == NULL)
		return RC_BUSY;
	rc = db_run(db, sql_gumroad_receive, params, &result);
	if (rc != RC_OK)
		return rc == RC_UNCERTAIN ? rc : RC_BUSY;
	*id = arena_printf(arena, "%s", db_result_text(result, 0, 0));
	db_result_free(result);
	return *id != NULL ? RC_OK : RC_BUSY;
}

/* keep - a field of a result, in the arena; NULL for SQL's NULL */
static const char *
keep(struct arena *arena, const struct db_result *result, int column)
{
	const char *text = db_result_text(result, 0, column);

	return text != NULL ? arena_copy(arena, text, strlen(text)) : NULL;
}

/* read_delivery - form, facts, catalog; what is wrong goes to problem */
static enum rc
read_delivery(struct delivery *delivery, const char *body, size_t body_len)
{
	struct gumroad_event *event = &delivery->event;
	struct form *form;
	enum rc rc;

	memset(event, 0, sizeof *event);
	event->resource = "unreadable";
	event->order = "";
	event->amount_cents = -1;
	rc = form_parse(delivery->arena, body, body_len, &form);
	if (rc == RC_BAD_REQUEST)
		delivery->problem = "the form has too many fields";
	if (rc == RC_OK)
		rc = gumroad_read(
		    delivery->arena, form, event, &delivery->problem);
	if (rc == RC_OK &&
	    (strcmp(event->resource, "sale") == 0 ||
		strcmp(event->resource, "subscription_updated") == 0)) {
		rc = gumroad_map(delivery->books->catalog, event,
		    &delivery->issue.tier, &delivery->issue.product);
		if (rc == RC_NOT_FOUND)
			delivery->problem = arena_printf(delivery->arena,
			    "the catalog has no tier for %s%s%s",
			    event->products[0],
			    event->plans[0] != NULL ? ", " : "",
			    event->plans[0] != NULL ? event->plans[0] : "");
	}
	return rc == RC_BAD_REQUEST || rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* prepare_mint - key, blob and mail, should it come to minting */
static enum rc
prepare_mint(struct delivery *delivery)
{
	const struct gumroad_event *event = &delivery->event;
	struct issue *issue = &delivery->issue;
	enum rc rc;

	if (delivery->problem != NULL || strcmp(event->resource, "sale") != 0)
		return RC_OK;
	issue->email = event->email;
	issue->name = event->name;
	issue->product_name = event->product_name;
	issue->test = event->test;
	rc = issue_sign(delivery->books->issuer, delivery->arena, issue);
	if (rc == RC_OK)
		rc = issue_mail(
		    delivery->books->issuer, delivery->arena, issue);
	return rc;
}

/* new_mail - what the caller is to send, when it is */
static void
new_mail(struct gumroad_result *result, const char *email_id, const char *token,
    const char *email, const char *name, const struct mail_words *words)
{
	result->email_id = email_id;
	if (email_id == NULL || token == NULL)
		return;
	result->mail = (struct mail_message){ .to_email = email,
		.to_name = name,
		.subject = words->subject,
		.text = words->text,
		.html = words->html,
		.message_id = token };
}

/* read_license - what a mail and a blob say of a licence */
static enum rc
read_license(struct db *db, struct arena *arena, const char *license,
    struct issue *issue)
{
	const char *const params[] = { license };
	struct db_result *row;
	const char *test;
	enum rc rc;

	memset(issue, 0, sizeof *issue);
	rc = db_run(db, sql_license_facts, params, &row);
	if (rc != RC_OK)
		return rc;
	issue->key = keep(arena, row, 0);
	issue->tier = keep(arena, row, 1);
	issue->product = keep(arena, row, 2);
	issue->email = keep(arena, row, 3);
	issue->issued = keep(arena, row, 4);
	issue->name = keep(arena, row, 5);
	issue->product_name = keep(arena, row, 6);
	test = db_result_text(row, 0, 7);
	issue->test = test != NULL && *test == 't';
	db_result_free(row);
	return RC_OK;
}

/* reissue - sign a licence again and mail it, within the transaction */
static enum rc
reissue(struct db *db, struct delivery *delivery, const char *license,
    const char *kind)
{
	const struct issuer *issuer = delivery->books->issuer;
	const struct license_signer *signer = issuer_signer(issuer);
	struct arena *arena = delivery->arena;
	struct db_result *row;
	struct issue issue;
	enum rc rc = read_license(db, arena, license, &issue);

	if (rc == RC_OK && issue.email == NULL)
		return RC_OK; /* the buyer was erased */
	if (rc == RC_OK)
		rc = issue_sign(issuer, arena, &issue);
	if (rc == RC_OK)
		rc = issue_mail(issuer, arena, &issue);
	if (rc != RC_OK)
		return rc;
	const char *const params[] = { license, kind, issue.blob,
		license_signer_kid(signer), license_signer_public(signer),
		issue.mail.subject, issue.mail.text, issue.mail.html,
		delivery->lease };
	rc = db_run(db, sql_license_reissue, params, &row);
	if (rc == RC_OK)
		new_mail(delivery->result, keep(arena, row, 0),
		    keep(arena, row, 1), issue.email, issue.name, &issue.mail);
	db_result_free(row);
	return rc;
}

/* fill_params - as billing.gumroad_apply() takes them */
static size_t
fill_params(struct delivery *delivery, const char *params[DB_PARAMS_MAX])
{
	const struct gumroad_event *event = &delivery->event;
	const struct issue *issue = &delivery->issue;
	const struct license_signer *signer = issuer_signer(
	    delivery->books->issuer);
	const char *const values[] = { delivery->id, event->resource,
		event->order, delivery->problem, event->sale,
		event->subscription, event->at, event->reason,
		event->recurrence, event->refunded ? "true" : "false",
		event->email, event->name, issue->tier, issue->product,
		event->product_name,
		event->amount_cents < 0 ? NULL : delivery->amount,
		event->currency, event->offer_code,
		event->test ? "true" : "false", issue->key, issue->blob,
		signer != NULL ? license_signer_kid(signer) : NULL,
		signer != NULL ? license_signer_public(signer) : NULL,
		issue->mail.subject, issue->mail.text, issue->mail.html,
		delivery->lease };

	snprintf(delivery->amount, sizeof delivery->amount, "%" PRId64,
	    event->amount_cents);
	snprintf(delivery->lease, sizeof delivery->lease, "%d",
	    delivery->books->lease_s);
	memcpy(params, values, sizeof values);
	return sizeof values / sizeof *values;
}

/* apply - the one call, and what it leaves to do; also as a transaction's work */
static enum rc
apply(struct db *db, void *context)
{
	struct delivery *delivery = context;
	struct gumroad_result *result = delivery->result;
	const char *params[DB_PARAMS_MAX];
	struct arena *arena = delivery->arena;
	const char *license, *due;
	struct db_result *row;
	enum rc rc;

	rc = db_run_any(db, &sql_gumroad_apply.is,
	    fill_params(delivery, params), params, &row);
	if (rc != RC_OK)
		return rc;
	result->status = keep(arena, row, 0);
	license = keep(arena, row, 1);
	result->license_key = keep(arena, row, 2);
	new_mail(result, keep(arena, row, 3), keep(arena, row, 4),
	    delivery->event.email, delivery->event.name, &delivery->issue.mail);
	due = keep(arena, row, 5);
	db_result_free(row);
	if (result->status == NULL)
		return RC_BUSY;
	if (due != NULL)
		return reissue(db, delivery, license,
		    strcmp(due, "blob") == 0 ? "updated" : "license");
	return RC_OK;
}

/* fail - what the database refused, for people to read */
static enum rc
fail(struct delivery *delivery)
{
	struct db *db = delivery->books->db;
	const char *const params[] = { delivery->id, delivery->event.resource,
		delivery->event.order,
		arena_printf(delivery->arena, "%s", db_error(db)),
		arena_printf(delivery->arena, "%s", db_sqlstate(db)) };
	enum rc rc;

	rc = db_run(db, sql_gumroad_failed, params, NULL);
	delivery->result->status = NO_MINT;
	delivery->problem = "the database refused it";
	return rc == RC_BAD_REQUEST ? RC_BUSY : rc;
}

/* gumroad_books_apply - once, whatever happens */
enum rc
gumroad_books_apply(const struct gumroad_books *books, struct arena *arena,
    const char *id, const char *body, size_t body_len,
    struct gumroad_result *result)
{
	struct delivery delivery = {
		.books = books, .arena = arena, .id = id, .result = result
	};
	enum rc rc;

	memset(result, 0, sizeof *result);
	rc = read_delivery(&delivery, body, body_len);
	if (rc == RC_OK)
		rc = prepare_mint(&delivery);
	if (rc != RC_OK)
		return rc;
	/* A plain sale never leaves anything to sign: one statement is enough. */
	if (delivery.event.subscription == NULL &&
	    strcmp(delivery.event.resource, "sale") == 0)
		rc = apply(books->db, &delivery);
	else
		rc = db_transaction(books->db, apply, &delivery);
	if (rc == RC_BAD_REQUEST)
		rc = fail(&delivery);
	result->resource = delivery.event.resource;
	result->order = delivery.event.order;
	if (rc == RC_OK && strcmp(result->status, NO_MINT) == 0)
		result->problem = delivery.problem != NULL ?
		    delivery.problem :
		    "see the audit row";
	return rc;
}
