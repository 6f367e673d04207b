/*
 * catalog_current.h - how sessions are made, as the catalog in the database says.
 *
 * A worker keeps what it has read, and reads it anew when another catalog was
 * applied: that takes effect with the next request. Before the first one the
 * defaults hold.
 */
#ifndef PAYDESK_CATALOG_CURRENT_H
#define PAYDESK_CATALOG_CURRENT_H

#include "base/arena.h"
#include "base/db.h"
#include "base/rc.h"
#include "catalog/catalog_checkout.h"

struct catalog_current;

/* What a program with one lists among its statements. */
extern const struct db_statement *const catalog_current_statements[];

/* It lives in the arena, as long as the program. NULL: no memory. */
struct catalog_current *catalog_current_new(struct arena *arena);

/*
 * The rules that hold now, until the next call; a round trip. RC_BUSY: the
 * database did not answer. RC_INTERNAL: a newer release has applied what this one
 * cannot read; logged.
 */
enum rc catalog_current_checkout(struct catalog_current *current, struct db *db,
    const struct catalog_checkout **checkout) MUST_CHECK;

#endif
