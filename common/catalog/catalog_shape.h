/*
 * catalog_shape.h - which members of catalog.json are read, and where.
 *
 * A misspelt name would be passed over in silence, and a trial not be given. A
 * name that begins with _ is a remark.
 */
#ifndef PAYDESK_CATALOG_SHAPE_H
#define PAYDESK_CATALOG_SHAPE_H

#include <json-c/json.h>

#include "base/arena.h"

/*
 * The first member that nobody reads: its place and the names that are known
 * there, as a sentence in the arena. NULL: there is none. What is of a wrong
 * type is left to whoever reads it.
 */
const char *catalog_shape_unread(struct arena *arena, json_object *document);

#endif
