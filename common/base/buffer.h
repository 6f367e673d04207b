/*
 * buffer.h - a text that grows while it is written.
 *
 * It lives in an arena and has a maximum. What does not fit makes it fail, and
 * it stays failed: writers need not look, only whoever takes the text does.
 */
#ifndef PAYDESK_BUFFER_H
#define PAYDESK_BUFFER_H

#include <stddef.h>

#include "base/arena.h"

struct buffer;

/* An empty one of at most max bytes; NULL when there is no memory. */
struct buffer *buffer_new(struct arena *arena, size_t max);

/* Adds bytes; nothing when buffer is NULL. */
void buffer_add(struct buffer *buffer, const void *bytes, size_t len);

/* Adds a formatted text. */
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text and a NUL behind it; NULL when not all of it was written. */
const char *buffer_text(const struct buffer *buffer, size_t *len);

#endif
