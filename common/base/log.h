/*
 * log.h - one line an occurrence, in logfmt, on standard error.
 *
 * Values from outside are quoted and escaped. Whoever calls this passes no
 * secret, no body and no address of a person.
 */
#ifndef PAYDESK_LOG_H
#define PAYDESK_LOG_H

#include <stddef.h>

/* A line being put together; what does not fit is cut. */
struct log_line {
	char text[1024];
	size_t len;
};

/* Names the program in all later lines; program must outlive the process. */
void log_init(const char *program);

/* Starts a line with time= and endpoint=. */
void log_start(struct log_line *line);

/* Adds key=value, escaped; nothing when value is NULL. */
void log_field(struct log_line *line, const char *key, const char *value);

/* Adds key= and a formatted value that needs no escaping. */
void log_number(struct log_line *line, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes the line at once. */
void log_end(struct log_line *line);

/* A whole line: level=LEVEL msg="…". Levels: info, warn, error. */
void log_message(const char *level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
