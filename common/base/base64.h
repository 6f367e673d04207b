/*
 * base64.h - RFC 4648.
 */
#ifndef PAYDESK_BASE64_H
#define PAYDESK_BASE64_H

#include <stddef.h>

#include "base/arena.h"

/*
 * Section 4, with padding. Writes to a buffer that has room for 4 bytes for each
 * 3 that are begun, and returns the end of what it wrote; there is no NUL.
 */
char *base64_encode(char *to, const void *bytes, size_t len);

/* Section 5, for URLs, without padding. NULL: no memory. */
char *base64_url_encode(struct arena *arena, const void *bytes, size_t len);

/*
 * NULL: no memory, or text is not the one way to write some bytes. There is a
 * NUL after them.
 */
unsigned char *base64_url_decode(
    struct arena *arena, const char *text, size_t text_len, size_t *len);

#endif
