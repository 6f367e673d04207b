/*
 * license_tools.h - the commands of license, for operators.
 */
#ifndef PAYDESK_LICENSE_TOOLS_H
#define PAYDESK_LICENSE_TOOLS_H

#include "licence/issue.h"
#include "program/serve.h"

/* The statements that a program with these commands lists among its own. */
extern const struct db_statement *const license_tools_statements[];

/* The state of a program with these commands, made by its setup(). */
struct license_state {
	struct issuer *issuer; /* NULL: what is run writes no mail */
};

/* The private key goes to FILE and the public one to FILE.pub. */
extern const struct command license_tools_keygen_command;

/* Exit status 1: it is not genuine. */
extern const struct command license_tools_verify_command;

extern const struct command license_tools_show_command,
    license_tools_revoke_command, license_tools_restore_command,
    license_tools_resend_command;

#endif
