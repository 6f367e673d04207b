#include "ops/ops_decide.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops_forms.h"
#include "ops/ops_page.h"

DB_STATEMENT(ops_grant, 5,
    "SELECT problem FROM billing.account_grant($1, nullif($2, ''),"
    " now() + make_interval(days => $3), NULL, $4, $5)");
DB_STATEMENT(ops_revoke, 2,
    "SELECT CASE WHEN NOT billing.grant_revoke($1, $2)"
    " THEN 'there is no such grant, or it was taken back' END");
DB_STATEMENT(ops_credit, 4,
    "SELECT problem FROM billing.account_credit($1, $2, $3, $4)");
DB_STATEMENT(ops_unlink, 2,
    "SELECT CASE result WHEN 'nobody' THEN 'nobody has that customer' END"
    " FROM billing.stripe_unlink($1, $2)");
DB_STATEMENT(ops_link, 4,
    "SELECT result, about FROM billing.stripe_link($1, $2, $3, $4)");

const struct db_statement *const ops_decide_statements[] = {
	&sql_ops_grant.is,
	&sql_ops_revoke.is,
	&sql_ops_credit.is,
	&sql_ops_unlink.is,
	&sql_ops_link.is,
	NULL,
};

#define FIELDS_MAX 4

/* A field of a form; one with a max is a whole number from min on. */
struct field {
	const char *name, *label;
	bool optional;
	long min, max;
};

/* What a form asks for: its fields, then the person, are the parameters. */
struct decision {
	const struct db_statement *statement;
	const char *undone; /* the title when it cannot be done */
	struct field fields[FIELDS_MAX + 1]; /* ends with a NULL name */
};

/* is_number - of the field's range */
static bool
is_number(const struct field *field, const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	return end != text && *end == '\0' && errno == 0 &&
	    number >= field->min && number <= field->max;
}

/* read_fields - to params; false after the reply that says which is wrong */
static bool
read_fields(struct request *request, const struct form *form,
    const struct field *fields, const char **params)
{
	for (int i = 0; fields[i].name != NULL; i++) {
		const struct field *field = &fields[i];
		enum rc rc = form_text(
		    form_next(form, field->name, NULL), &params[i]);

		if (rc == RC_NOT_FOUND && field->optional)
			params[i] = NULL;
		else if (rc != RC_OK ||
		    (field->max != 0 && !is_number(field, params[i]))) {
			ops_page_fail(request, 400, RC_BAD_REQUEST,
			    "This does not do",
			    arena_printf(request_arena(request),
				"Nothing was changed: %s is missing, or not "
				"what it can be.",
				field->label));
			return false;
		}
	}
	return true;
}

/* back - to the customer whom the field back names, else word */
static enum rc
back(struct request *request, const struct form *form, const char *word)
{
	const char *named;

	if (form_text(form_next(form, "back", NULL), &named) == RC_OK)
		word = named;
	request_header(request, "Location",
	    html_link(request_arena(request), "/ops/customer", "q", word));
	return request_reply_empty(request, 303);
}

/* decide - what a form asks for */
static enum rc
decide(struct service *service, struct request *request,
    const struct decision *decision)
{
	const char *params[FIELDS_MAX + 1], *person, *problem;
	const struct form *form = ops_page_form(service, request, &person);
	struct db_result *result;
	size_t count = 0;
	enum rc rc;

	if (form == NULL ||
	    !read_fields(request, form, decision->fields, params))
		return RC_BAD_REQUEST;
	while (decision->fields[count].name != NULL)
		count++;
	params[count] = person;
	rc = db_run_any(
	    service->db, decision->statement, count + 1, params, &result);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	problem = db_result_text(result, 0, 0);
	if (problem != NULL)
		rc = ops_page_fail(request, 409, RC_BAD_REQUEST,
		    decision->undone,
		    arena_printf(request_arena(request),
			"Nothing was changed: %s.", problem));
	else
		rc = back(request, form, params[0]);
	db_result_free(result);
	return rc;
}

#define ACCOUNT \
	{ \
		.name = "account", .label = "the account" \
	}
#define REASON \
	{ \
		.name = "reason", .label = "the reason" \
	}

/* ops_decide_grant - POST /ops/grant */
enum rc
ops_decide_grant(struct service *service, struct request *request)
{
	static const struct decision decision = { &sql_ops_grant.is,
		"Not granted",
		{ ACCOUNT,
		    { .name = "plan", .label = "the plan", .optional = true },
		    { .name = "days",
			.label = "the number of days",
			.optional = true,
			.min = 1,
			.max = OPS_DAYS_MAX },
		    REASON, { .name = NULL } } };

	return decide(service, request, &decision);
}

/* ops_decide_revoke - POST /ops/revoke-grant */
enum rc
ops_decide_revoke(struct service *service, struct request *request)
{
	static const struct decision decision = { &sql_ops_revoke.is,
		"Not taken back",
		{ { .name = "grant",
		      .label = "the grant",
		      .min = 1,
		      .max = LONG_MAX },
		    { .name = NULL } } };

	return decide(service, request, &decision);
}

/* ops_decide_credit - POST /ops/credit */
enum rc
ops_decide_credit(struct service *service, struct request *request)
{
	static const struct decision decision = { &sql_ops_credit.is,
		"No credit given",
		{ ACCOUNT,
		    { .name = "days",
			.label = "the number of days",
			.min = -OPS_DAYS_MAX,
			.max = OPS_DAYS_MAX },
		    REASON, { .name = NULL } } };

	return decide(service, request, &decision);
}

/* ops_decide_unlink - POST /ops/unlink */
enum rc
ops_decide_unlink(struct service *service, struct request *request)
{
	static const struct decision decision = { &sql_ops_unlink.is,
		"Not unlinked",
		{ { .name = "customer", .label = "the customer" },
		    { .name = NULL } } };

	return decide(service, request, &decision);
}

/* not_linked - why, or the question whether it is meant */
static enum rc
not_linked(struct service *service, struct request *request,
    const char *const *params, const struct db_result *row)
{
	const char *result = db_result_text(row, 0, 0), *token, *detail;
	struct html *html;
	enum rc rc;

	if (strcmp(result, "moves") != 0) {
		detail = strcmp(result, "no_account") == 0 ?
		    "Nothing was changed: there is no account with that id." :
		    "Nothing was changed: that customer was deleted at Stripe.";
		return ops_page_fail(
		    request, 409, RC_BAD_REQUEST, "Not linked", detail);
	}
	rc = ops_page_token(service, request, &token);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	html = ops_page_begin(request, "Move it?", "");
	html_leaf(html, "p",
	    arena_printf(request_arena(request),
		"Nothing was changed yet. Account %s would get customer %s %s.",
		params[1], params[0], db_result_text(row, 0, 1)),
	    "class", "notice", NULL);
	ops_forms_move(html, params[0], params[1], token);
	html_leaf(html, "a", "Back to the overview", "href", "/ops", NULL);
	return ops_page_end(request, html, 409);
}

/* ops_decide_link - POST /ops/link */
enum rc
ops_decide_link(
    struct service *service, struct request *request, const char **customer)
{
	static const struct field fields[] = {
		{ .name = "customer", .label = "the customer" },
		ACCOUNT,
		{ .name = NULL },
	};
	const char *params[4], *person;
	const struct form *form = ops_page_form(service, request, &person);
	struct db_result *row;
	enum rc rc;

	*customer = NULL;
	if (form == NULL || !read_fields(request, form, fields, params))
		return RC_BAD_REQUEST;
	params[2] = form_next(form, "move", NULL) != NULL ? "true" : "false";
	params[3] = person;
	rc = db_run(service->db, sql_ops_link, params, &row);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	if (strcmp(db_result_text(row, 0, 0), "linked") != 0)
		rc = not_linked(service, request, params, row);
	else {
		*customer = params[0];
		rc = back(request, form, params[1]);
	}
	db_result_free(row);
	return rc;
}
