/*
 * privacy.h - the commands export and erase: what is held on one person.
 *
 * What belongs to a person and what remains of it is in sql/. Both run as the
 * role paydesk_operator (or the schema's owner), never as a role that serves.
 */
#ifndef PAYDESK_PRIVACY_H
#define PAYDESK_PRIVACY_H

#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const privacy_statements[];

/*
 * For paydesk_operator alone. erase: exit status 1 when there is nobody to erase,
 * or not yet.
 */
extern const struct command privacy_export_command, privacy_erase_command;

#endif
