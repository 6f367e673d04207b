#include "base/moment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"
#define NUMBER_MAX 11 /* digits: until the year 5138 */

/* read_age - a number and its unit, before now */
static enum rc
read_age(const char *unit, int64_t number, int64_t now_s, int64_t *moment_s)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
		{ "w", 604800 } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(unit, units[i].unit) == 0 &&
		    number <= now_s / units[i].seconds) {
			*moment_s = now_s - number * units[i].seconds;
			return RC_OK;
		}
	}
	return RC_BAD_REQUEST;
}

/* fits - whether timegm() changed nothing: there is such a day and hour */
static bool
fits(const struct tm *asked)
{
	struct tm made = *asked;

	(void)timegm(&made);
	return made.tm_mday == asked->tm_mday && made.tm_mon == asked->tm_mon &&
	    made.tm_hour == asked->tm_hour && made.tm_min == asked->tm_min &&
	    made.tm_sec == asked->tm_sec;
}

/* read_zone - Z or an offset, as seconds east of it */
static enum rc
read_zone(const char *zone, int64_t *east_s)
{
	int hours, minutes, end = 0;

	*east_s = 0;
	if (strcmp(zone, "Z") == 0 || strcmp(zone, "z") == 0)
		return RC_OK;
	if ((*zone != '+' && *zone != '-') || strlen(zone) != 6 ||
	    sscanf(zone + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 ||
	    end != 5 || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return RC_BAD_REQUEST;
	*east_s = ((int64_t)hours * 60 + minutes) * 60;
	if (*zone == '-')
		*east_s = -*east_s;
	return RC_OK;
}

/* read_date - with or without a time of day */
static enum rc
read_date(const char *text, int64_t *moment_s)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	int64_t east_s = 0;

	if (rest == NULL || rest - text != 10)
		return RC_BAD_REQUEST;
	if (*rest != '\0') {
		if (strchr("Tt ", *rest) == NULL)
			return RC_BAD_REQUEST;
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
		if (rest == NULL)
			return RC_BAD_REQUEST;
		if (*rest == '.')
			rest += 1 + strspn(rest + 1, DIGITS);
		if (read_zone(rest, &east_s) != RC_OK)
			return RC_BAD_REQUEST;
	}
	if (!fits(&tm))
		return RC_BAD_REQUEST;
	*moment_s = (int64_t)timegm(&tm) - east_s;
	return *moment_s >= 0 ? RC_OK : RC_BAD_REQUEST;
}

/* moment_parse - in whichever of its forms */
enum rc
moment_parse(const char *text, int64_t now_s, int64_t *moment_s)
{
	size_t digits = strspn(text, DIGITS);

	if (digits > 0 && digits <= NUMBER_MAX && text[digits] != '-') {
		*moment_s = strtoll(text, NULL, 10);
		if (text[digits] == '\0')
			return RC_OK;
		return read_age(text + digits, *moment_s, now_s, moment_s);
	}
	return read_date(text, moment_s);
}

/* moment_text - for people and for programs */
const char *
moment_text(int64_t moment_s, char text[MOMENT_TEXT])
{
	time_t seconds = (time_t)moment_s;
	struct tm tm;

	*text = '\0';
	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(text, MOMENT_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}
