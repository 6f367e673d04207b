#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *log_program = "paydesk";

/* log_init - name the program */
void
log_init(const char *program)
{
	log_program = program;
}

/* put - append text, cutting what does not fit */
static void
put(struct log_line *line, const char *text, size_t len)
{
	size_t room = sizeof line->text - 1 - line->len;

	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/* put_key - a space and key= */
static void
put_key(struct log_line *line, const char *key)
{
	put(line, " ", 1);
	put(line, key, strlen(key));
	put(line, "=", 1);
}

/* needs_quotes - whether a logfmt reader would trip over it */
static int
needs_quotes(const char *value)
{
	if (*value == '\0')
		return 1;
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return 1;
	}
	return 0;
}

/* log_start - time and program */
void
log_start(struct log_line *line)
{
	struct timespec now;
	struct tm tm;
	char stamp[64];
	size_t len;

	line->len = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(stamp, sizeof stamp, "time=%Y-%m-%dT%H:%M:%S", &tm);
	put(line, stamp, len);
	len = (size_t)snprintf(
	    stamp, sizeof stamp, ".%03ldZ", now.tv_nsec / 1000000);
	put(line, stamp, len);
	log_field(line, "endpoint", log_program);
}

/* log_field - a value from anywhere */
void
log_field(struct log_line *line, const char *key, const char *value)
{
	if (value == NULL)
		return;
	put_key(line, key);
	if (!needs_quotes(value)) {
		put(line, value, strlen(value));
		return;
	}
	put(line, "\"", 1);
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;
		char escaped[5];

		if (c == '"' || c == '\\')
			snprintf(escaped, sizeof escaped, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			snprintf(escaped, sizeof escaped, "\\x%02x", c);
		else
			snprintf(escaped, sizeof escaped, "%c", c);
		put(line, escaped, strlen(escaped));
	}
	put(line, "\"", 1);
}

/* log_number - a value of our own making */
void
log_number(struct log_line *line, const char *key, const char *format, ...)
{
	char value[64];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	put_key(line, key);
	put(line, value, strlen(value));
}

/* log_end - one write, so that lines of several workers do not mix */
void
log_end(struct log_line *line)
{
	ssize_t ignored;

	line->text[line->len++] = '\n';
	ignored = write(STDERR_FILENO, line->text, line->len);
	(void)ignored;
}

/* log_message - a sentence */
void
log_message(const char *level, const char *format, ...)
{
	struct log_line line;
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	log_start(&line);
	log_field(&line, "level", level);
	log_field(&line, "msg", message);
	log_end(&line);
}
