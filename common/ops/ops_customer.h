/*
 * ops_customer.h - one customer's story on one page.
 */
#ifndef PAYDESK_OPS_CUSTOMER_H
#define PAYDESK_OPS_CUSTOMER_H

#include "program/serve.h"

#define OPS_CUSTOMER_STATEMENTS \
	{ "ops_find", \
		"SELECT account, external_id, email, customer" \
		" FROM billing.ops_find($1)" }, \
	    { "ops_person", \
		    "SELECT name, value FROM billing.ops_person($1, $2, $3)" \
		    " WHERE value IS NOT NULL" }, \
	    { "ops_subscriptions", \
		    "SELECT id, status, plan, period, seats," \
		    " to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD')," \
		    " CASE WHEN ends THEN 'ends then' END" \
		    " FROM billing.ops_subscriptions($1, $2)" }, \
	    { "ops_licences_of", \
		    "SELECT key, status, tier, product, reason," \
		    " CASE WHEN test THEN 'a test' END" \
		    " FROM billing.ops_licences_of($1)" }, \
	{ \
		"ops_story", \
		    "SELECT to_char(at AT TIME ZONE 'UTC'," \
		    " 'YYYY-MM-DD HH24:MI:SS'), kind, what, outcome, detail," \
		    " event FROM billing.ops_story($1, $2, $3, $4)" \
	}

/* GET /ops/customer?q=… */
enum rc ops_customer(struct service *service, struct request *request);

#endif
