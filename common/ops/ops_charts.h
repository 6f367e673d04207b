/*
 * ops_charts.h - how it went: the charts of the operations page.
 */
#ifndef PAYDESK_OPS_CHARTS_H
#define PAYDESK_OPS_CHARTS_H

#include "base/arena.h"
#include "base/db.h"
#include "ops/html.h"
#include "base/rc.h"

/* Rows: points back from now, which series, the value. $1: how many points. */
extern const struct db_statement *const ops_charts_statements[];

/* Adds them to a page. */
enum rc ops_charts(
    struct db *db, struct arena *arena, struct html *html) MUST_CHECK;

#endif
