/*
 * ops_overview.h - the first operations page: how is it, what waits for me?
 */
#ifndef PAYDESK_OPS_OVERVIEW_H
#define PAYDESK_OPS_OVERVIEW_H

#include "serve.h"

#define OPS_OVERVIEW_STATEMENTS \
	{ "ops_facts", \
		"SELECT fact, about, value FROM billing.health_facts()" \
		" UNION ALL SELECT fact, about, value" \
		" FROM billing.healing_facts()" }, \
	    { "ops_deliveries", \
		    "SELECT (extract(epoch FROM date_trunc('hour', now())" \
		    " - hour) / 3600)::integer, outcome, sum(count)" \
		    " FROM billing.ops_deliveries($1) GROUP BY 1, 2" }, \
	    { "ops_latency", \
		    "SELECT (extract(epoch FROM date_trunc('hour', now())" \
		    " - at) / 3600)::integer, name, value * 1000" \
		    " FROM billing.samples" \
		    " WHERE name IN ('latency.p50', 'latency.p99')" \
		    " AND at > now() - make_interval(hours => $1)" }, \
	    { "ops_live", \
		    "SELECT DISTINCT ON (name, back) back, name, value" \
		    " FROM (SELECT (now() AT TIME ZONE 'UTC')::date" \
		    " - (at AT TIME ZONE 'UTC')::date AS back, name, value, at" \
		    " FROM billing.samples WHERE name IN" \
		    " ('subscriptions.active', 'subscriptions.trialing'," \
		    " 'subscriptions.past_due')" \
		    " AND at > now() - make_interval(days => $1)) s" \
		    " ORDER BY name, back, at DESC" }, \
	    { "ops_licenses", \
		    "SELECT (now() AT TIME ZONE 'UTC')::date - day, 'sold'," \
		    " count FROM billing.ops_licenses($1)" }, \
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
