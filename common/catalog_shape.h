/*
 * catalog_shape.h - which members catalog.json may have, and where.
 *
 * A misspelt name would be passed over in silence, and a trial not be given. A
 * name that begins with _ is a remark, and allowed everywhere.
 */
#ifndef PAYDESK_CATALOG_SHAPE_H
#define PAYDESK_CATALOG_SHAPE_H

#include <json-c/json.h>

#include "arena.h"
#include "rc.h"

/*
 * RC_BAD_REQUEST: there is a member that nobody reads; *problem is a sentence
 * with its place and the names that are known there. What is of a wrong type is
 * left to whoever reads it.
 */
enum rc catalog_shape_check(struct arena *arena, json_object *document,
    const char **problem) MUST_CHECK;

#endif
