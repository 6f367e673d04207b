#include "ops_overview.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chart.h"
#include "form.h"
#include "ops_page.h"

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define HOURS 48
#define DAYS 30
#define FAILURES_SHOWN 20
#define MAIL_LATE_S 1800 /* a mail that waits longer is a problem */

/* What a chart is made from, besides what it says. */
struct source {
	const char *statement; /* rows: points back from now, key, value */
	const char *keys[CHART_SERIES_MAX]; /* of the series */
	size_t points;
	int point_s;	/* seconds from one to the next: an hour or a day */
	double missing; /* what stands where no row is: 0 or NAN */
};

/* The page in the making. */
struct page {
	struct service *service;
	struct request *request;
	struct arena *arena;
	struct html *html;
	struct db_result *facts;
	const char *token;
};

/* run - a statement with one number */
static enum rc
run(const struct page *page, const char *statement, int number,
    struct db_result **result)
{
	const char *const params[] = { arena_printf(
	    page->arena, "%d", number) };

	return db_run(page->service->db, statement, 1, params, result);
}

/* fact - a number of billing.health_facts(); a NULL about: of all kinds */
static double
fact(const struct page *page, const char *name, const char *about)
{
	double sum = 0;

	for (int i = 0; i < db_result_rows(page->facts); i++) {
		const char *of = db_result_text(page->facts, i, 1);

		if (strcmp(db_result_text(page->facts, i, 0), name) == 0 &&
		    (about == NULL || (of != NULL && strcmp(of, about) == 0)))
			sum += strtod(db_result_text(page->facts, i, 2), NULL);
	}
	return sum;
}

/* label_points - the time of each, in UTC */
static bool
label_points(
    const struct page *page, const struct source *source, struct chart *chart)
{
	const char **points = arena_alloc(
	    page->arena, source->points * sizeof *points);
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
		points[i] = arena_printf(page->arena, "%s", text);
		if (points[i] == NULL)
			return false;
	}
	chart->points = points;
	chart->point_count = source->points;
	return true;
}

/* empty_series - a value for each point, none known yet */
static bool
empty_series(
    const struct page *page, const struct source *source, struct chart *chart)
{
	for (size_t i = 0; i < chart->series_count; i++) {
		double *values = arena_alloc(
		    page->arena, source->points * sizeof *values);

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
load(const struct page *page, const struct source *source, struct chart *chart)
{
	struct db_result *result;
	enum rc rc;

	if (!label_points(page, source, chart) ||
	    !empty_series(page, source, chart))
		return RC_TOO_LARGE;
	rc = run(page, source->statement, (int)source->points, &result);
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
add_deliveries(const struct page *page)
{
	static const struct source source = { "ops_deliveries",
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
	enum rc rc = load(page, &source, &chart);

	if (rc == RC_OK)
		chart_bars(page->html, &chart);
	return rc;
}

/* add_latency - from what ops sample has noted */
static enum rc
add_latency(const struct page *page)
{
	static const struct source source = { "ops_latency",
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
	enum rc rc = load(page, &source, &chart);

	if (rc == RC_OK)
		chart_lines(page->html, &chart);
	return rc;
}

/* add_live - subscriptions over a month */
static enum rc
add_live(const struct page *page)
{
	static const struct source source = { "ops_live",
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
	enum rc rc = load(page, &source, &chart);

	if (rc == RC_OK)
		chart_lines(page->html, &chart);
	return rc;
}

/* add_licenses - sold in a month */
static enum rc
add_licenses(const struct page *page)
{
	static const struct source source = { "ops_licenses", { "sold" }, DAYS,
		DAY_S, 0 };
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
	enum rc rc = load(page, &source, &chart);

	if (rc == RC_OK)
		chart_bars(page->html, &chart);
	return rc;
}

/* is_known - whether billing says anything of that */
static bool
is_known(const struct page *page, const char *name)
{
	for (int i = 0; i < db_result_rows(page->facts); i++) {
		if (strcmp(db_result_text(page->facts, i, 0), name) == 0)
			return true;
	}
	return false;
}

/* A number of now; it is bad when another one, or itself, is above a limit. */
static const struct tile {
	const char *name, *fact, *about, *bad_fact;
	double limit;
} tiles[] = {
	{ "Failures waiting", "failures_waiting", NULL, "failures_waiting", 0 },
	{ "Differ from Stripe", "drift", NULL, "drift", 0 },
	{ "Unmatched subscriptions", "unmatched", NULL, "unmatched", 0 },
	{ "Active subscriptions", "subscriptions", "active", NULL, 0 },
	{ "On trial", "subscriptions", "trialing", NULL, 0 },
	{ "Past due", "subscriptions", "past_due", NULL, 0 },
	{ "Licences", "licenses", "active", NULL, 0 },
	{ "Mails queued", "mails", "queued", "mail_oldest", MAIL_LATE_S },
	{ "Mails given up", "mails", "failed", "mails", 0 },
};

/* is_bad - by its limit */
static bool
is_bad(const struct page *page, const struct tile *tile)
{
	if (tile->bad_fact == NULL)
		return false;
	return fact(page, tile->bad_fact,
		   strcmp(tile->bad_fact, tile->fact) == 0 ?
		       tile->about :
		       NULL) > tile->limit;
}

/* add_tiles - now; what is bad says so not by its colour alone */
static void
add_tiles(const struct page *page)
{
	struct html *html = page->html;

	html_open(html, "dl", "class", "tiles", NULL);
	for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
		const struct tile *tile = &tiles[i];
		bool bad = is_bad(page, tile);

		html_open(
		    html, "div", "class", bad ? "tile bad" : "tile", NULL);
		html_leaf(html, "dt", tile->name, NULL);
		html_open(html, "dd", NULL);
		if (tile->about == NULL && !is_known(page, tile->fact))
			html_text(html, "–");
		else
			html_textf(
			    html, "%.0f", fact(page, tile->fact, tile->about));
		if (bad)
			html_leaf(html, "span", " !", "aria-label",
			    "needs attention", "role", "img", NULL);
		html_close(html, "dd");
		html_close(html, "div");
	}
	html_close(html, "dl");
}

/* add_notice - what became of a replay, as the ledger has it now */
static enum rc
add_notice(const struct page *page, const char *event)
{
	const char *const params[] = { event };
	const char *outcome, *error;
	struct db_result *result;
	enum rc rc;

	rc = db_run(page->service->db, "ops_event", 1, params, &result);
	if (rc != RC_OK)
		return rc;
	if (db_result_rows(result) > 0) {
		outcome = db_result_text(result, 0, 0);
		error = db_result_text(result, 0, 1);
		html_open(page->html, "p", "role", "status", "class",
		    error != NULL ? "notice bad" : "notice good", NULL);
		html_leaf(page->html, "code", event, NULL);
		html_text(
		    page->html, error != NULL ? " still fails: " : " is now: ");
		html_text(page->html, error != NULL ? error : outcome);
		html_close(page->html, "p");
	}
	db_result_free(result);
	return RC_OK;
}

/* add_failure - one, and what can be done about it */
static void
add_failure(const struct page *page, const struct db_result *result, int row)
{
	const char *provider = db_result_text(result, row, 0);
	const char *id = db_result_text(result, row, 1);
	const char *customer = db_result_text(result, row, 5);
	struct html *html = page->html;

	html_open(html, "li", NULL);
	html_open(html, "div", NULL);
	html_leaf(html, "h3", db_result_text(result, row, 2), NULL);
	html_open(html, "p", "class", "meta", NULL);
	html_text(html, strcmp(provider, "stripe") == 0 ? "Stripe" : "Gumroad");
	html_text(html, " · ");
	html_leaf(html, "time", db_result_text(result, row, 3), NULL);
	html_text(html, " · ");
	if (strcmp(provider, "gumroad") == 0)
		html_text(html, "delivery ");
	html_leaf(html, "code", id, NULL);
	if (customer != NULL && strcmp(provider, "stripe") == 0) {
		html_text(html, " · ");
		html_leaf(html, "a", customer, "href",
		    html_link(page->arena, "/ops/customer", "q", customer),
		    NULL);
	}
	html_close(html, "p");
	html_leaf(
	    html, "p", db_result_text(result, row, 4), "class", "cause", NULL);
	html_close(html, "div");
	if (strcmp(provider, "stripe") == 0)
		ops_page_replay(html, id, page->token);
	else {
		html_open(html, "p", "class", "do", NULL);
		html_text(html, "On the host: ");
		html_open(html, "code", NULL);
		html_textf(html, "gumroad-webhook replay %s", id);
		html_close(html, "code");
		html_close(html, "p");
	}
	html_close(html, "li");
}

/* add_failures - or the good news */
static enum rc
add_failures(const struct page *page)
{
	double all = fact(page, "failures_waiting", NULL);
	struct html *html = page->html;
	struct db_result *result;
	enum rc rc = run(page, "ops_failures", FAILURES_SHOWN, &result);
	int rows;

	if (rc != RC_OK)
		return rc;
	rows = db_result_rows(result);
	html_open(html, "section", "class", "card", NULL);
	html_leaf(html, "h2", "Failures", NULL);
	if (rows == 0)
		html_leaf(html, "p", "None: all that came in was applied.",
		    "class", "none", NULL);
	else {
		if (all > rows) {
			html_open(html, "p", "class", "meta", NULL);
			html_textf(html,
			    "The last %d of %.0f. stripe-webhook replay "
			    "--failed tries all of Stripe's.",
			    rows, all);
			html_close(html, "p");
		}
		html_open(html, "ul", "class", "failures", NULL);
		for (int i = 0; i < rows; i++)
			add_failure(page, result, i);
		html_close(html, "ul");
	}
	html_close(html, "section");
	db_result_free(result);
	return RC_OK;
}

/* replayed - the event that the reader comes from, or NULL */
static const char *
replayed(struct request *request)
{
	const char *query = request_param(request, "QUERY_STRING"), *event;
	struct form *form;

	if (query == NULL ||
	    form_parse(request_arena(request), query, strlen(query), &form) !=
		RC_OK ||
	    form_text(form_next(form, "replayed", NULL), &event) != RC_OK)
		return NULL;
	return event;
}

/* fill - everything, from the top */
static enum rc
fill(const struct page *page)
{
	const char *event = replayed(page->request);
	enum rc rc = RC_OK;

	if (event != NULL)
		rc = add_notice(page, event);
	if (rc != RC_OK)
		return rc;
	add_tiles(page);
	rc = add_failures(page);
	html_open(page->html, "div", "class", "charts", NULL);
	if (rc == RC_OK)
		rc = add_deliveries(page);
	if (rc == RC_OK)
		rc = add_latency(page);
	if (rc == RC_OK)
		rc = add_live(page);
	if (rc == RC_OK)
		rc = add_licenses(page);
	html_close(page->html, "div");
	return rc;
}

/* ops_overview - GET /ops */
enum rc
ops_overview(struct service *service, struct request *request)
{
	struct page page = { service, request, request_arena(request), NULL,
		NULL, NULL };
	enum rc rc;

	if (ops_page_person(request) == NULL)
		return RC_SIGNATURE;
	rc = ops_page_token(service, request, &page.token);
	if (rc == RC_OK)
		rc = db_run(service->db, "ops_facts", 0, NULL, &page.facts);
	if (rc == RC_OK) {
		page.html = ops_page_begin(request, "Overview", NULL);
		rc = fill(&page);
	}
	db_result_free(page.facts);
	if (rc != RC_OK)
		return ops_page_no_database(request, rc);
	return ops_page_end(request, page.html, 200);
}
