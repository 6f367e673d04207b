/*
 * reconcile.h - the reconcile command: are the books what Stripe says?
 */
#ifndef PAYDESK_RECONCILE_H
#define PAYDESK_RECONCILE_H

#include "program/serve.h"

/* What a program with this command lists beside reconcile_walk_statements. */
extern const struct db_statement *const reconcile_statements[];

/*
 * An interrupted run is gone on with. Exit status 1: something differs, or with
 * --fix still does; or Stripe did not answer.
 */
extern const struct command reconcile_command;

#endif
