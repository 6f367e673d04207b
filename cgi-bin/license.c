/*
 * license - say whether a licence is good, and mail it again.
 *
 *   POST /license/verify {"license_key":…} or {"blob":…}
 *     200 {"valid":…,"status":"active"|"revoked"|"unknown",…}
 *   POST /license/resend {"email":…}
 *     202 {"accepted":true}   whether or not the address ever bought
 *     400 invalid_request
 *     503 unavailable
 *
 * The commands that change licences are for the operator and want the schema
 * owner's DATABASE_URL: this program's own role cannot.
 */
#include <string.h>

#include "licence/issue.h"
#include "base/json.h"
#include "licence/license.h"
#include "command/license_tools.h"
#include "mail/mail_text.h"
#include "program/checkup.h"
#include "program/serve.h"

DB_STATEMENT(verify, 2,
    "SELECT l.license_key, l.tier, l.status, l.product_id, l.test,"
    " to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS issued,"
    " k.public_key"
    " FROM (SELECT) one LEFT JOIN billing.licenses l"
    " ON l.license_key = $1"
    " LEFT JOIN billing.license_keys k ON k.key_id = $2");
DB_STATEMENT(resend, 1,
    "SELECT id, license_key, tier, product_id, email, name,"
    " product_name, blob FROM billing.license_resend($1)");
DB_STATEMENT(mail, 4, "SELECT billing.license_mail($1, $2, $3, $4)");

static const struct db_statement *const own_statements[] = {
	&sql_verify.is,
	&sql_resend.is,
	&sql_mail.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	license_tools_statements,
	NULL,
};

/* add - a string member, unless it is NULL */
static void
add(json_object *object, const char *name, const char *value)
{
	if (value != NULL)
		json_object_object_add(
		    object, name, json_object_new_string(value));
}

/* reply_unknown - nothing is said about what never was a licence */
static enum rc
reply_unknown(struct request *request)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "valid", json_object_new_boolean(false));
	add(body, "status", "unknown");
	request_log(request, "outcome", "unknown");
	return request_reply(request, 200, body);
}

/* reply_facts - of the licence in the first row */
static enum rc
reply_facts(struct request *request, const struct db_result *row)
{
	const char *status = db_result_named(row, 0, "status");
	json_object *body = json_object_new_object();

	json_object_object_add(body, "valid",
	    json_object_new_boolean(strcmp(status, "active") == 0));
	add(body, "status", status);
	add(body, "license_key", db_result_named(row, 0, "license_key"));
	add(body, "tier", db_result_named(row, 0, "tier"));
	add(body, "product", db_result_named(row, 0, "product_id"));
	json_object_object_add(body, "test",
	    json_object_new_boolean(db_result_true(row, 0, "test")));
	add(body, "issued", db_result_named(row, 0, "issued"));
	request_log(request, "outcome",
	    strcmp(status, "active") == 0 ? "active" : "revoked");
	return request_reply(request, 200, body);
}

/* read_object - the body; RC_BAD_REQUEST after an error reply */
static enum rc
read_object(struct request *request, json_object **object)
{
	const char *body;
	size_t len;

	body = request_body(request, &len);
	if (json_parse(request_arena(request), body, len, object) == RC_OK &&
	    json_object_is_type(*object, json_type_object))
		return RC_OK;
	return request_fail(request, RC_BAD_REQUEST, "invalid_request",
	    "The body must be a JSON object.");
}

/* post_verify - POST /license/verify */
static enum rc
post_verify(struct service *service, struct request *request)
{
	struct arena *arena = request_arena(request);
	const char *key, *text, *public_key, *params[2] = { NULL, NULL };
	struct license_blob blob;
	struct db_result *row;
	json_object *object;
	enum rc rc, has_key, has_blob;

	rc = read_object(request, &object);
	if (rc != RC_OK)
		return rc;
	has_key = json_string(object, "license_key", &key);
	has_blob = json_string_max(object, "blob", LICENSE_BLOB_MAX, &text);
	if ((has_key == RC_OK) == (has_blob == RC_OK) ||
	    has_key == RC_BAD_REQUEST || has_blob == RC_BAD_REQUEST)
		return request_fail(request, RC_BAD_REQUEST, "invalid_request",
		    "Give either license_key or blob, as a string.");
	if (has_blob == RC_OK) {
		if (license_open(arena,
			config_string(service->config, LICENSE_BLOB_PREFIX),
			text, &blob) != RC_OK)
			return reply_unknown(request);
		key = blob.facts.key;
		params[1] = blob.facts.kid;
	}
	params[0] = license_normal_key(arena, key);
	if (params[0] == NULL)
		return reply_unknown(request);
	rc = db_run(service->db, sql_verify, params, &row);
	if (rc != RC_OK)
		return rc;
	public_key = db_result_named(row, 0, "public_key");
	if (db_result_named(row, 0, "license_key") == NULL ||
	    (has_blob == RC_OK &&
		(public_key == NULL ||
		    license_verify(arena, &blob, public_key) != RC_OK)))
		rc = reply_unknown(request);
	else
		rc = reply_facts(request, row);
	db_result_free(row);
	return rc;
}

/* A request to mail licences again. */
struct resend {
	const struct license_state *state;
	struct arena *arena;
	const char *email;
};

/* mail_one - queue the mail of one licence of a result */
static enum rc
mail_one(struct db *db, const struct resend *resend,
    const struct db_result *rows, int row)
{
	struct issue issue = {
		.key = db_result_named(rows, row, "license_key"),
		.tier = db_result_named(rows, row, "tier"),
		.product = db_result_named(rows, row, "product_id"),
		.email = db_result_named(rows, row, "email"),
		.name = db_result_named(rows, row, "name"),
		.product_name = db_result_named(rows, row, "product_name"),
		.blob = db_result_named(rows, row, "blob"),
	};
	const char *params[4] = { db_result_named(rows, row, "id") };
	enum rc rc;

	rc = issue_mail(resend->state->issuer, resend->arena, &issue);
	if (rc != RC_OK)
		return rc;
	params[1] = issue.mail.subject;
	params[2] = issue.mail.text;
	params[3] = issue.mail.html;
	return db_run(db, sql_mail, params, NULL);
}

/* queue_all - as the work of one transaction */
static enum rc
queue_all(struct db *db, void *context)
{
	const struct resend *resend = context;
	const char *const params[] = { resend->email };
	struct db_result *rows;
	enum rc rc;

	rc = db_run(db, sql_resend, params, &rows);
	for (int i = 0; rc == RC_OK && i < db_result_rows(rows); i++)
		rc = mail_one(db, resend, rows, i);
	db_result_free(rows);
	return rc;
}

/* post_resend - POST /license/resend */
static enum rc
post_resend(struct service *service, struct request *request)
{
	struct resend resend = { service->state, request_arena(request), NULL };
	json_object *object, *body;
	enum rc rc;

	rc = read_object(request, &object);
	if (rc != RC_OK)
		return rc;
	if (json_string(object, "email", &resend.email) != RC_OK ||
	    !mail_address_valid(resend.email))
		return request_fail(request, RC_BAD_REQUEST, "invalid_request",
		    "email must be an e-mail address.");
	rc = db_transaction(service->db, queue_all, &resend);
	if (rc != RC_OK)
		return rc;
	body = json_object_new_object();
	json_object_object_add(body, "accepted", json_object_new_boolean(true));
	return request_reply(request, 202, body);
}

/* writes_mail - whether what is to be done needs the words of mails */
static bool
writes_mail(const struct service *service)
{
	return service->command == NULL ||
	    service->command == &checkup_command ||
	    service->command == &license_tools_resend_command;
}

/* setup - templates, without which keys can be made and licences verified */
static enum rc
setup(struct service *service, const char **problem)
{
	struct license_state *state = arena_alloc(
	    service->arena, sizeof *state);

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	if (!writes_mail(service))
		return RC_OK;
	return issuer_new(
	    service->arena, service->config, &state->issuer, problem);
}

/* examine - for check: the words of mails */
static void
examine(struct service *service, struct doctor *doctor)
{
	const struct license_state *state = service->state;

	issuer_examine(state->issuer, service->arena, doctor);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL,
		LICENSE_BLOB_PREFIX, MAIL_TEMPLATES, STATS_DIR, SETTING_END };
	static const struct route routes[] = {
		{ "POST", "/license/verify", BODY_MAX, post_verify },
		{ "POST", "/license/resend", BODY_MAX, post_resend },
		{ NULL, NULL, 0, NULL },
	};
	static const struct command *const commands[] = {
		&license_tools_keygen_command,
		&license_tools_verify_command,
		&license_tools_show_command,
		&license_tools_revoke_command,
		&license_tools_restore_command,
		&license_tools_resend_command,
		NULL,
	};
	static const struct program program = {
		.name = "license",
		.summary = "say whether a licence is good, and mail it again",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.setup = setup,
		.examine = examine,
	};

	return program_main(&program, argc, argv);
}
