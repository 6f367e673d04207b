/*
 * catalog_tools.h - the commands catalog apply, diff and show.
 *
 * The catalog has its home in the database, see sql/rules/catalog.sql. A file is
 * checked here and handed over whole; what was sold before follows it then, 500
 * subscriptions a transaction. Both run as the role paydesk_operator (or the
 * schema's owner), never as a role that serves.
 */
#ifndef PAYDESK_CATALOG_TOOLS_H
#define PAYDESK_CATALOG_TOOLS_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const catalog_statements[];

/*
 * diff prints what a file says otherwise, exit status 1 when that is something.
 * apply prints what changes for whom, and applies the file unless --dry-run is
 * given or more accounts than --allow-loss says would lose their access: exit
 * status 1.
 */
extern const struct command catalog_apply_command, catalog_show_command,
    catalog_diff_command;

#endif
