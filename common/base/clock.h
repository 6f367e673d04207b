/*
 * clock.h - what time it is.
 */
#ifndef PAYDESK_CLOCK_H
#define PAYDESK_CLOCK_H

#include <stdint.h>

/* Milliseconds of a clock that only goes forward, for deadlines. */
int64_t clock_monotonic_ms(void);

/* Milliseconds since 1970, as this host has it. */
int64_t clock_wall_ms(void);

/* The same in microseconds. */
int64_t clock_wall_us(void);

#endif
