#include "command/catch_up_pass.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"

DB_STATEMENT(catch_up_from, 0,
    "SELECT extract(epoch FROM billing.catch_up_seen_until())"
    "::bigint");
DB_STATEMENT(catch_up_missing, 1,
    "SELECT n - 1 FROM jsonb_array_elements_text($1::jsonb)"
    " WITH ORDINALITY AS listed (id, n)"
    " WHERE NOT EXISTS (SELECT FROM billing.stripe_events"
    " WHERE event_id = id) ORDER BY n DESC");
DB_STATEMENT(catch_up_done, 2,
    "SELECT billing.catch_up_done("
    "to_timestamp($1), to_timestamp($2))");

const struct db_statement *const catch_up_statements[] = {
	&sql_catch_up_from.is,
	&sql_catch_up_missing.is,
	&sql_catch_up_done.is,
	NULL,
};

#define DAY_S 86400
#define TYPES_MAX 20 /* in a question: docs.stripe.com/api/events/list */
#define PAGE_ARENA_MAX (64 << 20) /* bytes */
#define EVENT_ARENA_MAX (4 << 20)
#define WALK_ARENA_MAX (16 << 20) /* the ids where half a million pages begin */

struct catch_up_pass {
	struct service *service;
	struct stripe_intake *intake;
	struct arena *walk, *top, *page, *event;
	struct catch_up_counts counts;
	int64_t until_s; /* -1: there was no event */
	bool whole;	 /* all that Stripe still has */
};

/* Where a page with something missing begins. */
struct stop {
	const char *after; /* NULL: the first page, which is kept */
	struct stop *above;
};

/* catch_up_pass_new - and its arenas */
struct catch_up_pass *
catch_up_pass_new(struct service *service, struct stripe_intake *intake)
{
	struct catch_up_pass *pass = arena_alloc(service->arena, sizeof *pass);

	if (pass == NULL)
		return NULL;
	pass->service = service;
	pass->intake = intake;
	pass->walk = arena_new(WALK_ARENA_MAX);
	pass->top = arena_new(PAGE_ARENA_MAX);
	pass->page = arena_new(PAGE_ARENA_MAX);
	pass->event = arena_new(EVENT_ARENA_MAX);
	return pass;
}

/* catch_up_pass_free - its arenas */
void
catch_up_pass_free(struct catch_up_pass *pass)
{
	if (pass == NULL)
		return;
	arena_free(pass->event);
	arena_free(pass->page);
	arena_free(pass->top);
	arena_free(pass->walk);
}

/* ask - the page after an id */
static enum rc
ask(struct catch_up_pass *pass, struct arena *arena, const char *query,
    const char *after, struct stripe_page *page)
{
	return stripe_api_page(stripe_intake_api(pass->intake), arena,
	    "/v1/events", query, after, page);
}

/* make_query - types from that number on, and since when */
static const char *
make_query(struct catch_up_pass *pass, size_t first)
{
	const char *query = arena_printf(
	    pass->walk, "created%%5Bgte%%5D=%" PRId64, pass->counts.since_s);
	const char *type;

	for (size_t i = 0; query != NULL && i < TYPES_MAX &&
	     (type = stripe_types_listed(first + i)) != NULL;
	     i++)
		query = arena_printf(
		    pass->walk, "%s&types%%5B%zu%%5D=%s", query, i, type);
	return query;
}

/* event_id - of a row of a page; "" when it has none */
static const char *
event_id(const struct stripe_page *page, size_t row)
{
	const char *id;

	if (json_string(
		json_object_array_get_idx(page->data, row), "id", &id) != RC_OK)
		return "";
	return id;
}

/* find_missing - the rows of a page that the ledger does not have */
static enum rc
find_missing(struct catch_up_pass *pass, const struct stripe_page *page,
    struct db_result **missing)
{
	json_object *ids = json_object_new_array();
	const char *params[1];
	enum rc rc;

	for (size_t i = 0; i < json_object_array_length(page->data); i++)
		json_object_array_add(
		    ids, json_object_new_string(event_id(page, i)));
	params[0] = json_object_to_json_string(ids);
	rc = db_run(pass->service->db, sql_catch_up_missing, params, missing);
	json_object_put(ids);
	return rc == RC_OK ? RC_OK : RC_BUSY;
}

/* apply - one event, as if it had been delivered */
static enum rc
apply(struct catch_up_pass *pass, json_object *event)
{
	enum ledger_outcome outcome = LEDGER_HANDLER_ERROR;
	struct db *db = pass->service->db;
	struct ledger_entry entry;
	size_t len;
	const char *body = json_object_to_json_string_length(event,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	enum rc rc;

	rc = stripe_intake_prepare(
	    pass->intake, db, pass->event, body, len, &entry);
	if (rc == RC_OK)
		rc = ledger_apply(db, pass->event, &entry, &outcome);
	else if (rc == RC_BAD_REQUEST) {
		log_message("warn", "stripe: on the list is what is no event");
		rc = RC_OK;
	}
	arena_reset(pass->event);
	if (rc != RC_OK)
		return RC_BUSY;
	pass->counts.outcomes[outcome]++;
	command_line_progress(++pass->counts.done, pass->counts.missing);
	return RC_OK;
}

/* apply_page - what is missing of it, from its end, the oldest, to its top */
static enum rc
apply_page(struct catch_up_pass *pass, const struct stripe_page *page)
{
	struct db_result *missing;
	enum rc rc = find_missing(pass, page, &missing);

	if (rc != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < db_result_rows(missing); i++)
		rc = apply(pass,
		    json_object_array_get_idx(page->data,
			strtoul(db_result_text(missing, i, 0), NULL, 10)));
	db_result_free(missing);
	return rc;
}

/* note_stop - a page with something missing, and where the next one begins */
static enum rc
note_stop(struct catch_up_pass *pass, const struct stripe_page *page,
    const char **after, struct stop **lowest)
{
	size_t count = json_object_array_length(page->data);
	struct db_result *missing;
	struct stop *stop;
	int rows;
	enum rc rc = find_missing(pass, page, &missing);

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(missing);
	db_result_free(missing);
	pass->counts.seen += (int)count;
	pass->counts.missing += rows;
	if (rows > 0) {
		stop = arena_alloc(pass->walk, sizeof *stop);
		if (stop == NULL)
			return RC_TOO_LARGE;
		stop->after = *after;
		stop->above = *lowest;
		*lowest = stop;
	}
	if (page->has_more) {
		*after = count == 0 ?
		    NULL :
		    arena_printf(pass->walk, "%s", event_id(page, count - 1));
		return *after != NULL ? RC_OK : RC_UPSTREAM;
	}
	return RC_OK;
}

/* walk_down - to the list's end; *top is its first page, kept */
static enum rc
walk_down(struct catch_up_pass *pass, const char *query,
    struct stripe_page *top, struct stop **lowest)
{
	const char *after = NULL;
	struct stripe_page page;
	enum rc rc = ask(pass, pass->top, query, NULL, top);

	*lowest = NULL;
	page = *top;
	while (rc == RC_OK) {
		rc = note_stop(pass, &page, &after, lowest);
		if (rc != RC_OK || !page.has_more)
			break;
		arena_reset(pass->page);
		rc = ask(pass, pass->page, query, after, &page);
	}
	return rc;
}

/* catch_up_list - everything of the types from that number on */
static enum rc
catch_up_list(struct catch_up_pass *pass, size_t first, int64_t *newest_s)
{
	const char *query = make_query(pass, first);
	struct stripe_page top, page;
	struct stop *stop;
	enum rc rc;

	*newest_s = -1;
	if (query == NULL)
		return RC_TOO_LARGE;
	rc = walk_down(pass, query, &top, &stop);
	if (rc == RC_OK &&
	    json_integer(json_object_array_get_idx(top.data, 0), "created", 0,
		JSON_TIME_MAX, newest_s) == RC_BAD_REQUEST)
		rc = RC_UPSTREAM;
	for (; rc == RC_OK && stop != NULL; stop = stop->above) {
		page = top;
		if (stop->after != NULL) {
			arena_reset(pass->page);
			rc = ask(pass, pass->page, query, stop->after, &page);
		}
		if (rc == RC_OK)
			rc = apply_page(pass, &page);
	}
	arena_reset(pass->page);
	arena_reset(pass->top);
	return rc;
}

/* choose_start - from where to read, and whether that is all there is */
static enum rc
choose_start(struct catch_up_pass *pass, int64_t asked_s)
{
	int64_t oldest_s = (int64_t)time(NULL) - (int64_t)CATCH_UP_DAYS * DAY_S;
	struct db_result *result;
	const char *seen;
	enum rc rc;

	pass->counts.since_s = asked_s;
	if (asked_s < 0) {
		rc = db_run_bare(pass->service->db, sql_catch_up_from, &result);
		if (rc != RC_OK)
			return RC_BUSY;
		seen = db_result_text(result, 0, 0);
		pass->counts.since_s = seen == NULL ?
		    oldest_s :
		    strtoll(seen, NULL, 10) - CATCH_UP_OVERLAP_S;
		db_result_free(result);
	}
	pass->whole = pass->counts.since_s <= oldest_s;
	if (pass->counts.since_s < oldest_s) {
		log_message("warn",
		    "Stripe keeps events for %d days: what came before is for "
		    "reconcile --fix",
		    CATCH_UP_DAYS);
		pass->counts.since_s = oldest_s;
	}
	return RC_OK;
}

/* note_done - the next pass begins where this one did */
static enum rc
note_done(struct catch_up_pass *pass)
{
	const char *const params[] = {
		pass->whole ?
		    NULL :
		    arena_printf(pass->walk, "%" PRId64, pass->counts.since_s),
		pass->until_s < 0 ?
		    NULL :
		    arena_printf(pass->walk, "%" PRId64, pass->until_s),
	};
	enum rc rc = db_run(pass->service->db, sql_catch_up_done, params, NULL);

	return rc == RC_OK ? RC_OK : RC_BUSY;
}

/*
 * catch_up_pass_run - once over the list. Where the next one begins is taken from the
 * first list alone: what is older was there when the others were read.
 */
enum rc
catch_up_pass_run(struct catch_up_pass *pass, int64_t since_s)
{
	int64_t newest_s;
	enum rc rc;

	memset(&pass->counts, 0, sizeof pass->counts);
	rc = choose_start(pass, since_s);
	for (size_t i = 0; rc == RC_OK && stripe_types_listed(i) != NULL;
	     i += TYPES_MAX) {
		rc = catch_up_list(pass, i, &newest_s);
		if (i == 0)
			pass->until_s = newest_s;
	}
	if (rc == RC_OK)
		rc = note_done(pass);
	arena_reset(pass->walk);
	return rc;
}

/* catch_up_pass_counts - of the last run */
const struct catch_up_counts *
catch_up_pass_counts(const struct catch_up_pass *pass)
{
	return &pass->counts;
}
