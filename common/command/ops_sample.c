#include "command/ops_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "program/stats.h"

DB_STATEMENT(sample_books, 0, "SELECT billing.sample_books()");
DB_STATEMENT(sample_add, 2, "SELECT billing.sample_add($1, $2)");
DB_STATEMENT(sample_before, 0,
    "SELECT name, value FROM billing.samples"
    " WHERE name LIKE 'requests.le.%' AND at ="
    " (SELECT max(at) FROM billing.samples"
    " WHERE name = 'requests.le.+Inf'"
    " AND at < date_trunc('hour', now()))");

const struct db_statement *const ops_sample_statements[] = {
	&sql_sample_books.is,
	&sql_sample_add.is,
	&sql_sample_before.is,
	NULL,
};

#define WATCH_PAUSE_S 60
#define BUCKET "requests.le." /* and the bound: requests up to then, so long */

/* What workers have counted, and what of it is of this hour. */
struct counts {
	const char *directory;
	uint64_t now[STATS_BUCKETS], hour[STATS_BUCKETS];
	int written; /* values so far */
};

/* bucket_name - of a bound */
static const char *
bucket_name(size_t bucket, char name[32])
{
	if (bucket < STATS_BUCKETS - 1)
		snprintf(name, 32, BUCKET "%g", stats_bounds[bucket]);
	else
		snprintf(name, 32, BUCKET "+Inf");
	return name;
}

/* count - the requests of a program; looking does not count */
static void
count(void *context, const char *program)
{
	struct counts *counts = context;
	static struct stats stats;

	if (strcmp(program, "health") == 0 || strcmp(program, "ops") == 0 ||
	    !stats_read(counts->directory, program, &stats))
		return;
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		counts->now[i] += stats.buckets[i];
}

/* subtract - what was counted up to an earlier hour */
static enum rc
subtract(struct db *db, struct counts *counts)
{
	uint64_t before[STATS_BUCKETS] = { 0 };
	struct db_result *result;
	bool again = false;
	char name[32];
	enum rc rc;

	rc = db_run_bare(db, sql_sample_before, &result);
	if (rc != RC_OK)
		return rc;
	for (int row = 0; row < db_result_rows(result); row++) {
		for (size_t i = 0; i < STATS_BUCKETS; i++) {
			if (strcmp(db_result_text(result, row, 0),
				bucket_name(i, name)) == 0)
				before[i] = (uint64_t)strtod(
				    db_result_text(result, row, 1), NULL);
		}
	}
	db_result_free(result);
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		again |= counts->now[i] < before[i];
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		counts->hour[i] = counts->now[i] - (again ? 0 : before[i]);
	return RC_OK;
}

/* add - one value */
static enum rc
add(struct db *db, struct counts *counts, const char *name, double value)
{
	char text[32];
	const char *const params[] = { name, text };

	snprintf(text, sizeof text, "%.9g", value);
	counts->written++;
	return db_run(db, sql_sample_add, params, NULL);
}

/* add_counts - what has to be known in the next hour, and what is shown */
static enum rc
add_counts(struct db *db, struct counts *counts)
{
	enum rc rc = subtract(db, counts);
	uint64_t requests = 0;
	char name[32];

	for (size_t i = 0; rc == RC_OK && i < STATS_BUCKETS; i++) {
		rc = add(
		    db, counts, bucket_name(i, name), (double)counts->now[i]);
		requests += counts->hour[i];
	}
	if (rc == RC_OK)
		rc = add(db, counts, "requests", (double)requests);
	if (rc == RC_OK && requests > 0)
		rc = add(db, counts, "latency.p50",
		    stats_quantile(counts->hour, .5));
	if (rc == RC_OK && requests > 0)
		rc = add(db, counts, "latency.p99",
		    stats_quantile(counts->hour, .99));
	return rc;
}

/* work - all of it, in one transaction */
static enum rc
work(struct db *db, void *context)
{
	struct counts *counts = context;
	enum rc rc = db_run_bare(db, sql_sample_books, NULL);

	counts->written = 0;
	if (rc == RC_OK && counts->directory != NULL)
		rc = add_counts(db, counts);
	return rc;
}

/* take - one sample */
static enum rc
take(struct service *service)
{
	struct counts counts;

	memset(&counts, 0, sizeof counts);
	counts.directory = config_string(service->config, STATS_DIR);
	if (counts.directory != NULL)
		stats_programs(counts.directory, count, &counts);
	return db_transaction(service->db, work, &counts);
}

/*
 * watch - until a signal ends the program, which it may at any time. A database
 * that is away is waited for.
 */
static void
watch(struct service *service)
{
	for (;; sleep(WATCH_PAUSE_S)) {
		if (take(service) != RC_OK)
			log_message(
			    "warn", "no sample: %s", db_error(service->db));
	}
}

static bool watching;

/* run - the command */
static int
run(struct service *service, int count, char **operands)
{
	int status = command_line_connect(service);

	(void)count, (void)operands;
	if (watching && (status == EXIT_DONE || status == EXIT_UNAVAILABLE))
		watch(service);
	if (status != EXIT_DONE)
		return status;
	return take(service) == RC_OK ? EXIT_DONE :
					command_line_database(service);
}

static const struct option options[] = {
	{ .name = "--watch", .flag = &watching },
	{ .name = NULL },
};

const struct command ops_sample_command = {
	.name = "sample",
	.arguments = "[--watch]",
	.help = "note how things stand, for the charts",
	.options = options,
	.run = run,
};
