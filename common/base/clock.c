#include "base/clock.h"

#include <time.h>

/* read_ms - of a clock that is always there */
static int64_t
read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* clock_monotonic_ms - never set back */
int64_t
clock_monotonic_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

/* clock_wall_ms - may be set */
int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

/* clock_wall_us - may be set */
int64_t
clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
