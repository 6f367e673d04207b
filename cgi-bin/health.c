/*
 * health - is the desk well, and what does it do?
 *
 *   GET /healthz
 *     200 {"status":"ok","schema":…}       requests can be served
 *     503 database_unreachable, schema_mismatch
 *   GET /metrics
 *     200 Prometheus text                  also without a database
 *
 * What workers count comes from STATS_DIR, what the books hold from one call to
 * the database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/metrics.h"
#include "program/serve.h"
#include "program/stats.h"

#define DB_TIMEOUT_MS 4000 /* a scrape waits for 10 s */
#define PROGRAMS_MAX 24

DB_STATEMENT(health_schema, 0,
    "SELECT max(version), max(coalesce(compatible_from, version))"
    " FROM billing.schema_version");
DB_STATEMENT(health_facts, 0, "SELECT fact, about, value FROM billing.facts()");

static const struct db_statement *const own_statements[] = {
	&sql_health_schema.is,
	&sql_health_facts.is,
	NULL,
};

static const struct db_statement *const *const statements[] = {
	own_statements,
	NULL,
};

/* What billing.facts() tells, as metrics. */
static const struct {
	const char *fact, *name, *label, *type, *help;
} facts[] = {
	{ "failures_waiting", "paydesk_failures_waiting", "provider", "gauge",
	    "Deliveries that could not be applied and wait for a replay." },
	{ "failures", "paydesk_failures_total", NULL, "counter",
	    "Attempts to apply a delivery that have failed." },
	{ "last_event", "paydesk_last_event_age_seconds", "provider", "gauge",
	    "Time since the last delivery; none when that is unknown." },
	{ "mails", "paydesk_mails", "status", "gauge",
	    "Mails that wait, and those that were given up." },
	{ "mail_oldest", "paydesk_mail_oldest_age_seconds", NULL, "gauge",
	    "Age of the oldest mail that waits, 0 when none does." },
	{ "unmatched", "paydesk_unmatched_subscriptions", NULL, "gauge",
	    "Live subscriptions that belong to no account." },
	{ "unmatched_payers", "paydesk_unmatched_payers", NULL, "gauge",
	    "Those of them that were paid for." },
	{ "disputes", "paydesk_disputes", "state", "gauge",
	    "Disputes of payments for what is sold here." },
	{ "dispute_due", "paydesk_dispute_due_seconds", NULL, "gauge",
	    "Time until the next evidence is due; negative when it is late." },
	{ "suspended", "paydesk_suspended_subscriptions", NULL, "gauge",
	    "Live subscriptions stopped by a refund, dispute or warning." },
	{ "unknown_prices", "paydesk_unknown_prices", "price", "gauge",
	    "Live subscriptions at a price that the catalog does not have." },
	{ "catch_up", "paydesk_catch_up_age_seconds", NULL, "gauge",
	    "Time since Stripe's list of events was last read to its end." },
	{ "reconcile", "paydesk_reconcile_age_seconds", NULL, "gauge",
	    "Time since the books were last compared with Stripe." },
	{ "drift", "paydesk_reconcile_drift", NULL, "gauge",
	    "Subscriptions that differed then, and were not corrected." },
	{ "subscriptions", "paydesk_subscriptions", "status", "gauge",
	    "Live subscriptions." },
	{ "licenses", "paydesk_licenses", "status", "gauge",
	    "Licences that are no test." },
};

/* What all programs have counted, in one moment. */
struct snapshot {
	const char *directory;
	size_t count;
	struct counted {
		char program[32];
		struct stats stats;
	} programs[PROGRAMS_MAX];
};

/* database_state - NULL when it is well, else a code and a sentence */
static const char *
database_state(struct service *service, const char **detail)
{
	struct db_result *result;
	bool fits = false;
	enum rc rc;

	rc = db_connect(service->db);
	if (rc == RC_OK)
		rc = db_run_bare(service->db, sql_health_schema, &result);
	if (rc == RC_OK) {
		fits = db_schema_fits(atoi(db_result_text(result, 0, 0)),
		    atoi(db_result_text(result, 0, 1)));
		db_result_free(result);
	}
	if (fits)
		return NULL;
	if (rc == RC_OK || rc == RC_INTERNAL) {
		*detail =
		    "The database's schema is not one that the programs "
		    "can work with: run sql/migrate, or install the newer "
		    "programs.";
		return "schema_mismatch";
	}
	*detail = "PostgreSQL cannot be reached; the log says why.";
	return "database_unreachable";
}

/* get_healthz - GET /healthz */
static enum rc
get_healthz(struct service *service, struct request *request)
{
	const char *detail, *code = database_state(service, &detail);
	json_object *body;

	if (code != NULL)
		return request_fail_status(request, 503, RC_BUSY, code, detail);
	body = json_object_new_object();
	json_object_object_add(body, "status", json_object_new_string("ok"));
	json_object_object_add(
	    body, "schema", json_object_new_int(DB_SCHEMA_VERSION));
	return request_reply(request, 200, body);
}

/* add_codes - requests by status */
static void
add_codes(struct buffer *out, const struct counted *of)
{
	char code[8];

	for (size_t i = 0; i < STATS_CODES; i++) {
		snprintf(code, sizeof code, "%d", stats_codes[i]);
		if (of->stats.codes[i] > 0)
			metrics_sample(out, "paydesk_http_requests_total",
			    (double)of->stats.codes[i], "program", of->program,
			    "code", stats_codes[i] != 0 ? code : "other", NULL);
	}
}

/* add_durations - how long they took */
static void
add_durations(struct buffer *out, const struct counted *of)
{
	metrics_histogram(
	    out, "paydesk_request_duration_seconds", of->program, &of->stats);
}

/* add_workers - that are alive */
static void
add_workers(struct buffer *out, const struct counted *of)
{
	metrics_sample(out, "paydesk_workers", (double)of->stats.workers,
	    "program", of->program, NULL);
}

/* add_busy - that have a request in hand */
static void
add_busy(struct buffer *out, const struct counted *of)
{
	metrics_sample(out, "paydesk_workers_busy", (double)of->stats.busy,
	    "program", of->program, NULL);
}

/* add_events - deliveries that came over HTTP */
static void
add_events(struct buffer *out, const struct counted *of)
{
	const struct stats_event *event = of->stats.events;

	for (size_t i = 0; i < STATS_EVENTS && event[i].count > 0; i++)
		metrics_sample(out, "paydesk_events_total",
		    (double)event[i].count, "provider", event[i].provider,
		    "type", event[i].type, "outcome", event[i].outcome, NULL);
}

/* take - the counters of one program */
static void
take(void *context, const char *program)
{
	struct snapshot *snapshot = context;
	struct counted *of = &snapshot->programs[snapshot->count];

	if (snapshot->count == PROGRAMS_MAX ||
	    !stats_read(snapshot->directory, program, &of->stats))
		return;
	snprintf(of->program, sizeof of->program, "%s", program);
	snapshot->count++;
}

/* write_counters - what the workers of all programs count */
static void
write_counters(struct buffer *out, const struct snapshot *snapshot)
{
	static const struct {
		const char *name, *type, *help;
		void (*add)(struct buffer *out, const struct counted *of);
	} parts[] = {
		{ "paydesk_http_requests_total", "counter",
		    "Requests that were answered.", add_codes },
		{ "paydesk_request_duration_seconds", "histogram",
		    "Time that a worker had a request in hand.",
		    add_durations },
		{ "paydesk_workers", "gauge", "Workers that are alive.",
		    add_workers },
		{ "paydesk_workers_busy", "gauge",
		    "Workers that have a request in hand.", add_busy },
		{ "paydesk_events_total", "counter",
		    "Deliveries of providers, by what became of them.",
		    add_events },
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		metrics_begin(out, parts[i].name, parts[i].type, parts[i].help);
		for (size_t j = 0; j < snapshot->count; j++)
			parts[i].add(out, &snapshot->programs[j]);
	}
}

/* write_facts - what the books hold */
static void
write_facts(struct buffer *out, const struct db_result *result)
{
	const char *fact, *about;
	int rows = db_result_rows(result);
	double value;

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		metrics_begin(out, facts[i].name, facts[i].type, facts[i].help);
		for (int row = 0; row < rows; row++) {
			fact = db_result_text(result, row, 0);
			about = db_result_text(result, row, 1);
			if (strcmp(fact, facts[i].fact) != 0)
				continue;
			value = strtod(db_result_text(result, row, 2), NULL);
			metrics_sample(out, facts[i].name, value,
			    facts[i].label, about, NULL);
		}
	}
}

/* write_database - whether it is there, and then what it knows */
static void
write_database(struct service *service, struct buffer *out)
{
	const char *detail;
	struct db_result *result = NULL;
	bool up = database_state(service, &detail) == NULL &&
	    db_run_bare(service->db, sql_health_facts, &result) == RC_OK;

	metrics_begin(out, "paydesk_database_up", "gauge",
	    "1 when the database answers and its schema is the right one.");
	metrics_sample(out, "paydesk_database_up", up, NULL);
	if (up)
		write_facts(out, result);
	db_result_free(result);
}

/* get_metrics - GET /metrics */
static enum rc
get_metrics(struct service *service, struct request *request)
{
	struct arena *arena = request_arena(request);
	struct snapshot *snapshot = arena_alloc(arena, sizeof *snapshot);
	struct buffer *out = buffer_new(arena, METRICS_MAX);
	const char *text;
	size_t len;

	if (snapshot == NULL)
		return RC_TOO_LARGE;
	metrics_begin(out, "paydesk_build_info", "gauge",
	    "1, with the version of the programs and of their schema.");
	metrics_sample(out, "paydesk_build_info", 1, "version", PACKAGE_VERSION,
	    "schema", arena_printf(arena, "%d", DB_SCHEMA_VERSION), NULL);
	snapshot->directory = config_string(service->config, STATS_DIR);
	if (snapshot->directory != NULL) {
		stats_programs(snapshot->directory, take, snapshot);
		write_counters(out, snapshot);
	}
	write_database(service, out);
	text = buffer_text(out, &len);
	if (text == NULL)
		return RC_TOO_LARGE;
	return request_reply_text(request, 200, METRICS_TYPE, text, len);
}

int
main(int argc, char **argv)
{
	static const enum setting settings[] = { DATABASE_URL, STATS_DIR,
		SETTING_END };
	static const struct route routes[] = {
		{ "GET", "/healthz", BODY_MAX, get_healthz },
		{ "GET", "/metrics", BODY_MAX, get_metrics },
		{ NULL, NULL, 0, NULL },
	};
	static const struct program program = {
		.name = "health",
		.summary = "is the desk well, and what does it do?",
		.settings = settings,
		.routes = routes,
		.statements = statements,
		.db_timeout_ms = DB_TIMEOUT_MS,
	};

	return program_main(&program, argc, argv);
}
