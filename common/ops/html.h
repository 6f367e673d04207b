/*
 * html.h - writing HTML that says what was meant, whoever wrote the texts.
 *
 * Names of elements and attributes are constants of ours. Every text and every
 * value of an attribute is escaped on its way out; there is no way around that.
 * What is no UTF-8, and control characters, become U+FFFD.
 */
#ifndef PAYDESK_HTML_H
#define PAYDESK_HTML_H

#include <stddef.h>

#include "base/arena.h"

#define HTML_TYPE "text/html; charset=utf-8"
#define HTML_MAX (3 << 20) /* bytes of a page */

struct html;

/* A page that begins with its doctype; NULL when there is no memory. */
struct html *html_new(struct arena *arena);

/*
 * The start of an element. Attributes follow as pairs, name and value, up to
 * NULL; one whose value is NULL is left out.
 */
void html_open(struct html *html, const char *element, ...)
    __attribute__((sentinel));
void html_close(struct html *html, const char *element);

/* A text; nothing when it is NULL. */
void html_text(struct html *html, const char *text);
void html_textf(struct html *html, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A whole element with a text in it, and attributes as for html_open(). */
void html_leaf(struct html *html, const char *element, const char *text, ...)
    __attribute__((sentinel));

/* The page; NULL when it did not fit or there was no memory. */
const char *html_end(const struct html *html, size_t *len);

/*
 * path?key=value with the value in percent escapes, for an attribute or a
 * header; NULL as for arena_alloc().
 */
const char *html_link(
    struct arena *arena, const char *path, const char *key, const char *value);

#endif
