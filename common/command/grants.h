/*
 * grants.h - the commands make, grant, revoke-grant and credit: accounts by hand, and
 * what a person gives them.
 *
 * A grant is one more source of access, see sql/rules/grant.sql. All run as the
 * role paydesk_operator (or the schema's owner), never as a role that serves.
 */
#ifndef PAYDESK_GRANTS_H
#define PAYDESK_GRANTS_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const grants_statements[];

/* Exit status 1 when there is no such account, plan or grant, or one already. */
extern const struct command make_command, grant_command, revoke_grant_command,
    credit_command;

#endif
