/*
 * checkup.h - the command `check` of every program.
 *
 * First what all have: settings, database, schema, role and its rights, clock.
 * Then what the program's own examine() finds.
 */
#ifndef PAYDESK_CHECKUP_H
#define PAYDESK_CHECKUP_H

#include "program/serve.h"

/*
 * Its exit status: EXIT_CONFIG when DATABASE_URL or the schema is wrong,
 * EXIT_UNAVAILABLE when the database cannot be reached, else EXIT_FAILED when
 * there is any problem.
 */
extern const struct command checkup_command;

#endif
