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
 * Runs `check [--offline] [--json]` with settings that have been read. Returns
 * the exit status: EXIT_CONFIG when DATABASE_URL or the schema is wrong,
 * EXIT_UNAVAILABLE when the database cannot be reached, else EXIT_FAILED when
 * there is any problem.
 */
int checkup_run(struct service *service, int argc, char **argv);

#endif
