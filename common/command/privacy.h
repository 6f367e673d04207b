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

/* `export [--email] ID`: one JSON document on standard output. */
int privacy_export(struct service *service, int argc, char **argv);

/*
 * `erase [--email] [--dry-run | --yes] [--json] ID`: lists what it did, or with
 * --dry-run would do. Exit status 1 when there is nobody to erase, or not yet.
 */
int privacy_erase(struct service *service, int argc, char **argv);

#endif
