#include "program/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX "." STATS_LAYOUT
#define PATH_SIZE 512

const int stats_codes[STATS_CODES] = { 200, 202, 204, 303, 304, 400, 401, 403,
	404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 504, 0 };
const double stats_bounds[STATS_BUCKETS] = { .0005, .001, .002, .005, .01, .02,
	.05, .1, .2, .5, 1, 2, 5, 1e9 };

/* A counter that one process writes and others read. */
typedef _Atomic uint64_t counter;

struct slot_event {
	char provider[16], type[56], outcome[24];
	counter count; /* 0: not used yet */
};

struct slot {
	counter codes[STATS_CODES], buckets[STATS_BUCKETS], duration_us, busy;
	struct slot_event events[STATS_EVENTS];
};

static struct slot *own; /* NULL: nothing is counted */
static int own_file = -1;

/* add - to a counter that nobody else writes */
static void
add(counter *value, uint64_t more)
{
	atomic_store_explicit(value,
	    atomic_load_explicit(value, memory_order_relaxed) + more,
	    memory_order_release);
}

/* open_file - of a program; -1 with errno */
static int
open_file(const char *directory, const char *program, int flags)
{
	char path[PATH_SIZE];
	int len;

	len = snprintf(path, sizeof path, "%s/%s" SUFFIX, directory, program);
	if (len < 0 || (size_t)len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* slot_lock - the lock on the first byte of a slot */
static struct flock
slot_lock(size_t number)
{
	struct flock lock;

	memset(&lock, 0, sizeof lock);
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	lock.l_start = (off_t)(number * sizeof(struct slot));
	lock.l_len = 1;
	return lock;
}

/*
 * claim - the first slot that no living worker has, or STATS_SLOTS. The lock
 * belongs to the open file, and so to no other user of it in this process.
 */
static size_t
claim(int file)
{
	struct flock lock;
	size_t number;

	for (number = 0; number < STATS_SLOTS; number++) {
		lock = slot_lock(number);
		if (fcntl(file, F_OFD_SETLK, &lock) == 0)
			break;
	}
	return number;
}

/* stats_join - map the slot that was claimed; the file is sparse */
bool
stats_join(const char *directory, const char *program)
{
	const size_t size = STATS_SLOTS * sizeof(struct slot);
	struct slot *slots = MAP_FAILED;
	size_t number = STATS_SLOTS;
	struct stat status;
	int file, error;

	file = open_file(directory, program, O_RDWR | O_CREAT);
	if (file < 0)
		return false;
	if (fstat(file, &status) == 0 &&
	    ((size_t)status.st_size >= size ||
		ftruncate(file, (off_t)size) == 0) &&
	    (number = claim(file)) < STATS_SLOTS)
		slots = mmap(
		    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (slots == MAP_FAILED) {
		error = number == STATS_SLOTS ? EBUSY : errno;
		close(file);
		errno = error;
		return false;
	}
	own = &slots[number];
	own_file = file;
	atomic_store(&own->busy, 0); /* whoever had it may have died at work */
	return true;
}

/* stats_leave - the mapping stays until the process ends */
void
stats_leave(void)
{
	own = NULL;
	if (own_file >= 0)
		close(own_file);
	own_file = -1;
}

/* stats_begin - this worker is busy */
void
stats_begin(void)
{
	if (own != NULL)
		atomic_store_explicit(&own->busy, 1, memory_order_relaxed);
}

/* stats_end - and now it is not */
void
stats_end(int status, double seconds)
{
	size_t code = 0, bucket = 0;

	if (own == NULL)
		return;
	while (code < STATS_CODES - 1 && stats_codes[code] != status)
		code++;
	while (bucket < STATS_BUCKETS - 1 && seconds > stats_bounds[bucket])
		bucket++;
	add(&own->codes[code], 1);
	add(&own->buckets[bucket], 1);
	add(&own->duration_us, seconds > 0 ? (uint64_t)(seconds * 1e6) : 0);
	atomic_store_explicit(&own->busy, 0, memory_order_relaxed);
}

/* is_event - whether the place is that of this kind */
static bool
is_event(const struct slot_event *event, const char *provider, const char *type,
    const char *outcome)
{
	return strcmp(event->type, type) == 0 &&
	    strcmp(event->outcome, outcome) == 0 &&
	    strcmp(event->provider, provider) == 0;
}

/* stats_event - at its place, or at a new one: the names before the count */
void
stats_event(const char *provider, const char *type, const char *outcome)
{
	struct slot_event *event;
	size_t i;

	if (own == NULL)
		return;
	for (i = 0; i < STATS_EVENTS; i++) {
		event = &own->events[i];
		if (atomic_load_explicit(&event->count, memory_order_relaxed) ==
		    0)
			break;
		if (is_event(event, provider, type, outcome)) {
			add(&event->count, 1);
			return;
		}
	}
	if (i >= STATS_EVENTS - 1) {
		i = STATS_EVENTS - 1;
		provider = type = outcome = "other";
	}
	event = &own->events[i];
	snprintf(event->provider, sizeof event->provider, "%s", provider);
	snprintf(event->type, sizeof event->type, "%s", type);
	snprintf(event->outcome, sizeof event->outcome, "%s", outcome);
	add(&event->count, 1);
}

/* read_event - to the sum; names are ended, whatever the file holds */
static void
read_event(const struct slot_event *from, struct stats *total)
{
	uint64_t count = atomic_load_explicit(
	    &from->count, memory_order_acquire);
	struct stats_event event;

	memcpy(event.provider, from->provider, sizeof event.provider);
	memcpy(event.type, from->type, sizeof event.type);
	memcpy(event.outcome, from->outcome, sizeof event.outcome);
	event.provider[sizeof event.provider - 1] = '\0';
	event.type[sizeof event.type - 1] = '\0';
	event.outcome[sizeof event.outcome - 1] = '\0';
	event.count = count;
	for (size_t i = 0; count > 0 && i < STATS_EVENTS; i++) {
		struct stats_event *sum = &total->events[i];

		if (sum->count == 0)
			*sum = event;
		else if (strcmp(sum->type, event.type) == 0 &&
		    strcmp(sum->outcome, event.outcome) == 0 &&
		    strcmp(sum->provider, event.provider) == 0)
			sum->count += count;
		else
			continue;
		return;
	}
}

/* read_slot - to the sum */
static void
read_slot(const struct slot *slot, bool lives, struct stats *total)
{
	for (size_t i = 0; i < STATS_CODES; i++)
		total->codes[i] += atomic_load(&slot->codes[i]);
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		total->buckets[i] += atomic_load(&slot->buckets[i]);
	total->duration_us += atomic_load(&slot->duration_us);
	if (lives) {
		total->workers++;
		total->busy += atomic_load(&slot->busy) != 0;
	}
	for (size_t i = 0; i < STATS_EVENTS; i++)
		read_event(&slot->events[i], total);
}

/* is_locked - whether a living worker has the slot */
static bool
is_locked(int file, size_t number)
{
	struct flock lock = slot_lock(number);

	return fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* stats_read - by copies: a file that is cut meanwhile does no harm */
bool
stats_read(const char *directory, const char *program, struct stats *total)
{
	static struct slot slot;
	int file = open_file(directory, program, O_RDONLY);

	memset(total, 0, sizeof *total);
	if (file < 0)
		return false;
	for (size_t i = 0; i < STATS_SLOTS; i++) {
		if (pread(file, &slot, sizeof slot, (off_t)(i * sizeof slot)) !=
		    sizeof slot)
			break;
		read_slot(&slot, is_locked(file, i), total);
	}
	close(file);
	return true;
}

/* is_program - whether a file is that of a program; cuts the suffix off */
static bool
is_program(char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (len == 0 || strcmp(name + len, SUFFIX) != 0)
		return false;
	name[len] = '\0';
	return true;
}

/* stats_programs - by their files */
void
stats_programs(const char *directory,
    void (*seen)(void *context, const char *program), void *context)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (is_program(entries[i]->d_name))
			seen(context, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* stats_quantile - from the buckets */
double
stats_quantile(const uint64_t buckets[STATS_BUCKETS], double share)
{
	uint64_t all = 0, below = 0;
	double wanted, from, to;

	for (size_t i = 0; i < STATS_BUCKETS; i++)
		all += buckets[i];
	if (all == 0)
		return -1;
	wanted = (double)all * share;
	for (size_t i = 0; i < STATS_BUCKETS - 1; i++) {
		from = i > 0 ? stats_bounds[i - 1] : 0;
		to = stats_bounds[i];
		if (buckets[i] > 0 && (double)(below + buckets[i]) >= wanted)
			return from +
			    (to - from) * (wanted - (double)below) /
			    (double)buckets[i];
		below += buckets[i];
	}
	return stats_bounds[STATS_BUCKETS - 2];
}
