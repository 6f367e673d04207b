/*
 * ops_doubt.h - money in doubt: open disputes, and prices that nobody has listed.
 */
#ifndef PAYDESK_OPS_DOUBT_H
#define PAYDESK_OPS_DOUBT_H

#include "base/arena.h"
#include "base/db.h"
#include "base/rc.h"
#include "ops/html.h"

extern const struct db_statement *const ops_doubt_statements[];

/* Adds a card for each of the two of which there is something. */
enum rc ops_doubt(
    struct db *db, struct arena *arena, struct html *html) MUST_CHECK;

#endif
