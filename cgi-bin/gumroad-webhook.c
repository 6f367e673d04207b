/*
 * gumroad-webhook - turn Gumroad's sales into licences that arrive.
 *
 *   POST /webhooks/gumroad?secret=…
 *     200 {"status":…,"license_key":…}   recorded, whatever it is
 *     404 not_found                      the secret is wrong or missing
 *     503 unavailable                    nothing recorded: Gumroad tries again
 *
 * A delivery goes: secret -> audit row, committed by itself -> facts from the
 * form -> a call to the database, which finds the tier in the catalog and says
 * what has to be signed -> key, blob and mail made ready -> another call, which
 * mints, queues the mail and writes the audit row's result in one transaction ->
 * an attempt to send the mail, as far as there is time -> reply.
 *
 * Gumroad gives up after 5 s and then never tries again, so all of it ends
 * within BUDGET_MS; nginx's limits on the location fit in with that.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/form.h"
#include "licence/gumroad.h"
#include "licence/gumroad_state.h"
#include "command/gumroad_tools.h"
#include "licence/issue.h"
#include "base/log.h"
#include "mail/mailer.h"
#include "mail/outbox.h"
#include "command/prune.h"
#include "base/secret.h"
#include "program/serve.h"
#include "program/stats.h"

#define BUDGET_MS 2800	   /* from nginx to the reply */
#define DB_TIMEOUT_MS 1200 /* for each of its calls */
#define MAIL_MAX_MS 2000   /* for the first attempt to send */
#define MAIL_MIN_MS 200	   /* less is not worth an attempt */
#define MARK_MS 200	   /* kept for what follows the attempt */
#define LEASE_S 5	   /* outlasts the attempt and its mark */
#define SICK_MS 1000	   /* a provider that takes so long to fail … */
#define REST_MS 30000	   /* … is left to the outbox for that long */

DB_STATEMENT(any_product, 0,
    "SELECT EXISTS (SELECT FROM billing.gumroad_products) AS has");

static const struct db_statement *const own_statements[] = {
	&sql_any_product.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	gumroad_books_statements,
	gumroad_tools_statements,
	outbox_statements,
	prune_gumroad_statements,
	NULL,
};

/* waited_ms - how long the request waited for this worker, by nginx's clock */
static long
waited_ms(const struct request *request)
{
	const char *began = request_param(request, "REQUEST_MSEC");
	long seconds, ms, waited;

	if (began == NULL || sscanf(began, "%ld.%3ld", &seconds, &ms) != 2)
		return 0;
	waited = clock_wall_ms() - (seconds * 1000 + ms);
	return waited > 0 ? waited : 0;
}

/* admits - whether the query has one of the secrets */
static bool
admits(struct service *service, struct request *request)
{
	const struct gumroad_state *state = service->state;
	const char *query = request_param(request, "QUERY_STRING");
	const struct form_field *given;
	struct form *form;

	if (state->secrets == NULL || query == NULL ||
	    form_parse(request_arena(request), query, strlen(query), &form) !=
		RC_OK ||
	    (given = form_next(form, "secret", NULL)) == NULL)
		return false;
	return secrets_match(state->secrets, given->value, given->value_len);
}

/*
 * send_now - the first attempt, within left_ms. A provider that hangs would
 * hold up every sale behind this one, so it is then left alone for a while.
 */
static enum mail_verdict
send_now(struct service *service, struct request *request,
    struct gumroad_result *result, long left_ms)
{
	struct gumroad_state *state = service->state;
	int64_t began_ms = clock_monotonic_ms();
	enum mail_verdict verdict;

	left_ms -= MARK_MS;
	if (left_ms > MAIL_MAX_MS)
		left_ms = MAIL_MAX_MS;
	if (left_ms < MAIL_MIN_MS || began_ms < state->rest_until_ms)
		left_ms = 0;
	verdict = outbox_send(service->db, request_arena(request),
	    state->mailer, result->email_id, &result->mail, left_ms);
	if ((verdict == MAIL_LATER || verdict == MAIL_UNKNOWN) &&
	    clock_monotonic_ms() - began_ms >= SICK_MS)
		state->rest_until_ms = clock_monotonic_ms() + REST_MS;
	request_log(request, "mail", mail_verdict_name(verdict));
	return verdict;
}

/* reply - the status, and what belongs to it */
static enum rc
reply(struct request *request, const struct gumroad_result *result,
    const char *status)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "status", json_object_new_string(status));
	if (result->license_key != NULL)
		json_object_object_add(body, "license_key",
		    json_object_new_string(result->license_key));
	if (result->problem != NULL)
		json_object_object_add(
		    body, "reason", json_object_new_string(result->problem));
	request_log(request, "outcome", status);
	return request_reply(request, 200, body);
}

/* count - a delivery, by the words of our own tables alone */
static void
count(const char *resource, const char *status)
{
	const char *known = resource != NULL ? gumroad_resource(resource) :
					       NULL;

	stats_event("gumroad", known != NULL ? known : "other", status);
}

/* post_delivery - POST /webhooks/gumroad */
static enum rc
post_delivery(struct service *service, struct request *request)
{
	struct gumroad_books desk = gumroad_state_books(service, LEASE_S);
	int64_t began_ms = clock_monotonic_ms() - waited_ms(request);
	struct arena *arena = request_arena(request);
	struct gumroad_result result;
	const char *body, *id, *status;
	enum mail_verdict verdict;
	int64_t left_ms;
	size_t body_len;
	enum rc rc;

	body = request_body(request, &body_len);
	rc = gumroad_books_receive(service->db, arena, body, body_len, &id);
	if (rc != RC_OK)
		return rc;
	request_log(request, "delivery", id);
	rc = gumroad_books_apply(&desk, arena, id, body, body_len, &result);
	if (rc != RC_OK) {
		log_message("warn", "delivery %s: recorded, not applied: %s",
		    id, db_error(service->db));
		count(result.resource, "unavailable");
		return rc;
	}
	request_log(request, "resource", result.resource);
	status = result.status;
	if (result.email_id != NULL) {
		left_ms = BUDGET_MS - (clock_monotonic_ms() - began_ms);
		verdict = send_now(service, request, &result, left_ms);
		if (verdict != MAIL_SENT && strcmp(status, "ok") == 0)
			status = "minted-email-failed";
	}
	count(result.resource, status);
	return reply(request, &result, status);
}

/* setup - secrets, key and templates, provider */
static enum rc
setup(struct service *service, const char **problem)
{
	const char *secrets = config_string(
	    service->config, GUMROAD_WEBHOOK_SECRET);
	struct gumroad_state *state = arena_alloc(
	    service->arena, sizeof *state);
	enum rc rc;

	*problem = "out of memory";
	if (state == NULL)
		return RC_INTERNAL;
	service->state = state;
	if (secrets != NULL &&
	    (state->secrets = secrets_new(service->arena, secrets)) == NULL)
		return RC_INTERNAL;
	rc = issuer_new(
	    service->arena, service->config, &state->issuer, problem);
	if (rc == RC_OK)
		rc = mailer_new(
		    service->arena, service->config, &state->mailer, problem);
	if (rc == RC_OK && secrets != NULL &&
	    issuer_signer(state->issuer) == NULL) {
		*problem = "LICENSE_SIGNING_KEY is not set: a sale needs a key "
			   "to sign its licence, see license keygen";
		rc = RC_BAD_REQUEST;
	}
	return rc;
}

/* examine_catalog - whether a sale can be one of a product */
static void
examine_catalog(struct service *service, struct doctor *doctor)
{
	struct db_result *result;

	if (service->db == NULL ||
	    db_run_bare(service->db, sql_any_product, &result) != RC_OK)
		return; /* why is said of the database already */
	if (!db_result_true(result, 0, "has"))
		doctor_problem(doctor, "catalog",
		    "Put the products under gumroad and apply it: paydesk "
		    "catalog apply FILE.",
		    "it has no product of Gumroad: no sale gets a licence");
	db_result_free(result);
}

/* examine - for check: what a sale needs until its licence arrives */
static void
examine(struct service *service, struct doctor *doctor)
{
	const struct gumroad_state *state = service->state;

	gumroad_tools_examine(service, doctor);
	if (state->secrets == NULL)
		doctor_problem(doctor, "GUMROAD_WEBHOOK_SECRET",
		    "Set GUMROAD_WEBHOOK_SECRET to the secret in the address "
		    "that Gumroad pings.",
		    "not set: every delivery is answered 404");
	examine_catalog(service, doctor);
	issuer_examine(state->issuer, service->arena, doctor);
	mailer_examine(state->mailer, service->arena, doctor);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = {
		DATABASE_URL,
		GUMROAD_WEBHOOK_SECRET,
		LICENSE_SIGNING_KEY,
		LICENSE_PREFIX,
		LICENSE_BLOB_PREFIX,
		EMAIL_FROM,
		MAIL_TEMPLATES,
		POSTMARK_TOKEN,
		POSTMARK_API_BASE,
		SMTP_URL,
		SMTP_CA_FILE,
		PAYLOAD_KEEP_DAYS,
		STATS_DIR,
		SETTING_END,
	};
	static const struct route routes[] = {
		{ "POST", "/webhooks/gumroad", BODY_MAX_WEBHOOK,
		    post_delivery },
		{ NULL, NULL, 0, NULL },
	};
	static const struct command *const commands[] = {
		&gumroad_tools_replay_command,
		&gumroad_tools_deliver_command,
		&prune_gumroad_command,
		NULL,
	};
	static const struct program program = {
		.name = "gumroad-webhook",
		.summary = "turn Gumroad's sales into licences that arrive",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.commands = commands,
		.db_timeout_ms = DB_TIMEOUT_MS,
		.admits = admits,
		.setup = setup,
		.examine = examine,
	};

	return program_main(&program, argc, argv);
}
