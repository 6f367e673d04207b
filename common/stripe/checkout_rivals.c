#include "stripe/checkout_rivals.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "stripe/stripe_words.h"

DB_STATEMENT(checkout_rivals, 1,
    "SELECT id, session_id, blocks FROM billing.checkout_rivals($1)");
DB_STATEMENT(checkout_closed, 1, "SELECT billing.checkout_closed($1)");

const struct db_statement *const checkout_rivals_statements[] = {
	&sql_checkout_rivals.is,
	&sql_checkout_closed.is,
	NULL,
};

/* checkout_rivals_forget - failing that, it is forgotten after a while */
void
checkout_rivals_forget(struct db *db, const char *id)
{
	const char *const params[] = { id };

	if (db_run(db, sql_checkout_closed, params, NULL) != RC_OK)
		log_message("warn", "could not forget a closed session: %s",
		    db_error(db));
}

/*
 * look - what has become of a session that is not open: RC_BAD_REQUEST, a
 * subscription was bought with it
 */
static enum rc
look(struct stripe_api *api, struct arena *arena, const char *session_id)
{
	json_object *session;
	const char *status, *mode;
	enum rc rc = stripe_api_session(api, arena, session_id, &session);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK || json_string(session, "status", &status) != RC_OK ||
	    json_string(session, "mode", &mode) != RC_OK ||
	    strcmp(status, "open") == 0)
		return RC_UPSTREAM;
	return strcmp(status, "complete") == 0 &&
		strcmp(mode, STRIPE_MODE_SUBSCRIPTION) == 0 ?
	    RC_BAD_REQUEST :
	    RC_OK;
}

/* end_one - and forget it */
static enum rc
end_one(struct db *db, struct stripe_api *api, struct arena *arena,
    const struct db_result *rivals, int row)
{
	const char *session_id = db_result_named(rivals, row, "session_id");
	enum rc rc = stripe_api_expire_session(api, arena, session_id);

	if (rc == RC_NOT_FOUND)
		rc = look(api, arena, session_id);
	if (rc == RC_BAD_REQUEST && !db_result_true(rivals, row, "blocks"))
		rc = RC_OK;
	if (rc == RC_OK)
		checkout_rivals_forget(db, db_result_named(rivals, row, "id"));
	return rc;
}

/* checkout_rivals_end_these - until one fails */
enum rc
checkout_rivals_end_these(struct db *db, struct stripe_api *api,
    struct arena *arena, const struct db_result *rivals)
{
	enum rc rc = RC_OK;

	for (int row = 0; rc == RC_OK && row < db_result_rows(rivals); row++)
		rc = end_one(db, api, arena, rivals, row);
	return rc;
}

/* checkout_rivals_end - those that are known */
enum rc
checkout_rivals_end(
    struct db *db, struct stripe_api *api, struct arena *arena, const char *id)
{
	const char *const params[] = { id };
	struct db_result *rivals;
	enum rc rc = db_run(db, sql_checkout_rivals, params, &rivals);

	if (rc != RC_OK)
		return rc;
	rc = checkout_rivals_end_these(db, api, arena, rivals);
	db_result_free(rivals);
	return rc;
}
