/*
 * moment.h - a point of time, as an operator gives it.
 */
#ifndef PAYDESK_MOMENT_H
#define PAYDESK_MOMENT_H

#include <stdint.h>

#include "base/rc.h"

/* What moment_parse() reads, for messages. */
#define MOMENT_FORMS \
	"a time is 2026-11-20T09:30:00Z, 2026-11-20, a number of seconds " \
	"since 1970, or an age such as 45m, 2h or 3d"

/*
 * Reads RFC 3339, a date (its beginning in UTC), seconds since 1970, or an age
 * (s, m, h, d, w) before now_s. RC_BAD_REQUEST: it is none of these.
 */
enum rc moment_parse(
    const char *text, int64_t now_s, int64_t *moment_s) MUST_CHECK;

#define MOMENT_TEXT sizeof "2026-11-20T09:30:00Z"

/* Writes the moment as RFC 3339 in UTC, and returns the text. */
const char *moment_text(int64_t moment_s, char text[MOMENT_TEXT]);

#endif
