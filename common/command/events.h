/*
 * events.h - the events command: what the ledger holds, for people.
 */
#ifndef PAYDESK_EVENTS_H
#define PAYDESK_EVENTS_H

#include "program/serve.h"

#define EVENTS_LIMIT 50	      /* that list shows unless told otherwise */
#define EVENTS_LIMIT_MAX 1000 /* that list and replay take at once */

/* The statements that a program with this command lists among its own. */
extern const struct db_statement *const events_statements[];

/*
 * Exit status 1: there is no such event, or one could not be applied, or needed
 * no skipping.
 */
extern const struct command events_list_command, events_show_command,
    events_replay_command, events_skip_command;

#endif
