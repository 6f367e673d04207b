#include "base/buffer.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096

struct buffer {
	char *bytes;
	size_t len, size, max; /* without the NUL */
	bool failed;
};

/* release - its memory is not the arena's: it moves when it grows */
static void
release(void *object)
{
	struct buffer *buffer = object;

	if (buffer->bytes != NULL)
		explicit_bzero(buffer->bytes, buffer->len);
	free(buffer->bytes);
	buffer->bytes = NULL;
}

/* buffer_new - nothing yet */
struct buffer *
buffer_new(struct arena *arena, size_t max)
{
	struct buffer *buffer = arena_alloc(arena, sizeof *buffer);

	if (buffer == NULL || arena_defer(arena, release, buffer) != 0)
		return NULL;
	buffer->max = max;
	return buffer;
}

/* reserve - room for so many bytes more and a NUL */
static bool
reserve(struct buffer *buffer, size_t more)
{
	size_t size = buffer->size > 0 ? buffer->size : FIRST_SIZE;
	char *bytes;

	if (more > buffer->max - buffer->len)
		return false;
	while (size < buffer->len + more + 1)
		size *= 2;
	if (size == buffer->size)
		return true;
	bytes = realloc(buffer->bytes, size);
	if (bytes == NULL)
		return false;
	buffer->bytes = bytes;
	buffer->size = size;
	return true;
}

/* buffer_add - at the end */
void
buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
	if (buffer == NULL || buffer->failed)
		return;
	if (!reserve(buffer, len)) {
		buffer->failed = true;
		return;
	}
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += len;
	buffer->bytes[buffer->len] = '\0';
}

/* buffer_printf - at the end */
void
buffer_printf(struct buffer *buffer, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof text)
		buffer_add(buffer, text, (size_t)len);
	else if (buffer != NULL)
		buffer->failed = true;
}

/* buffer_text - all of it or nothing */
const char *
buffer_text(const struct buffer *buffer, size_t *len)
{
	*len = 0;
	if (buffer == NULL || buffer->failed)
		return NULL;
	*len = buffer->len;
	return buffer->bytes != NULL ? buffer->bytes : "";
}
