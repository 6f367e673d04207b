/*
 * mailer.h - one mail to one provider: Postmark, else SMTP, else the log.
 *
 * Postmark when POSTMARK_TOKEN is set; the server of SMTP_URL when that is; and
 * without either a mail counts as sent and a line in the log says that there
 * was one.
 */
#ifndef PAYDESK_MAILER_H
#define PAYDESK_MAILER_H

#include "arena.h"
#include "config.h"
#include "doctor.h"
#include "mail_text.h"
#include "rc.h"

enum mail_verdict {
	MAIL_SENT,
	MAIL_LATER,    /* not sent; trying again may help */
	MAIL_UNKNOWN,  /* no answer: sent or not, trying again may double it */
	MAIL_REFUSED,  /* the provider will not take it */
	MAIL_INACTIVE, /* the provider no longer writes to this address */
	MAIL_SKIPPED,  /* no attempt was made */
};

/* The words of it live in the arena of the attempt; both may be NULL. */
struct mail_outcome {
	enum mail_verdict verdict;
	const char *id;	   /* the provider's */
	const char *error; /* in the provider's words; may name the address */
};

struct mailer;

/*
 * Everything lives in the arena, and the config must live as long.
 * RC_BAD_REQUEST: *problem names the setting that is missing.
 */
enum rc mailer_new(struct arena *arena, const struct config *config,
    struct mailer **mailer, const char **problem) MUST_CHECK;

/*
 * Sends within timeout_ms. message->from is filled in; message_id is the token
 * of the mail, to which the sender's domain is added.
 */
void mailer_send(struct mailer *mailer, struct arena *arena,
    struct mail_message *message, long timeout_ms,
    struct mail_outcome *outcome);

/*
 * For `check`: the sender and the provider, and unless offline whether that
 * lets us in. Sends nothing.
 */
void mailer_examine(
    struct mailer *mailer, struct arena *arena, struct doctor *doctor);

/* The verdict's word for outbox_mark(). */
const char *mail_verdict_name(enum mail_verdict verdict);

#endif
