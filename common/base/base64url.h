/*
 * base64url.h - RFC 4648 section 5, without padding.
 */
#ifndef PAYDESK_BASE64URL_H
#define PAYDESK_BASE64URL_H

#include <stddef.h>

#include "base/arena.h"

/* NULL: no memory. */
char *base64url_encode(struct arena *arena, const void *bytes, size_t len);

/*
 * NULL: no memory, or text is not the one way to write some bytes. There is a
 * NUL after them.
 */
unsigned char *base64url_decode(
    struct arena *arena, const char *text, size_t text_len, size_t *len);

#endif
