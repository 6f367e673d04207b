#include "command/events_show.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/table.h"

DB_STATEMENT(events_show, 1,
    "SELECT event_id, type, outcome,"
    " billing.utc(created_at),"
    " billing.utc(received_at),"
    " billing.utc(processed_at), deliveries,"
    " api_version, livemode::text, stripe_customer_id,"
    " stripe_subscription_id, error, skip_reason,"
    " payload_truncated::text, payload"
    " FROM billing.stripe_events WHERE event_id = $1");
DB_STATEMENT(events_failures, 1,
    "SELECT billing.utc(at), sqlstate, error"
    " FROM billing.stripe_failures($1)");

const struct db_statement *const events_show_statements[] = {
	&sql_events_show.is,
	&sql_events_failures.is,
	NULL,
};

/* The columns of the statement events_show; the payload is the last. */
static const char *const columns[] = { "event", "type", "outcome", "created",
	"received", "processed", "deliveries", "api_version", "livemode",
	"customer", "subscription", "error", "skip_reason", "payload_truncated",
	"payload" };

#define PAYLOAD (sizeof columns / sizeof *columns - 1)

/* payload_of - as JSON, or as the text that is left of it; NULL: emptied */
static json_object *
payload_of(struct arena *arena, const char *text)
{
	json_object *document;

	if (text == NULL)
		return NULL;
	if (json_parse(arena, text, strlen(text), &document) == RC_OK)
		return json_object_get(document);
	return json_object_new_string(text);
}

/* failures_of - the attempts that failed */
static json_object *
failures_of(const struct db_result *rows)
{
	static const char *const keys[] = { "at", "sqlstate", "error" };
	json_object *failures = json_object_new_array();

	for (int i = 0; i < db_result_rows(rows); i++) {
		json_object *failure = json_object_new_object();

		for (int c = 0; c < 3; c++) {
			const char *text = db_result_text(rows, i, c);

			json_object_object_add(failure, keys[c],
			    text != NULL ? json_object_new_string(text) : NULL);
		}
		json_object_array_add(failures, failure);
	}
	return failures;
}

/* print_text - a value on a line */
static void
print_text(const char *text)
{
	table_text(text, stdout);
	putchar('\n');
}

/* print_people - a line a column, a line a failure, then the payload */
static void
print_people(
    const struct db_result *row, json_object *failures, json_object *payload)
{
	json_object *failure;

	for (size_t c = 0; c < PAYLOAD; c++) {
		const char *text = db_result_text(row, 0, (int)c);

		if (text == NULL)
			continue;
		printf("%-18s", columns[c]);
		print_text(text);
	}
	for (size_t i = 0; i < json_object_array_length(failures); i++) {
		failure = json_object_array_get_idx(failures, i);
		printf("failed %s  ",
		    json_object_get_string(
			json_object_object_get(failure, "at")));
		print_text(json_object_get_string(
		    json_object_object_get(failure, "error")));
	}
	if (payload == NULL)
		puts("payload           emptied");
	else if (json_object_is_type(payload, json_type_string)) {
		printf("payload           ");
		print_text(json_object_get_string(payload));
	} else {
		puts("payload");
		json_print(payload, stdout);
	}
}

/* print_json - one object */
static void
print_json(
    const struct db_result *row, json_object *failures, json_object *payload)
{
	json_object *event = json_object_new_object();

	for (size_t c = 0; c < PAYLOAD; c++) {
		const char *text = db_result_text(row, 0, (int)c);

		json_object_object_add(event, columns[c],
		    text != NULL ? json_object_new_string(text) : NULL);
	}
	json_object_object_add(event, "failures", json_object_get(failures));
	json_object_object_add(event, "payload", json_object_get(payload));
	json_print(event, stdout);
	json_object_put(event);
}

/* events_show - the row, the attempts, the payload */
int
events_show(struct service *service, const char *id, bool as_json)
{
	const char *const params[] = { id };
	struct db_result *row = NULL, *attempts = NULL;
	json_object *failures, *payload;
	int status = EXIT_FAILED;

	if (db_run(service->db, sql_events_show, params, &row) != RC_OK ||
	    db_run(service->db, sql_events_failures, params, &attempts) !=
		RC_OK) {
		status = command_line_database(service);
		goto done;
	}
	if (db_result_rows(row) != 1) {
		(void)command_line_fail(service, EXIT_FAILED,
		    "there is no event %s in the ledger", id);
		goto done;
	}
	failures = failures_of(attempts);
	payload = payload_of(
	    service->arena, db_result_text(row, 0, (int)PAYLOAD));
	(as_json ? print_json : print_people)(row, failures, payload);
	json_object_put(payload);
	json_object_put(failures);
	status = EXIT_DONE;
done:
	db_result_free(attempts);
	db_result_free(row);
	return status;
}
