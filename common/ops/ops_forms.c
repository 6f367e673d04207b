#include "ops/ops_forms.h"

#include "ops/ops_page.h"

DB_STATEMENT(ops_plans, 0, "SELECT billing.ops_plans()");
DB_STATEMENT(ops_grants, 1,
    "SELECT id, plan, to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD'),"
    " seats, reason, granted_by FROM billing.ops_grants($1)");

const struct db_statement *const ops_forms_statements[] = {
	&sql_ops_plans.is,
	&sql_ops_grants.is,
	NULL,
};

/* The forms of one page in the making. */
struct forms {
	struct db *db;
	struct arena *arena;
	struct html *html;
	const struct ops_subject *subject;
	const char *token;
};

/* begin - a form, with what goes without saying */
static void
begin(struct html *html, const char *action, const char *token)
{
	html_open(html, "form", "method", "post", "action", action, "class",
	    "decide", NULL);
	ops_page_hidden(html, "token", token);
}

/* end - with its button; about is for those who hear it alone */
static void
end(struct html *html, const char *button, const char *about)
{
	html_open(html, "button", "type", "submit", NULL);
	html_text(html, button);
	html_open(html, "span", "class", "hidden", NULL);
	html_textf(html, " %s", about);
	html_close(html, "span");
	html_close(html, "button");
	html_close(html, "form");
}

/* input - a text or a number, in its label */
static void
input(struct html *html, const char *label, const char *name, const char *type,
    bool required)
{
	html_open(html, "label", NULL);
	html_leaf(html, "span", label, NULL);
	html_open(html, "input", "name", name, "type", type, "maxlength", "255",
	    "required", required ? "required" : NULL, "autocomplete", "off",
	    NULL);
	html_close(html, "label");
}

/* add_plans - a choice of those that the catalog has */
static enum rc
add_plans(const struct forms *forms)
{
	struct html *html = forms->html;
	struct db_result *plans;
	enum rc rc = db_run_bare(forms->db, sql_ops_plans, &plans);

	if (rc != RC_OK)
		return rc;
	html_open(html, "label", NULL);
	html_leaf(html, "span", "Plan", NULL);
	html_open(html, "select", "name", "plan", NULL);
	for (int i = 0; i < db_result_rows(plans); i++)
		html_leaf(html, "option", db_result_text(plans, i, 0), "value",
		    db_result_text(plans, i, 0), NULL);
	if (db_result_rows(plans) == 0)
		html_leaf(html, "option", "default", "value", "", NULL);
	html_close(html, "select");
	html_close(html, "label");
	db_result_free(plans);
	return RC_OK;
}

/* add_grant - the form that gives a plan */
static enum rc
add_grant(const struct forms *forms)
{
	enum rc rc;

	begin(forms->html, "/ops/grant", forms->token);
	ops_page_hidden(forms->html, "account", forms->subject->external_id);
	ops_page_hidden(forms->html, "back", forms->subject->query);
	rc = add_plans(forms);
	input(forms->html, "Days, none: until taken back", "days", "number",
	    false);
	input(forms->html, "Reason", "reason", "text", true);
	end(forms->html, "Grant", "the plan");
	return rc;
}

/* add_credit - the form that gives days */
static void
add_credit(const struct forms *forms)
{
	begin(forms->html, "/ops/credit", forms->token);
	ops_page_hidden(forms->html, "account", forms->subject->external_id);
	ops_page_hidden(forms->html, "back", forms->subject->query);
	input(forms->html, "Days of credit, below 0: taken back", "days",
	    "number", true);
	input(forms->html, "Reason", "reason", "text", true);
	end(forms->html, "Credit", "these days");
}

/* add_grants - what holds, each with the button that takes it back */
static enum rc
add_grants(const struct forms *forms)
{
	const char *const params[] = { forms->subject->account };
	struct html *html = forms->html;
	struct db_result *grants;
	enum rc rc = db_run(forms->db, sql_ops_grants, params, &grants);

	if (rc != RC_OK)
		return rc;
	for (int i = 0; i < db_result_rows(grants); i++) {
		const char *until = db_result_text(grants, i, 2);

		begin(html, "/ops/revoke-grant", forms->token);
		ops_page_hidden(html, "grant", db_result_text(grants, i, 0));
		ops_page_hidden(html, "back", forms->subject->query);
		html_open(html, "p", NULL);
		html_textf(html, "Grant %s: %s%s%s. %s: %s",
		    db_result_text(grants, i, 0),
		    db_result_text(grants, i, 1) != NULL ?
			db_result_text(grants, i, 1) :
			"the default plan",
		    until != NULL ? " until " : "", until != NULL ? until : "",
		    db_result_text(grants, i, 5), db_result_text(grants, i, 4));
		html_close(html, "p");
		end(html, "Take back",
		    arena_printf(forms->arena, "grant %s",
			db_result_text(grants, i, 0)));
	}
	db_result_free(grants);
	return RC_OK;
}

/* ops_forms_link - the account is asked for */
void
ops_forms_link(struct html *html, const char *customer, const char *token)
{
	begin(html, "/ops/link", token);
	ops_page_hidden(html, "customer", customer);
	input(html, "Account's id", "account", "text", true);
	end(html, "Link", customer);
}

/* ops_forms_move - the same form again, and yes */
void
ops_forms_move(struct html *html, const char *customer, const char *account,
    const char *token)
{
	begin(html, "/ops/link", token);
	ops_page_hidden(html, "customer", customer);
	ops_page_hidden(html, "account", account);
	ops_page_hidden(html, "move", "yes");
	end(html, "Move", customer);
}

/* add_customer - another customer for the account, or none */
static void
add_customer(const struct forms *forms)
{
	const char *customer = forms->subject->customer;
	struct html *html = forms->html;

	if (forms->subject->external_id != NULL) {
		begin(html, "/ops/link", forms->token);
		ops_page_hidden(html, "account", forms->subject->external_id);
		input(html, "Customer of Stripe's (cus_…)", "customer", "text",
		    true);
		end(html, "Link", "to this account");
	} else if (customer != NULL)
		ops_forms_link(html, customer, forms->token);
	if (customer == NULL || forms->subject->external_id == NULL)
		return;
	begin(html, "/ops/unlink", forms->token);
	ops_page_hidden(html, "customer", customer);
	html_open(html, "label", NULL);
	html_open(html, "input", "type", "checkbox", "name", "sure", "value",
	    "yes", "required", "required", NULL);
	html_leaf(html, "span",
	    "This customer is not theirs: access that it pays for ends", NULL);
	html_close(html, "label");
	ops_page_hidden(html, "back", forms->subject->external_id);
	end(html, "Unlink", customer);
}

/* ops_forms_add - for an account all, for a customer alone the link */
enum rc
ops_forms_add(struct db *db, struct arena *arena, struct html *html,
    const struct ops_subject *subject, const char *token)
{
	struct forms forms = { db, arena, html, subject, token };
	enum rc rc = RC_OK;

	if (subject->external_id == NULL && subject->customer == NULL)
		return RC_OK;
	html_open(html, "section", "class", "card", NULL);
	html_leaf(html, "h2", "Decide", NULL);
	if (subject->external_id != NULL) {
		rc = add_grants(&forms);
		if (rc == RC_OK)
			rc = add_grant(&forms);
		add_credit(&forms);
	}
	add_customer(&forms);
	html_close(html, "section");
	return rc;
}
