/*
 * grants.h - the commands grant and revoke-grant: what a person gives an account.
 *
 * A grant is one more source of access, see sql/rules/grant.sql. Both run as the
 * role paydesk_operator (or the schema's owner), never as a role that serves.
 */
#ifndef PAYDESK_GRANTS_H
#define PAYDESK_GRANTS_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const grants_statements[];

/* Exit status 1 when there is no such account, plan or grant. */
extern const struct command grant_command, revoke_grant_command;

#endif
