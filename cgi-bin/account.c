/*
 * account - what may this account use right now?
 *
 *   GET /account
 *     200 access, until, reason, plan, features …   with an ETag
 *     304                                           the client has that answer
 *   GET /account?feature=NAME
 *     204                                           it is included
 *     403 not_included                              400 invalid_feature
 *   GET /plans
 *     200 what is sold                              of nobody's in particular
 *     404 user_not_found                            no such account
 *   POST /account/referral {"code":…}
 *     200 {"captured":true}                         once, before the first payment
 *     400 invalid_code, own_code, same_address      404 unknown_code, user_not_found
 *     409 already_captured, already_paid, mutual_referral
 *   and 401 unauthorized from both, 415 from the second
 *
 * The policy is the view billing.access in sql/; the answer costs one round
 * trip to PostgreSQL and no call to Stripe.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/caller.h"
#include "base/form.h"
#include "base/json.h"
#include "command/catalog_tools.h"
#include "command/grants.h"
#include "command/privacy.h"
#include "program/serve.h"

#define CODE_MAX 64   /* bytes */
#define TOKEN_DAYS 30 /* a token lives, when nobody says */
#define TOKEN_DAYS_MAX (10 * 365L)

struct state {
	struct caller_rules callers;
};

DB_STATEMENT(account_show, 4, "SELECT billing.account_show($1, $2, $3, $4)");
DB_STATEMENT(
    account_refer, 5, "SELECT billing.account_refer($1, $2, $3, $4, $5)");

DB_STATEMENT(account_has, 5, "SELECT billing.account_has($1, $2, $3, $4, $5)");
DB_STATEMENT(plans_show, 0, "SELECT billing.plans_show()");
DB_STATEMENT(catalog_findings, 0,
    "SELECT finding, advice FROM billing.catalog_findings()");

static const struct db_statement *const own_statements[] = {
	&sql_account_show.is,
	&sql_account_has.is,
	&sql_plans_show.is,
	&sql_catalog_findings.is,
	&sql_account_refer.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	catalog_statements,
	grants_statements,
	privacy_statements,
	NULL,
};

/* find - the document of an account; RC_NOT_FOUND: there is none */
static enum rc
find(struct service *service, struct arena *arena, const struct caller *caller,
    json_object **account)
{
	const char *const params[] = { caller->id, caller->email,
		caller_verified(caller), caller->role };
	struct db_result *result;
	const char *document;
	enum rc rc;

	rc = db_run(service->db, sql_account_show, params, &result);
	if (rc != RC_OK)
		return rc;
	document = db_result_text(result, 0, 0);
	rc = document == NULL ?
	    RC_NOT_FOUND :
	    json_parse(arena, document, strlen(document), account);
	db_result_free(result);
	return rc;
}

/* not_found - the caller has no account here */
static enum rc
not_found(struct request *request)
{
	return request_fail(request, RC_NOT_FOUND, "user_not_found",
	    "There is no account for this caller, and no e-mail with which to "
	    "make one.");
}

/*
 * asked_feature - the query's feature; NULL: it asks for none. RC_BAD_REQUEST:
 * the query is no form.
 */
static enum rc
asked_feature(struct request *request, const char **feature)
{
	const char *query = request_param(request, "QUERY_STRING");
	const struct form_field *field;
	struct form *form;

	*feature = NULL;
	if (query == NULL || *query == '\0')
		return RC_OK;
	if (form_parse(request_arena(request), query, strlen(query), &form) !=
	    RC_OK)
		return RC_BAD_REQUEST;
	field = form_next(form, "feature", NULL);
	return field == NULL ? RC_OK : form_text(field, feature);
}

/* has_feature - GET /account?feature=NAME: 204 or 403, for auth_request */
static enum rc
has_feature(struct service *service, struct request *request,
    const struct caller *caller, const char *feature)
{
	const char *const params[] = { caller->id, caller->email,
		caller_verified(caller), caller->role, feature };
	struct db_result *result;
	const char *has;
	bool granted;
	enum rc rc;

	rc = db_run(service->db, sql_account_has, params, &result);
	if (rc != RC_OK)
		return rc;
	has = db_result_text(result, 0, 0);
	granted = has != NULL && *has == 't';
	db_result_free(result);
	if (has == NULL)
		return not_found(request);
	if (!granted)
		return request_fail_status(request, 403, RC_SIGNATURE,
		    "not_included", "The account's plan does not include it.");
	return request_reply_empty(request, 204);
}

/* get_plans - GET /plans: what is sold; nobody has to sign in */
static enum rc
get_plans(struct service *service, struct request *request)
{
	struct db_result *result;
	json_object *plans;
	const char *text;
	enum rc rc;

	rc = db_run_bare(service->db, sql_plans_show, &result);
	if (rc != RC_OK)
		return rc;
	text = db_result_text(result, 0, 0);
	rc = json_parse(request_arena(request), text, strlen(text), &plans);
	db_result_free(result);
	return rc != RC_OK ?
	    rc :
	    request_reply_tagged(request, json_object_get(plans));
}

/* get_account - GET /account */
static enum rc
get_account(struct service *service, struct request *request)
{
	const struct state *state = service->state;
	json_object *account;
	const char *feature;
	struct caller caller;
	enum rc rc;

	rc = caller_identify(&state->callers, request, &caller);
	if (rc != RC_OK)
		return rc;
	if (asked_feature(request, &feature) != RC_OK)
		return request_fail(request, RC_BAD_REQUEST, "invalid_feature",
		    "Name one feature of the catalog: ?feature=NAME.");
	if (feature != NULL)
		return has_feature(service, request, &caller, feature);
	rc = find(service, request_arena(request), &caller, &account);
	if (rc == RC_NOT_FOUND)
		return not_found(request);
	if (rc != RC_OK)
		return rc;
	return request_reply_tagged(request, json_object_get(account));
}

/* reply_captured - by what the database made of a code */
static enum rc
reply_captured(struct request *request, const char *outcome)
{
	static const struct {
		const char *outcome;
		int status;
		const char *detail;
	} refusals[] = {
		{ "unknown_code", 404, "There is no such referral code." },
		{ "own_code", 400, "An account cannot refer itself." },
		{ "same_address", 400,
		    "Both accounts have the same e-mail address." },
		{ "mutual_referral", 409,
		    "That account was referred by this one." },
		{ "already_captured", 409,
		    "A referral is noted for this account already." },
		{ "already_paid", 409,
		    "A referral counts only before the first payment." },
	};
	json_object *body;

	if (outcome == NULL)
		return not_found(request);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		if (strcmp(outcome, refusals[i].outcome) == 0)
			return request_fail_status(request, refusals[i].status,
			    RC_BAD_REQUEST, refusals[i].outcome,
			    refusals[i].detail);
	}
	body = json_object_new_object();
	json_object_object_add(body, "captured", json_object_new_boolean(true));
	request_log(request, "outcome", "captured");
	return request_reply(request, 200, body);
}

/* post_referral - POST /account/referral */
static enum rc
post_referral(struct service *service, struct request *request)
{
	const struct state *state = service->state;
	struct db_result *result;
	struct caller caller;
	json_object *body;
	const char *code;
	enum rc rc;

	rc = caller_identify(&state->callers, request, &caller);
	if (rc == RC_OK)
		rc = request_json(request, false, &body);
	if (rc != RC_OK)
		return rc;
	if (json_string(body, "code", &code) != RC_OK || *code == '\0' ||
	    strlen(code) > CODE_MAX)
		return request_fail(request, RC_BAD_REQUEST, "invalid_code",
		    "Give the referral code as \"code\".");
	const char *const params[] = { caller.id, caller.email,
		caller_verified(&caller), caller.role, code };
	rc = db_run(service->db, sql_account_refer, params, &result);
	if (rc != RC_OK)
		return rc;
	rc = reply_captured(request, db_result_text(result, 0, 0));
	db_result_free(result);
	return rc;
}

/* options - whether pages of another origin may ask */
static enum rc
options(struct service *service, struct request *request)
{
	const struct state *state = service->state;

	return site_preflight(state->callers.site, request);
}

/* setup - keys */
static enum rc
setup(struct service *service, const char **problem)
{
	struct state *state = arena_alloc(service->arena, sizeof *state);

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	return caller_rules_new(
	    service->arena, service->config, &state->callers, problem);
}

/* What the command line asks for. */
static struct {
	const char *email, *role;
	long days;
} asked = { .days = TOKEN_DAYS };

/* show - the command: what GET /account would answer */
static int
show(struct service *service, int count, char **operands)
{
	int status = command_line_connect(service);
	json_object *account;
	enum rc rc;

	(void)count;
	if (status != EXIT_DONE)
		return status;
	rc = find(service, service->arena,
	    &(struct caller){ .id = operands[0] }, &account);
	if (rc == RC_NOT_FOUND)
		return command_line_fail(service, EXIT_FAILED,
		    "there is no account '%s'", operands[0]);
	if (rc != RC_OK)
		return command_line_database(service);
	json_print(account, stdout);
	return EXIT_DONE;
}

/* token - the command: a bearer token, for trying things out */
static int
token(struct service *service, int count, char **operands)
{
	const struct state *state = service->state;
	const char *text;

	(void)count;
	if (bearer_make(state->callers.bearer, service->arena, operands[0],
		asked.email, asked.role, time(NULL) + asked.days * 86400,
		&text) != RC_OK)
		return command_line_fail(service, EXIT_CONFIG,
		    "AUTH_JWT_SECRET is not set, or tokens are not signed with "
		    "HS256 here");
	puts(text);
	return EXIT_DONE;
}

static const struct command show_command = {
	.name = "show",
	.arguments = "ID",
	.help = "what GET /account would answer",
	.operands_min = 1,
	.operands_max = 1,
	.run = show,
};

static const struct option token_options[] = {
	{ .name = "--email", .text = &asked.email },
	{ .name = "--role", .text = &asked.role },
	{ .name = "--days",
	    .number = &asked.days,
	    .min = 1,
	    .max = TOKEN_DAYS_MAX },
	{ .name = NULL },
};

static const struct command token_command = {
	.name = "token",
	.arguments = "[--email E] [--role R] [--days N] ID",
	.help = "print a bearer token, to try things out",
	.options = token_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = token,
};

/* examine_catalog - whether there is one, and what it forgets */
static void
examine_catalog(struct service *service, struct doctor *doctor)
{
	struct db_result *result;

	if (service->db == NULL ||
	    db_run_bare(service->db, sql_catalog_findings, &result) != RC_OK)
		return; /* why is said of the database already */
	for (int i = 0; i < db_result_rows(result); i++)
		doctor_warn(doctor, "catalog",
		    arena_printf(service->arena, "%s",
			db_result_named(result, i, "advice")),
		    "%s", db_result_named(result, i, "finding"));
	if (db_result_rows(result) == 0)
		doctor_ok(doctor, "catalog", "lists all live prices");
	db_result_free(result);
}

/* examine - for check: who may call, what is sold */
static void
examine(struct service *service, struct doctor *doctor)
{
	const struct state *state = service->state;

	caller_examine(&state->callers, doctor);
	examine_catalog(service, doctor);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL, CALLER_SETTINGS,
		STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "GET", "/account", BODY_MAX, get_account },
		{ "GET", "/plans", BODY_MAX, get_plans },
		{ "POST", "/account/referral", BODY_MAX, post_referral },
		{ NULL, NULL, 0, NULL },
	};
	static const struct command *const commands[] = {
		&show_command,
		&token_command,
		&catalog_apply_command,
		&catalog_show_command,
		&catalog_diff_command,
		&make_command,
		&grant_command,
		&revoke_grant_command,
		&credit_command,
		&privacy_export_command,
		&privacy_erase_command,
		NULL,
	};
	static const struct program program = {
		.name = "account",
		.summary = "what may this account use right now?",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.options = options,
		.setup = setup,
		.examine = examine,
	};

	return program_main(&program, argc, argv);
}
