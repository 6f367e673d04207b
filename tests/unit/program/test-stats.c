#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/stats.h"
#include "unit.h"

static char directory[] = "/tmp/paydesk-stats.XXXXXX";
static struct stats total;

/* set_up - an empty directory */
static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* tear_down - and its files */
static void
tear_down(void)
{
	char path[64];

	stats_leave();
	snprintf(path, sizeof path, "%s/desk." STATS_LAYOUT, directory);
	remove(path);
	snprintf(path, sizeof path, "%s/other." STATS_LAYOUT, directory);
	remove(path);
	snprintf(path, sizeof path, "%s/desk.0", directory);
	remove(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* requests - that were counted so far */
static uint64_t
requests(void)
{
	uint64_t sum = 0;

	ck_assert(stats_read(directory, "desk", &total));
	for (size_t i = 0; i < STATS_CODES; i++)
		sum += total.codes[i];
	return sum;
}

/*
 * worker - a process that counts one request, begins another, and says so by a
 * byte in the pipe that it returns through *ready; it then waits to be killed.
 */
static pid_t
worker(int *ready)
{
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (!stats_join(directory, "desk"))
			_exit(1);
		stats_begin();
		stats_end(200, .003);
		stats_event("stripe", "invoice.paid", "applied");
		stats_begin();
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	*ready = ends[0];
	return pid;
}

/* started - a worker that has counted */
static pid_t
started(void)
{
	pid_t pid;
	char byte;
	int ready;

	pid = worker(&ready);
	ck_assert_int_eq(read(ready, &byte, 1), 1);
	close(ready);
	return pid;
}

/* kill_now - without any chance to tidy up */
static void
kill_now(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(nobody_counts_before_joining)
{
	stats_begin();
	stats_end(200, 1);
	stats_event("stripe", "a", "b");
	ck_assert(!stats_read(directory, "desk", &total));
}

START_TEST(a_directory_that_is_not_there_is_said)
{
	ck_assert(!stats_join("/nonexistent/paydesk", "desk"));
	ck_assert_int_eq(errno, ENOENT);
}

START_TEST(a_request_is_counted_by_status_and_time)
{
	ck_assert(stats_join(directory, "desk"));
	stats_begin();
	ck_assert_uint_eq(requests(), 0);
	ck_assert_uint_eq(total.workers, 1);
	ck_assert_uint_eq(total.busy, 1);
	stats_end(404, .0015);
	stats_begin();
	stats_end(599, 30);
	ck_assert_uint_eq(requests(), 2);
	ck_assert_uint_eq(total.busy, 0);
	ck_assert_uint_eq(total.duration_us, 30001500);
	for (size_t i = 0; i < STATS_CODES; i++)
		ck_assert_uint_eq(total.codes[i],
		    stats_codes[i] == 404 || stats_codes[i] == 0);
	ck_assert_uint_eq(total.buckets[2], 1);
	ck_assert_uint_eq(total.buckets[STATS_BUCKETS - 1], 1);
}

START_TEST(workers_that_are_killed_leave_their_counts_and_their_slot)
{
	pid_t first = started(), second = started();

	ck_assert_uint_eq(requests(), 2);
	ck_assert_uint_eq(total.workers, 2);
	ck_assert_uint_eq(total.busy, 2);
	kill_now(first);
	ck_assert_uint_eq(requests(), 2);
	ck_assert_uint_eq(total.workers, 1);
	ck_assert_uint_eq(total.busy, 1);
	for (uint64_t i = 3; i < 3 + 2 * STATS_SLOTS; i++) {
		kill_now(started());
		ck_assert_uint_eq(requests(), i);
		ck_assert_uint_eq(total.workers, 1);
	}
	ck_assert_str_eq(total.events[0].type, "invoice.paid");
	ck_assert_uint_eq(total.events[0].count, 2 + 2 * STATS_SLOTS);
	ck_assert_uint_eq(total.events[1].count, 0);
	kill_now(second);
	requests();
	ck_assert_uint_eq(total.workers, 0);
	ck_assert_uint_eq(total.busy, 0);
	ck_assert(stats_join(directory, "desk"));
	requests();
	ck_assert_uint_eq(total.workers, 1);
	ck_assert_uint_eq(total.busy, 0); /* as who had the slot still was */
}

START_TEST(more_workers_than_slots_go_uncounted)
{
	pid_t pids[STATS_SLOTS];

	for (size_t i = 0; i < STATS_SLOTS; i++)
		pids[i] = started();
	ck_assert(!stats_join(directory, "desk"));
	ck_assert_int_eq(errno, EBUSY);
	stats_end(200, 1);
	ck_assert_uint_eq(requests(), STATS_SLOTS);
	for (size_t i = 0; i < STATS_SLOTS; i++)
		kill_now(pids[i]);
}

START_TEST(kinds_of_events_beyond_the_table_are_others)
{
	char type[32];

	ck_assert(stats_join(directory, "desk"));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < STATS_EVENTS + 9; i++) {
			snprintf(type, sizeof type, "type.%d", i);
			stats_event("stripe", type, "applied");
		}
	}
	requests();
	ck_assert_str_eq(total.events[3].type, "type.3");
	ck_assert_uint_eq(total.events[3].count, 2);
	ck_assert_str_eq(total.events[STATS_EVENTS - 1].type, "other");
	ck_assert_uint_eq(total.events[STATS_EVENTS - 1].count, 20);
}

START_TEST(a_name_that_is_too_long_is_cut)
{
	char type[200];

	memset(type, 'x', sizeof type - 1);
	type[sizeof type - 1] = '\0';
	ck_assert(stats_join(directory, "desk"));
	stats_event(type, type, type);
	requests();
	ck_assert_uint_eq(strlen(total.events[0].type), 55);
	ck_assert_uint_eq(strlen(total.events[0].outcome), 23);
}

START_TEST(a_file_that_was_cut_is_read_as_far_as_it_goes)
{
	char path[64];

	ck_assert(stats_join(directory, "desk"));
	stats_leave();
	snprintf(path, sizeof path, "%s/desk." STATS_LAYOUT, directory);
	ck_assert_int_eq(truncate(path, 100), 0);
	ck_assert_uint_eq(requests(), 0);
}

/* note - puts the names behind each other */
static void
note(void *context, const char *program)
{
	strcat(context, program);
	strcat(context, " ");
}

START_TEST(programs_are_found_by_their_files)
{
	char names[64] = "", path[64];
	FILE *file;

	ck_assert(stats_join(directory, "other"));
	stats_leave();
	ck_assert(stats_join(directory, "desk"));
	snprintf(path, sizeof path, "%s/desk.0", directory);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	stats_programs(directory, note, names);
	ck_assert_str_eq(names, "desk other ");
}

/* Where requests were, and the time within which that share of them ended. */
static const struct {
	size_t bucket[2];
	double share, expected;
} quantiles[] = {
	{ { 0, 0 }, .5, .00025 },
	{ { 0, 0 }, 1, .0005 },
	{ { 0, 3 }, .5, .0005 },
	{ { 0, 3 }, .75, .0035 },
	{ { STATS_BUCKETS - 1, STATS_BUCKETS - 1 }, .5, 5 },
};

START_TEST(a_quantile_lies_between_the_bounds)
{
	uint64_t buckets[STATS_BUCKETS] = { 0 };

	ck_assert_double_lt(stats_quantile(buckets, .5), 0);
	buckets[quantiles[_i].bucket[0]] += 10;
	buckets[quantiles[_i].bucket[1]] += 10;
	ck_assert_double_eq_tol(stats_quantile(buckets, quantiles[_i].share),
	    quantiles[_i].expected, 1e-9);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, nobody_counts_before_joining);
	tcase_add_test(tests, a_directory_that_is_not_there_is_said);
	tcase_add_test(tests, a_request_is_counted_by_status_and_time);
	tcase_add_test(
	    tests, workers_that_are_killed_leave_their_counts_and_their_slot);
	tcase_add_test(tests, more_workers_than_slots_go_uncounted);
	tcase_add_test(tests, kinds_of_events_beyond_the_table_are_others);
	tcase_add_test(tests, a_name_that_is_too_long_is_cut);
	tcase_add_test(tests, a_file_that_was_cut_is_read_as_far_as_it_goes);
	tcase_add_test(tests, programs_are_found_by_their_files);
	unit_add_table(tests, a_quantile_lies_between_the_bounds, quantiles);
}

int
main(void)
{
	return unit_main("stats", add);
}
