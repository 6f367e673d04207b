/*
 * ops_charts.h - how it went: the charts of the operations page.
 */
#ifndef PAYDESK_OPS_CHARTS_H
#define PAYDESK_OPS_CHARTS_H

#include "base/arena.h"
#include "base/db.h"
#include "ops/html.h"
#include "base/rc.h"

/* Rows: points back from now, which series, the value. $1: how many points. */
#define OPS_CHARTS_STATEMENTS \
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
	{ \
		"ops_licenses", \
		    "SELECT (now() AT TIME ZONE 'UTC')::date - day, 'sold'," \
		    " count FROM billing.ops_licenses($1)" \
	}

/* Adds them to a page. */
enum rc ops_charts(
    struct db *db, struct arena *arena, struct html *html) MUST_CHECK;

#endif
