#include "licence/gumroad_books.h"

#include <string.h>

#include "base/form.h"
#include "base/json.h"
#include "licence/gumroad.h"

DB_STATEMENT(gumroad_receive, 1,
    "INSERT INTO billing.gumroad_events (payload) VALUES ($1)"
    " RETURNING id");
DB_STATEMENT(gumroad_apply, 6,
    "SELECT status, license_key, to_sign, email_id, email_token, problem"
    " FROM billing.gumroad_apply($1, $2, $3, $4, $5, $6)");
DB_STATEMENT(
    gumroad_failed, 5, "SELECT billing.gumroad_failed($1, $2, $3, $4, $5)");
const struct db_statement *const gumroad_books_statements[] = {
	&sql_gumroad_receive.is,
	&sql_gumroad_apply.is,
	&sql_gumroad_failed.is,
	NULL,
};

#define NO_MINT "logged-no-mint"
#define SIGNINGS_MAX 3 /* of one delivery, while others change its licence */

/* One delivery on its way into the books. */
struct delivery {
	const struct gumroad_books *books;
	struct arena *arena;
	const char *id; /* of the audit row */
	struct gumroad_event event;
	const char *problem;
	const char *to_sign; /* what the books want signed first, or NULL */
	struct issue issue;  /* what was signed */
	struct gumroad_result *result;
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
keep(struct arena *arena, const struct db_result *result, const char *column)
{
	const char *text = db_result_named(result, 0, column);

	return text != NULL ? arena_copy(arena, text, strlen(text)) : NULL;
}

/* read_delivery - form, facts; what is wrong goes to problem */
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
	return rc == RC_BAD_REQUEST ? RC_OK : rc;
}

/* as_text - a document that is done with, in the arena; NULL: no memory */
static const char *
as_text(struct arena *arena, json_object *document)
{
	const char *text = json_object_to_json_string_ext(
	    document, JSON_C_TO_STRING_PLAIN);
	const char *copy = text != NULL ?
	    arena_copy(arena, text, strlen(text)) :
	    NULL;

	json_object_put(document);
	return copy;
}

/* member - a text of what is to be signed, NULL when there is none */
static const char *
member(json_object *object, const char *name)
{
	const char *value;

	return json_string(object, name, &value) == RC_OK ? value : NULL;
}

/* sign - what the books want, and the mail with it */
static enum rc
sign(struct delivery *delivery, json_object **to_sign)
{
	const struct issuer *issuer = delivery->books->issuer;
	struct issue *issue = &delivery->issue;
	enum rc rc;

	rc = json_parse(delivery->arena, delivery->to_sign,
	    strlen(delivery->to_sign), to_sign);
	if (rc != RC_OK)
		return rc;
	*issue = (struct issue){
		.key = member(*to_sign, "key"),
		.tier = member(*to_sign, "tier"),
		.product = member(*to_sign, "product"),
		.email = member(*to_sign, "email"),
		.issued = member(*to_sign, "issued"),
		.name = member(*to_sign, "name"),
		.product_name = member(*to_sign, "product_name"),
		.test = json_object_get_boolean(json_member(*to_sign, "test")),
	};
	rc = issue_sign(issuer, delivery->arena, issue);
	return rc == RC_OK ? issue_mail(issuer, delivery->arena, issue) : rc;
}

/* mint - billing.gumroad_mint of what was signed; NULL with *rc: it was not */
static const char *
mint(struct delivery *delivery, enum rc *rc)
{
	const struct license_signer *signer = issuer_signer(
	    delivery->books->issuer);
	const struct issue *issue = &delivery->issue;
	json_object *to_sign, *object;

	*rc = sign(delivery, &to_sign);
	if (*rc != RC_OK)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "to_sign", json_object_get(to_sign));
	json_add_text(object, "key", issue->key);
	json_add_text(object, "blob", issue->blob);
	json_add_text(object, "key_id", license_signer_kid(signer));
	json_add_text(object, "public_key", license_signer_public(signer));
	json_add_text(object, "subject", issue->mail.subject);
	json_add_text(object, "text", issue->mail.text);
	json_add_text(object, "html", issue->mail.html);
	json_object_object_add(
	    object, "lease_s", json_object_new_int(delivery->books->lease_s));
	return as_text(delivery->arena, object);
}

/* new_mail - what the caller is to send */
static void
new_mail(struct delivery *delivery, const char *token)
{
	const struct issue *issue = &delivery->issue;

	if (delivery->result->email_id == NULL || token == NULL)
		return;
	delivery->result->mail = (struct mail_message){
		.to_email = issue->email,
		.to_name = issue->name,
		.subject = issue->mail.subject,
		.text = issue->mail.text,
		.html = issue->mail.html,
		.message_id = token,
	};
}

/* apply - the one call; delivery->to_sign is what has to be signed before it */
static enum rc
apply(struct delivery *delivery, const char *facts, const char *minted)
{
	const char *const params[] = {
		delivery->id,
		delivery->event.resource,
		delivery->event.order,
		delivery->problem,
		facts,
		minted,
	};
	struct gumroad_result *result = delivery->result;
	struct arena *arena = delivery->arena;
	struct db_result *row;
	enum rc rc;

	rc = db_run(delivery->books->db, sql_gumroad_apply, params, &row);
	if (rc != RC_OK)
		return rc;
	delivery->to_sign = keep(arena, row, "to_sign");
	result->status = keep(arena, row, "status");
	result->license_key = keep(arena, row, "license_key");
	result->email_id = keep(arena, row, "email_id");
	result->problem = keep(arena, row, "problem");
	new_mail(delivery, keep(arena, row, "email_token"));
	db_result_free(row);
	return delivery->to_sign != NULL || result->status != NULL ? RC_OK :
								     RC_BUSY;
}

/* apply_signed - decide first, then sign what that takes, then write */
static enum rc
apply_signed(struct delivery *delivery)
{
	const char *facts = as_text(
	    delivery->arena, gumroad_facts_json(&delivery->event));
	enum rc rc = apply(delivery, facts, NULL);

	for (int i = 0; i < SIGNINGS_MAX; i++) {
		if (rc != RC_OK || delivery->to_sign == NULL)
			return rc;
		const char *minted = mint(delivery, &rc);

		if (rc == RC_OK)
			rc = apply(delivery, facts, minted);
	}
	return rc == RC_OK && delivery->to_sign != NULL ? RC_BUSY : rc;
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
	delivery->result->problem = "the database refused it";
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
	if (rc != RC_OK)
		return rc;
	rc = apply_signed(&delivery);
	if (rc == RC_BAD_REQUEST)
		rc = fail(&delivery);
	result->resource = delivery.event.resource;
	result->order = delivery.event.order;
	if (rc == RC_OK && strcmp(result->status, NO_MINT) != 0)
		result->problem = NULL;
	else if (rc == RC_OK && result->problem == NULL)
		result->problem = "see the audit row";
	return rc;
}
