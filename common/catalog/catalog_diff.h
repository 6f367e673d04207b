/*
 * catalog_diff.h - what differs between two catalogs, a line a word.
 */
#ifndef PAYDESK_CATALOG_DIFF_H
#define PAYDESK_CATALOG_DIFF_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

/*
 * Prints "-PLACE VALUE" for what only the old one says and "+PLACE VALUE" for what
 * only the new one does; prices of a list stand under their ids. True: something
 * differs. The blanks and the order of members do not, but for the order of plans,
 * which ranks them.
 */
bool catalog_diff(
    struct arena *arena, json_object *old, json_object *new, FILE *out);

#endif
