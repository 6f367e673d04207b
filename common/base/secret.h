/*
 * secret.h - does a caller know one of the secrets?
 */
#ifndef PAYDESK_SECRET_H
#define PAYDESK_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define SECRETS_MAX 8

struct secrets;

/*
 * From a text of secrets separated by spaces, of which up to SECRETS_MAX are
 * used: old and new are both right while one is being changed. NULL when there
 * is none, or no memory. Only digests are kept, in the arena.
 */
struct secrets *secrets_new(struct arena *arena, const char *text);

/*
 * Whether candidate, len bytes, is one of them. Takes the same time whichever
 * it is, and however much of it is right.
 */
bool secrets_match(
    const struct secrets *secrets, const void *candidate, size_t len);

#endif
