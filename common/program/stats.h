/*
 * stats.h - what the workers of a program count, in memory that they share.
 *
 * Each program that serves maps one file in STATS_DIR, which has a slot for
 * each worker. A worker owns its slot by a lock that the kernel releases when
 * the worker ends, however it ends; the next one takes the slot over and counts
 * on from there. Only the owner writes, so that counting is an addition: no
 * system call, no lock, and nothing to wait for.
 *
 * A process is at most one worker: like the log, its counters need no handle.
 * Before stats_join(), or when it failed, all of them do nothing.
 */
#ifndef PAYDESK_STATS_H
#define PAYDESK_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_LAYOUT "1" /* of the file, in its name: another one, other file */
#define STATS_SLOTS 64	 /* workers of one program that can be counted */
#define STATS_BUCKETS 14
#define STATS_CODES 20
#define STATS_EVENTS 160 /* (type, outcome) that a worker tells apart */

/* Statuses that are told apart; whatever else there is is the last one, 0. */
extern const int stats_codes[STATS_CODES];

/* Upper bounds of the buckets in seconds; the last one has none: infinity. */
extern const double stats_bounds[STATS_BUCKETS];

/* Webhook deliveries of one kind. */
struct stats_event {
	char provider[16], type[56], outcome[24];
	uint64_t count;
};

/* The counters of a worker, or the sum of several. */
struct stats {
	uint64_t codes[STATS_CODES];
	uint64_t buckets[STATS_BUCKETS]; /* each request in one of them */
	uint64_t duration_us;		 /* of all requests together */
	uint64_t workers, busy;		 /* of those that live now */
	struct stats_event events[STATS_EVENTS]; /* used ones first */
};

/* Takes a slot in directory/program; false with errno: nothing is counted. */
bool stats_join(const char *directory, const char *program);

/* Gives it back; for a process that goes on after it has served. */
void stats_leave(void);

/* A request begins, and ends with that status after so long. */
void stats_begin(void);
void stats_end(int status, double seconds);

/*
 * Counts a delivery. The three words must be from lists that this program has:
 * none that came from outside. The first STATS_EVENTS - 1 kinds have a place,
 * what comes after them is counted as "other".
 */
void stats_event(const char *provider, const char *type, const char *outcome);

/* Adds up what all workers of a program have counted; false: there is none. */
bool stats_read(
    const char *directory, const char *program, struct stats *total);

/* Calls seen(context, program) for each program that counts in directory. */
void stats_programs(const char *directory,
    void (*seen)(void *context, const char *program), void *context);

/*
 * The time within which that share (0 to 1) of the requests ended, in seconds:
 * a straight line between the bounds of its bucket. Negative: there were none.
 */
double stats_quantile(const uint64_t buckets[STATS_BUCKETS], double share);

#endif
