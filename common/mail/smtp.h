/*
 * smtp.h - mail through an SMTP server, by libcurl.
 *
 * SMTP_URL is smtp://[user:password@]host[:port] or smtps://…. With smtp: the
 * connection must become encrypted by STARTTLS, unless the server is on this
 * host (localhost, 127.0.0.1, [::1]), where it may.
 */
#ifndef PAYDESK_SMTP_H
#define PAYDESK_SMTP_H

#include "base/arena.h"
#include "program/config.h"
#include "program/doctor.h"
#include "mail/mail.h"

struct smtp;

/* Needs SMTP_URL. Ends the program when there is no memory. */
struct smtp *smtp_new(struct arena *arena, const struct config *config);

void smtp_send(struct smtp *smtp, struct arena *arena,
    const struct mail_message *message, long timeout_ms,
    struct mail_outcome *outcome);

/* For `check`: connects, encrypts, logs in; sends nothing. */
void smtp_examine(struct smtp *smtp, struct doctor *doctor);

#endif
