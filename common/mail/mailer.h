/*
 * mailer.h - one mail to one provider: Postmark, else SMTP, else the log.
 *
 * Postmark when POSTMARK_TOKEN is set; the server of SMTP_URL when that is; and
 * without either a mail counts as sent and a line in the log says that there
 * was one.
 */
#ifndef PAYDESK_MAILER_H
#define PAYDESK_MAILER_H

#include "base/arena.h"
#include "program/config.h"
#include "program/doctor.h"
#include "mail/mail.h"
#include "base/rc.h"

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
