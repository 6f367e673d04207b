/*
 * doctor.h - what `check` finds, and what to do about it.
 *
 * A finding says what was looked at and how it stands, in words that may hold
 * names of settings, ids and paths, and never the value of a secret. Findings
 * keep the order in which they were made.
 */
#ifndef PAYDESK_DOCTOR_H
#define PAYDESK_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

#define DOCTOR_TIMEOUT_MS 5000 /* for every question to another host */

struct doctor;

/*
 * Everything lives in the arena. offline: nothing may be asked of another host.
 * Ends the program when there is no memory.
 */
struct doctor *doctor_new(struct arena *arena, bool offline);

/* Whether other hosts may be asked. */
bool doctor_online(const struct doctor *doctor);

/* The subject is as it should be. */
void doctor_ok(struct doctor *doctor, const char *subject, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * It works, but not as it should; or it does not work. The advice is one
 * sentence, an imperative.
 */
void doctor_warn(struct doctor *doctor, const char *subject, const char *advice,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void doctor_problem(struct doctor *doctor, const char *subject,
    const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Whether somebody's clock agrees with ours; it is ahead_s seconds ahead.
 */
void doctor_clock(struct doctor *doctor, const char *subject, double ahead_s);

/* Prints all findings; whether none is a problem. */
bool doctor_report(const struct doctor *doctor, bool as_json, FILE *out);

#endif
