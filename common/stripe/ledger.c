#include "stripe/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

DB_STATEMENT(ledger_apply, 9,
    "SELECT billing.stripe_apply($1, $2, $3, $4, to_timestamp($5),"
    " $6, $7, $8, $9)");
DB_STATEMENT(ledger_fail, 11,
    "SELECT billing.stripe_failed($1, $2, $3, $4, to_timestamp($5),"
    " $6, $7, $8, $9, $10, $11)");
DB_STATEMENT(ledger_reopen, 1, "SELECT billing.stripe_reopen($1)");
DB_STATEMENT(ledger_note, 4,
    "INSERT INTO billing.webhook_failures"
    " (source, id, type, error, sqlstate)"
    " VALUES ('stripe', $1, $2, $3, $4)");

const struct db_statement *const ledger_statements[] = {
	&sql_ledger_apply.is,
	&sql_ledger_fail.is,
	&sql_ledger_reopen.is,
	&sql_ledger_note.is,
	NULL,
};

static const char *const outcome_names[] = {
	[LEDGER_APPLIED] = "applied",
	[LEDGER_DUPLICATE] = "duplicate",
	[LEDGER_IGNORED] = "ignored",
	[LEDGER_STALE] = "stale",
	[LEDGER_UNMATCHED] = "unmatched",
	[LEDGER_HANDLER_ERROR] = "handler_error",
};

static const char *const action_names[] = {
	[LEDGER_IGNORE] = "ignore",
	[LEDGER_RECORD] = "record",
	[LEDGER_APPLY] = "apply",
};

/* Parameters in the making; a failed allocation shows in failed. */
struct params {
	struct arena *arena;
	const char *values[DB_PARAMS_MAX];
	size_t count;
	int failed;
};

/* ledger_outcome_name - its word */
const char *
ledger_outcome_name(enum ledger_outcome outcome)
{
	return outcome_names[outcome];
}

/* add - a text, NULL for SQL's NULL */
static void
add(struct params *params, const char *value)
{
	params->values[params->count++] = value;
}

/* add_bool - true or false */
static void
add_bool(struct params *params, bool value)
{
	add(params, value ? "true" : "false");
}

/* add_number - NULL for a negative one */
static void
add_number(struct params *params, int64_t number)
{
	char *value = NULL;

	if (number >= 0) {
		value = arena_printf(params->arena, "%" PRId64, number);
		params->failed |= value == NULL;
	}
	add(params, value);
}

/* add_payload - the body as far as it is kept, and whether it was cut */
static void
add_payload(struct params *params, const struct ledger_entry *entry)
{
	const char *kept = entry->body;
	size_t len = entry->body_len;

	if (len > entry->store_max) {
		len = entry->store_max;
		while (len > 0 && ((unsigned char)kept[len] & 0xc0) == 0x80)
			len--;
		kept = arena_copy(params->arena, kept, len);
		params->failed |= kept == NULL;
	}
	add(params, kept);
	add_bool(params, len < entry->body_len);
}

/* add_event - the columns that every ledger row has */
static void
add_event(struct params *params, const struct ledger_entry *entry)
{
	const struct stripe_event *event = &entry->event;

	add(params, event->id);
	add(params, event->type);
	add(params, event->api_version);
	add(params,
	    !event->has_livemode ? NULL :
		event->livemode	 ? "true" :
				   "false");
	add_number(params, event->created_s);
	add_payload(params, entry);
}

/* add_facts - the document that billing.stripe_apply() takes besides */
static void
add_facts(struct params *params, const struct ledger_entry *entry)
{
	json_object *document = stripe_facts_json(&entry->facts);
	const char *text;

	if (entry->event.notification != NULL)
		json_add_text(
		    document, "notification", entry->event.notification);
	text = json_object_to_json_string_ext(
	    document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	text = text == NULL ? NULL :
			      arena_copy(params->arena, text, strlen(text));
	params->failed |= text == NULL;
	add(params, text);
	json_object_put(document);
}

/* read_outcome - the word that the database answered */
static enum rc
read_outcome(const struct db_result *result, enum ledger_outcome *outcome)
{
	const char *word = db_result_text(result, 0, 0);

	for (int i = 0; i <= LEDGER_HANDLER_ERROR; i++) {
		if (word != NULL && strcmp(word, outcome_names[i]) == 0) {
			*outcome = (enum ledger_outcome)i;
			return RC_OK;
		}
	}
	return RC_INTERNAL;
}

/* apply - the one call */
static enum rc
apply(struct db *db, struct arena *arena, const struct ledger_entry *entry,
    enum ledger_outcome *outcome)
{
	struct params params = { .arena = arena };
	struct db_result *result;
	enum rc rc;

	add_event(&params, entry);
	add(&params, action_names[entry->action]);
	add_facts(&params, entry);
	if (params.failed)
		return RC_BUSY;
	rc = db_run_any(
	    db, &sql_ledger_apply.is, params.count, params.values, &result);
	if (rc == RC_OK)
		rc = read_outcome(result, outcome);
	db_result_free(result);
	return rc;
}

/* An attempt inside a transaction. */
struct trial {
	struct arena *arena;
	const struct ledger_entry *entry;
	enum ledger_outcome *outcome;
	enum rc rc;
};

/* try_work - reopened if it may be, applied */
static enum rc
try_work(struct db *db, void *context)
{
	struct trial *trial = context;
	const char *const params[] = { trial->entry->event.id };

	trial->rc = RC_OK;
	if (trial->entry->again)
		trial->rc = db_run(db, sql_ledger_reopen, params, NULL);
	if (trial->rc == RC_OK)
		trial->rc = apply(
		    db, trial->arena, trial->entry, trial->outcome);
	return trial->rc;
}

/* fail - for people to read, for a resend to try again */
static enum rc
fail(struct db *db, struct arena *arena, const struct ledger_entry *entry,
    const char *problem, const char *sqlstate, enum ledger_outcome *outcome)
{
	struct params params = { .arena = arena };
	struct db_result *result;
	enum rc rc;

	add_event(&params, entry);
	add(&params, entry->facts.customer);
	add(&params, entry->facts.subscription);
	add(&params, problem);
	add(&params, sqlstate);
	if (params.failed)
		return RC_BUSY;
	rc = db_run_any(
	    db, &sql_ledger_fail.is, params.count, params.values, &result);
	if (rc == RC_OK)
		rc = read_outcome(result, outcome);
	db_result_free(result);
	return rc == RC_BAD_REQUEST ? RC_BUSY : rc;
}

/* note_failure - an attempt that left no ledger row, as far as can be noted */
static void
note_failure(
    struct db *db, struct arena *arena, const struct ledger_entry *entry)
{
	const char *const params[] = { entry->event.id, entry->event.type,
		arena_printf(arena, "%s", db_error(db)),
		arena_printf(arena, "%s", db_sqlstate(db)) };

	if (*db_sqlstate(db) == '\0' || params[2] == NULL ||
	    params[3] == NULL ||
	    db_run(db, sql_ledger_note, params, NULL) != RC_OK)
		log_message(
		    "error", "not applied and not noted: %s", db_error(db));
}

/* ledger_wait - an attempt that came no further than a question to Stripe */
void
ledger_wait(struct db *db, const struct ledger_entry *entry)
{
	const char *const params[] = { entry->event.id, entry->event.type,
		entry->problem, NULL };

	if (db_run(db, sql_ledger_note, params, NULL) != RC_OK)
		log_message("error", "not noted: %s", db_error(db));
}

/* ledger_apply - once, whatever happens */
enum rc
ledger_apply(struct db *db, struct arena *arena,
    const struct ledger_entry *entry, enum ledger_outcome *outcome)
{
	struct trial trial = { arena, entry, outcome, RC_OK };
	const char *problem = entry->problem, *sqlstate = NULL;
	enum rc rc = RC_BAD_REQUEST;

	if (problem == NULL)
		rc = entry->again ? db_transaction(db, try_work, &trial) :
				    apply(db, arena, entry, outcome);
	if (rc == RC_BAD_REQUEST && problem == NULL) {
		problem = arena_printf(arena, "%s", db_error(db));
		sqlstate = arena_printf(arena, "%s", db_sqlstate(db));
	}
	if (rc == RC_BAD_REQUEST) {
		rc = fail(db, arena, entry, problem, sqlstate, outcome);
	}
	if (rc != RC_OK)
		note_failure(db, arena, entry);
	return rc;
}

/* ledger_try - the outcome without the effects */
enum rc
ledger_try(struct db *db, struct arena *arena, const struct ledger_entry *entry,
    enum ledger_outcome *outcome, const char **problem)
{
	struct trial trial = { arena, entry, outcome, RC_BAD_REQUEST };
	enum rc rc;

	*problem = entry->problem;
	if (entry->problem == NULL) {
		rc = db_trial(db, try_work, &trial);
		if (rc != RC_OK && rc != RC_BAD_REQUEST)
			return rc;
		*problem = arena_printf(arena, "%s", db_error(db));
	}
	if (trial.rc == RC_BAD_REQUEST)
		*outcome = LEDGER_HANDLER_ERROR;
	return RC_OK;
}
