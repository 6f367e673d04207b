#include "ops/ops_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/chart.h"

DB_STATEMENT(ops_deliveries, 1,
    "SELECT (extract(epoch FROM date_trunc('hour', now())"
    " - hour) / 3600)::integer, outcome, sum(count)"
    " FROM billing.ops_deliveries($1) GROUP BY 1, 2");
DB_STATEMENT(ops_latency, 1,
    "SELECT (extract(epoch FROM date_trunc('hour', now())"
    " - at) / 3600)::integer, name, value * 1000"
    " FROM billing.samples"
    " WHERE name IN ('latency.p50', 'latency.p99')"
    " AND at > now() - make_interval(hours => $1)");
DB_STATEMENT(ops_live, 1,
    "SELECT DISTINCT ON (name, back) back, name, value"
    " FROM (SELECT (now() AT TIME ZONE 'UTC')::date"
    " - (at AT TIME ZONE 'UTC')::date AS back, name, value, at"
    " FROM billing.samples WHERE name IN"
    " ('subscriptions.active', 'subscriptions.trialing',"
    " 'subscriptions.past_due')"
    " AND at > now() - make_interval(days => $1)) s"
    " ORDER BY name, back, at DESC");
DB_STATEMENT(ops_licenses, 1,
    "SELECT (now() AT TIME ZONE 'UTC')::date - day, 'sold',"
    " count FROM billing.ops_licenses($1)");

const struct db_statement *const ops_charts_statements[] = {
	&sql_ops_deliveries.is,
	&sql_ops_latency.is,
	&sql_ops_live.is,
	&sql_ops_licenses.is,
	NULL,
};

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define HOURS 48
#define DAYS 30

/* Where the charts are drawn, and what from. */
struct canvas {
	struct db *db;
	struct arena *arena;
	struct html *html;
};

/* What a chart is made from, besides what it says. */
struct source {
	const struct db_statement
	    *statement; /* rows: points back from now, key, value */
	const char *keys[CHART_SERIES_MAX]; /* of the series */
	size_t points;
	int point_s;	/* seconds from one to the next: an hour or a day */
	double missing; /* what stands where no row is: 0 or NAN */
};

/* label_points - the time of each, in UTC */
static bool
label_points(const struct canvas *canvas, const struct source *source,
    struct chart *chart)
{
	const char **points = arena_alloc(
	    canvas->arena, source->points * sizeof *points);
	time_t now = time(NULL), at;
	struct tm utc;
	char text[32];

	if (points == NULL)
		return false;
	now -= now % source->point_s;
	for (size_t i = 0; i < source->points; i++) {
		at = now - (time_t)(source->points - 1 - i) * source->point_s;
		gmtime_r(&at, &utc);
		if (source->point_s < DAY_S)
			strftime(text, sizeof text, "%d %b %H:%M", &utc);
		else
			strftime(text, sizeof text, "%d %b", &utc);
		points[i] = arena_printf(canvas->arena, "%s", text);
		if (points[i] == NULL)
			return false;
	}
	chart->points = points;
	chart->point_count = source->points;
	return true;
}

/* empty_series - a value for each point, none known yet */
static bool
empty_series(const struct canvas *canvas, const struct source *source,
    struct chart *chart)
{
	for (size_t i = 0; i < chart->series_count; i++) {
		double *values = arena_alloc(
		    canvas->arena, source->points * sizeof *values);

		if (values == NULL)
			return false;
		for (size_t j = 0; j < source->points; j++)
			values[j] = source->missing;
		chart->series[i].values = values;
	}
	return true;
}

/* load - the numbers of a chart; a key that it does not have is left out */
static enum rc
load(const struct canvas *canvas, const struct source *source,
    struct chart *chart)
{
	const char *const params[] = { arena_printf(
	    canvas->arena, "%zu", source->points) };
	struct db_result *result;
	enum rc rc;

	if (!label_points(canvas, source, chart) ||
	    !empty_series(canvas, source, chart))
		return RC_TOO_LARGE;
	rc = db_run_any(canvas->db, source->statement, 1, params, &result);
	for (int row = 0; rc == RC_OK && row < db_result_rows(result); row++) {
		long back = atol(db_result_text(result, row, 0));

		for (size_t i = 0; i < chart->series_count; i++) {
			if (back >= 0 && (size_t)back < source->points &&
			    strcmp(db_result_text(result, row, 1),
				source->keys[i]) == 0)
				chart->series[i]
				    .values[source->points - 1 - (size_t)back] =
				    strtod(
					db_result_text(result, row, 2), NULL);
		}
	}
	db_result_free(result);
	return rc;
}

/* add_deliveries - what came in, and what became of it */
static enum rc
add_deliveries(const struct canvas *canvas)
{
	static const struct source source = { &sql_ops_deliveries.is,
		{ "applied", "ignored", "stale", "unmatched", "failed" }, HOURS,
		HOUR_S, 0 };
	struct chart chart = {
		.id = "deliveries",
		.title = "Deliveries an hour",
		.what = "Events of Stripe and deliveries of Gumroad in each of "
			"the last 48 hours, by what became of them.",
		.none = "Nothing came in within the last 48 hours.",
		.unit = "",
		.axis = "Hour, UTC",
		.series = { { "applied", NULL }, { "ignored", NULL },
		    { "stale", NULL }, { "unmatched", NULL },
		    { "failed", NULL } },
		.series_count = 5,
	};
	enum rc rc = load(canvas, &source, &chart);

	if (rc == RC_OK)
		chart_bars(canvas->html, &chart);
	return rc;
}

/* add_latency - from what ops sample has noted */
static enum rc
add_latency(const struct canvas *canvas)
{
	static const struct source source = { &sql_ops_latency.is,
		{ "latency.p50", "latency.p99" }, HOURS, HOUR_S, NAN };
	struct chart chart = {
		.id = "latency",
		.title = "Time of a request, ms",
		.what = "Within how many milliseconds half and 99 of 100 "
			"requests were answered, in each of the last 48 hours.",
		.none = "No request was counted within the last 48 hours, or "
			"ops sample did not run.",
		.unit = " ms",
		.axis = "Hour, UTC",
		.series = { { "half (p50)", NULL }, { "99 % (p99)", NULL } },
		.series_count = 2,
	};
	enum rc rc = load(canvas, &source, &chart);

	if (rc == RC_OK)
		chart_lines(canvas->html, &chart);
	return rc;
}

/* add_live - subscriptions over a month */
static enum rc
add_live(const struct canvas *canvas)
{
	static const struct source source = { &sql_ops_live.is,
		{ "subscriptions.active", "subscriptions.trialing",
		    "subscriptions.past_due" },
		DAYS, DAY_S, NAN };
	struct chart chart = {
		.id = "live",
		.title = "Live subscriptions",
		.what = "Subscriptions that are active, on trial or past due "
			"at the end of each of the last 30 days.",
		.none = "None was live within the last 30 days, or ops sample "
			"did not run.",
		.unit = "",
		.axis = "Day",
		.series = { { "active", NULL }, { "trialing", NULL },
		    { "past due", NULL } },
		.series_count = 3,
	};
	enum rc rc = load(canvas, &source, &chart);

	if (rc == RC_OK)
		chart_lines(canvas->html, &chart);
	return rc;
}

/* add_licenses - sold in a month */
static enum rc
add_licenses(const struct canvas *canvas)
{
	static const struct source source = { &sql_ops_licenses.is, { "sold" },
		DAYS, DAY_S, 0 };
	struct chart chart = {
		.id = "licences",
		.title = "Licences sold a day",
		.what = "Licences sold in each of the last 30 days, tests left "
			"out.",
		.none = "No licence was sold within the last 30 days.",
		.unit = "",
		.axis = "Day",
		.series = { { "sold", NULL } },
		.series_count = 1,
	};
	enum rc rc = load(canvas, &source, &chart);

	if (rc == RC_OK)
		chart_bars(canvas->html, &chart);
	return rc;
}

/* ops_charts - all of them */
enum rc
ops_charts(struct db *db, struct arena *arena, struct html *html)
{
	const struct canvas canvas = { db, arena, html };
	enum rc rc;

	html_open(html, "div", "class", "charts", NULL);
	rc = add_deliveries(&canvas);
	if (rc == RC_OK)
		rc = add_latency(&canvas);
	if (rc == RC_OK)
		rc = add_live(&canvas);
	if (rc == RC_OK)
		rc = add_licenses(&canvas);
	html_close(html, "div");
	return rc;
}
