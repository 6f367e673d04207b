/*
 * catalog.h - what is sold: the text that `catalog apply` puts into the database.
 *
 *   {"default_plan": "pro",
 *    "plans": {"pro": {…}},                      see catalog_prices.h
 *    "free": {"features": {"projects": 1}},
 *    …                                           see catalog_words.h
 *    "checkout": {"automatic_tax": true, …},     see catalog_checkout.h
 *    "gumroad": {…}}                             see catalog_gumroad.h
 *
 * Any other member is passed over with a warning, unless its name begins with _:
 * that is a remark. Here a text is checked, before it is applied; what it means is
 * for the rules in sql/ to say, and no program reads the file.
 */
#ifndef PAYDESK_CATALOG_H
#define PAYDESK_CATALOG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/rc.h"

#define CATALOG_MAX (256 << 10) /* bytes of a text */

/*
 * Reads the file at path and checks it. The text, *len bytes and a NUL, lives in
 * the arena. RC_BAD_REQUEST: *problem is a sentence that names the file and the
 * place of the error.
 */
enum rc catalog_read(struct arena *arena, const char *path, const char **text,
    size_t *len, const char **problem) MUST_CHECK;

/* Checks a text. Anything but RC_OK: *problem is a sentence with the place. */
enum rc catalog_check(struct arena *arena, const char *text, size_t len,
    const char **problem) MUST_CHECK;

#endif
