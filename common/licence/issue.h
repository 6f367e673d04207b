/*
 * issue.h - a licence made ready: key, signed blob, and the mail with both.
 */
#ifndef PAYDESK_ISSUE_H
#define PAYDESK_ISSUE_H

#include <stdbool.h>

#include "base/arena.h"
#include "program/config.h"
#include "program/doctor.h"
#include "licence/license.h"
#include "mail/mail_template.h"
#include "base/rc.h"

struct issuer;

/* What a licence is made from, and in the end all of it. */
struct issue {
	const char *key;  /* NULL: a new one is made */
	const char *blob; /* made by issue_sign() */
	const char *tier, *product, *email;
	const char *issued;	  /* YYYY-MM-DD; NULL: today, UTC */
	const char *name;	  /* of the buyer; may be NULL */
	const char *product_name; /* for people; may be NULL */
	bool test;
	struct mail_words mail; /* made by issue_mail() */
};

/*
 * Reads the templates, and the signing key when there is one. Everything lives
 * in the arena. RC_BAD_REQUEST: *problem names the setting.
 */
enum rc issuer_new(struct arena *arena, const struct config *config,
    struct issuer **issuer, const char **problem) MUST_CHECK;

/* NULL when LICENSE_SIGNING_KEY is not set. */
const struct license_signer *issuer_signer(const struct issuer *issuer);

/* Makes the key unless it is given, and the blob. Needs a signer. */
enum rc issue_sign(const struct issuer *issuer, struct arena *arena,
    struct issue *issue) MUST_CHECK;

/* Writes the mail. */
enum rc issue_mail(const struct issuer *issuer, struct arena *arena,
    struct issue *issue) MUST_CHECK;

/* For `check`: the key, and whether a mail can be written with the templates. */
void issuer_examine(
    const struct issuer *issuer, struct arena *arena, struct doctor *doctor);

#endif
