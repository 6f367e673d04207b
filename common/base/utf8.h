/*
 * utf8.h - text in UTF-8 that somebody else wrote.
 */
#ifndef PAYDESK_UTF8_H
#define PAYDESK_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The length in bytes of the character that begins text, which has len bytes
 * left; 0 when that is none (overlong forms and surrogates included).
 */
size_t utf8_char(const char *text, size_t len);

/* Whether all of it is UTF-8 without a NUL. */
bool utf8_valid(const char *text, size_t len);

#endif
