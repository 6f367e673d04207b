#include "stripe/customer_gone.h"

#include "base/log.h"

DB_STATEMENT(customer_gone, 2, "SELECT billing.customer_gone($1, $2) AS noted");

const struct db_statement *const customer_gone_statements[] = {
	&sql_customer_gone.is,
	NULL,
};

/* note - false: too many others are gone as well */
static enum rc
note(struct db *db, const char *caller, const char *customer, bool *noted)
{
	const char *const params[] = { caller, customer };
	struct db_result *result;
	enum rc rc = db_run(db, sql_customer_gone, params, &result);

	if (rc != RC_OK)
		return rc;
	*noted = db_result_true(result, 0, "noted");
	db_result_free(result);
	return RC_OK;
}

/* customer_gone - one at a time */
enum rc
customer_gone(struct db *db, const struct stripe_refusal *refusal,
    const char *caller, const char *customer)
{
	bool noted = false;
	enum rc rc;

	if (!refusal->no_customer || customer == NULL)
		return RC_UPSTREAM;
	if (!refusal->other_mode &&
	    (rc = note(db, caller, customer, &noted)) != RC_OK)
		return rc;
	if (noted)
		return RC_OK;
	log_message("warn", "wrong key? Stripe has no such customer: %s",
	    refusal->other_mode ? "it is one of the other mode" :
				  "nor more than 20 others in this hour");
	return RC_UPSTREAM;
}
