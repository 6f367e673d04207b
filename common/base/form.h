/*
 * form.h - application/x-www-form-urlencoded, from a body or a query.
 *
 * Nothing is refused for its looks: a pair without "=" has an empty value, a %
 * that no two hex digits follow stands for itself (url.spec.whatwg.org,
 * "urlencoded parsing"). What is bounded is the number of pairs.
 */
#ifndef PAYDESK_FORM_H
#define PAYDESK_FORM_H

#include <stddef.h>

#include "base/arena.h"
#include "base/rc.h"

#define FORM_FIELDS_MAX 20000
#define FORM_TEXT_MAX 1024 /* bytes of a value that form_text() returns */

/* Decoded; each with a NUL after it, and perhaps NULs inside. */
struct form_field {
	const char *key, *value;
	size_t key_len, value_len; /* bytes */
};

struct form;

/*
 * The form lives in the arena. RC_BAD_REQUEST: more than FORM_FIELDS_MAX
 * pairs; RC_TOO_LARGE: the arena is used up.
 */
enum rc form_parse(struct arena *arena, const char *text, size_t len,
    struct form **form) MUST_CHECK;

/* The first field of that name behind after, or at all when after is NULL. */
const struct form_field *form_next(
    const struct form *form, const char *key, const struct form_field *after);

/* The same for the first field whose name begins so. */
const struct form_field *form_prefixed(const struct form *form,
    const char *prefix, const struct form_field *after);

/*
 * The value of a field as a string. RC_NOT_FOUND: field is NULL or its value
 * empty; RC_BAD_REQUEST: longer than FORM_TEXT_MAX, or no text in UTF-8.
 */
enum rc form_text(
    const struct form_field *field, const char **value) MUST_CHECK;

/*
 * The same form in printable ASCII: bytes that a form should have escaped are,
 * so that any body can be kept as text and read again. NULL: no memory.
 */
const char *form_printable(struct arena *arena, const char *text, size_t len);

#endif
