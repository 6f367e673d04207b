/*
 * ops_overview.h - the first operations page: how is it, what waits for me?
 */
#ifndef PAYDESK_OPS_OVERVIEW_H
#define PAYDESK_OPS_OVERVIEW_H

#include "program/serve.h"

#define OPS_OVERVIEW_STATEMENTS \
	{ "ops_facts", "SELECT fact, about, value FROM billing.facts()" }, \
	    { "ops_failures", \
		    "SELECT provider, id, type," \
		    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')," \
		    " error, customer FROM billing.ops_failures($1)" }, \
	{ \
		"ops_event", \
		    "SELECT outcome, error FROM billing.ops_event($1)" \
	}

/* GET /ops, perhaps with ?replayed=EVENT */
enum rc ops_overview(struct service *service, struct request *request);

#endif
