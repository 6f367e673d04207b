#include "stripe/stripe_thin.h"

#include <string.h>

#include "stripe/stripe_types.h"

DB_STATEMENT(thin_is_done, 1,
    "SELECT EXISTS (SELECT FROM billing.stripe_events"
    " WHERE event_id = $1 AND processed_at IS NOT NULL)");

const struct db_statement *const stripe_thin_statements[] = {
	&sql_thin_is_done.is,
	NULL,
};

#define NO_KEY "STRIPE_API_KEY is not set, and a thin event has to be fetched"
#define BAD_KEY \
	"Stripe does not accept STRIPE_API_KEY, and a thin event has to be " \
	"fetched"

/* is_done - the ledger has it */
static enum rc
is_done(struct db *db, const char *key, bool *done)
{
	const char *const params[] = { key };
	struct db_result *result;
	enum rc rc;

	rc = db_run(db, sql_thin_is_done, params, &result);
	if (rc != RC_OK)
		return RC_BUSY;
	*done = *db_result_text(result, 0, 0) == 't';
	db_result_free(result);
	return RC_OK;
}

/* refuse - an entry that cannot be applied */
static enum rc
refuse(struct ledger_entry *entry, const char *problem)
{
	entry->problem = problem;
	return problem != NULL ? RC_OK : RC_TOO_LARGE;
}

/* take - the event that was fetched, in place of the notification */
static enum rc
take(struct stripe_ask *ask, struct ledger_entry *entry, const char *body,
    size_t len)
{
	struct stripe_event event;
	enum rc rc;

	if (body == NULL)
		return RC_TOO_LARGE;
	rc = stripe_event_parse(ask->arena, body, len, &event);
	if (rc == RC_BAD_REQUEST ||
	    (rc == RC_OK &&
		(event.thin || strcmp(event.id, entry->event.id) != 0)))
		return refuse(
		    entry, "Stripe answered another event than was asked for");
	if (rc != RC_OK)
		return rc;
	event.notification = entry->event.notification;
	entry->event = event;
	entry->body = body;
	entry->body_len = len;
	return RC_OK;
}

/* open_twin - RC_NOT_FOUND: Stripe has none, or none for this key */
static enum rc
open_twin(struct stripe_ask *ask, struct ledger_entry *entry)
{
	struct stripe_found found;
	const char *path;
	enum rc rc;

	if (entry->event.twin == NULL)
		return RC_NOT_FOUND;
	path = arena_printf(ask->arena, "/v1/events/%s", entry->event.twin);
	if (path == NULL)
		return RC_TOO_LARGE;
	rc = stripe_api_find(
	    ask->api, ask->arena, path, stripe_ask_left(ask), &found);
	if (rc != RC_OK)
		return rc == RC_BAD_REQUEST ? RC_NOT_FOUND : rc;
	return take(ask, entry, found.text, found.len);
}

/* why_not - the sentence for an object that Stripe does not hand out */
static const char *
why_not(struct stripe_ask *ask, const char *path, long status)
{
	if (status == 403)
		return arena_printf(
		    ask->arena, "STRIPE_API_KEY has no right to read %s", path);
	return arena_printf(
	    ask->arena, "Stripe answers %ld to GET %s", status, path);
}

/* open_related - the object itself, as an event of our own */
static enum rc
open_related(struct stripe_ask *ask, struct ledger_entry *entry)
{
	const struct stripe_event *event = &entry->event;
	struct stripe_found found;
	const char *body;
	size_t len = 0;
	enum rc rc = RC_BAD_REQUEST;

	if (event->url != NULL)
		rc = stripe_api_find(ask->api, ask->arena, event->url,
		    stripe_ask_left(ask), &found);
	if (rc == RC_BAD_REQUEST)
		return refuse(
		    entry, "related_object.url is missing or malformed");
	if (rc == RC_NOT_FOUND)
		return refuse(entry, why_not(ask, event->url, found.status));
	if (rc != RC_OK)
		return rc;
	body = stripe_event_own(ask->arena, event->id,
	    stripe_types_of_thin(event->type), found.object, found.before_us,
	    event->livemode, &len);
	return take(ask, entry, body, len);
}

/* stripe_thin_open - the ledger is asked first, then Stripe */
enum rc
stripe_thin_open(struct stripe_ask *ask, struct ledger_entry *entry)
{
	bool done;
	enum rc rc;

	if (is_done(ask->db, entry->event.id, &done) != RC_OK)
		return RC_BUSY;
	if (done)
		return RC_OK;
	entry->problem = NO_KEY;
	if (ask->api == NULL)
		return RC_UPSTREAM;
	entry->problem = NULL;
	rc = open_twin(ask, entry);
	if (rc == RC_NOT_FOUND)
		rc = open_related(ask, entry);
	if (rc != RC_SIGNATURE)
		return rc;
	entry->problem = BAD_KEY;
	return RC_UPSTREAM;
}
