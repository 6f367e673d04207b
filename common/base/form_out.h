/*
 * form_out.h - writing application/x-www-form-urlencoded, as Stripe reads it.
 *
 * Members of members are written a[b][c]=v and members of lists a[0]=v; their
 * brackets stay as they are, which Stripe accepts. All else is escaped as in
 * RFC 3986, a blank as %20.
 */
#ifndef PAYDESK_FORM_OUT_H
#define PAYDESK_FORM_OUT_H

#include <stddef.h>

#include "base/arena.h"

#define FORM_OUT_MAX 16384 /* bytes of a whole form */

struct form_out;

/* An empty form in the arena; NULL when that is used up. */
struct form_out *form_out_new(struct arena *arena);

/*
 * Adds key=value; nothing when form or value is NULL. What does not fit makes
 * form_out_text() fail.
 */
void form_out_add(struct form_out *form, const char *key, const char *value);
void form_out_add_number(struct form_out *form, const char *key, long value);

/* The text, *len bytes and a NUL; NULL when not all of it was written. */
const char *form_out_text(const struct form_out *form, size_t *len);

#endif
