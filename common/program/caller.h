/*
 * caller.h - who calls: the account that the host application says it is.
 *
 * Either nginx has set REMOTE_USER, and with it PAYDESK_EMAIL and PAYDESK_ROLE,
 * after auth_request or auth_basic; or there is a bearer token with the claims
 * sub, email and role. A header of a client arrives as HTTP_NAME and can be
 * none of these.
 */
#ifndef PAYDESK_CALLER_H
#define PAYDESK_CALLER_H

#include <stdbool.h>

#include "base/arena.h"
#include "program/bearer.h"
#include "program/config.h"
#include "program/doctor.h"
#include "base/rc.h"
#include "program/request.h"
#include "program/site.h"

#define CALLER_ID_MAX 255    /* bytes */
#define CALLER_EMAIL_MAX 320 /* bytes */

struct caller_rules {
	struct bearer *bearer;	  /* NULL: no bearer tokens */
	bool tokens_are_verified; /* the host promises it of every address */
	struct site *site;
};

struct caller {
	const char *id;	     /* accounts.external_id */
	const char *email;   /* NULL: not given */
	bool email_verified; /* only then it says whose a payment is */
	const char *role;    /* "admin", or NULL for everybody else */
	bool by_nginx;	     /* with what a browser adds by itself */
};

/* The settings that a program with callers lists among its own. */
#define CALLER_SETTINGS BEARER_SETTINGS, AUTH_EMAIL_VERIFIED, SITE_SETTINGS

/* Everything lives in the arena. RC_BAD_REQUEST: as for bearer_new(). */
enum rc caller_rules_new(struct arena *arena, const struct config *config,
    struct caller_rules *rules, const char **problem) MUST_CHECK;

/*
 * Who calls. RC_SIGNATURE after the reply: 401, or 403 when a page of somebody
 * else's made the browser call.
 */
enum rc caller_identify(const struct caller_rules *rules,
    struct request *request, struct caller *caller) MUST_CHECK;

/* email_verified for the database: "true" or "false". */
const char *caller_verified(const struct caller *caller);

/* For `check`: how a caller can say who he is. */
void caller_examine(const struct caller_rules *rules, struct doctor *doctor);

#endif
