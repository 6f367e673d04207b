/*
 * license_tools.h - the commands of license, for operators.
 */
#ifndef PAYDESK_LICENSE_TOOLS_H
#define PAYDESK_LICENSE_TOOLS_H

#include "licence/issue.h"
#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const license_tools_statements[];

/* `keygen [FILE]`: the private key to FILE and the public one to FILE.pub. */
int license_tools_keygen(struct service *service, int argc, char **argv);

/* `verify --public-key FILE [BLOB]`: exit status 0 when it is genuine, else 1. */
int license_tools_verify(struct service *service, int argc, char **argv);

/* `show KEY [--json]`, `revoke KEY [REASON]`, `restore KEY`, `resend KEY`. */
int license_tools_show(struct service *service, int argc, char **argv);
int license_tools_revoke(struct service *service, int argc, char **argv);
int license_tools_restore(struct service *service, int argc, char **argv);
int license_tools_resend(struct service *service, const struct issuer *issuer,
    int argc, char **argv);

#endif
