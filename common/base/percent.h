/*
 * percent.h - percent-encoding (RFC 3986, 2.1).
 */
#ifndef PAYDESK_PERCENT_H
#define PAYDESK_PERCENT_H

#include <stddef.h>

#define PERCENT_GROWTH 3 /* bytes that one byte may become */

/* Whether a byte stands for itself in any part of a URL. */
int percent_unreserved(int byte);

/*
 * Writes len bytes of text with all but those that keeps() wants as %XX, and
 * returns the end of what it wrote; there is no NUL. to has room for
 * PERCENT_GROWTH * len bytes.
 */
char *percent_encode(
    char *to, const char *text, size_t len, int (*keeps)(int byte));

#endif
