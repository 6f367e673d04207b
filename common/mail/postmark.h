/*
 * postmark.h - mail through Postmark's API.
 *
 * POST /email with X-Postmark-Server-Token; sent is 200 with ErrorCode 0
 * (postmarkapp.com/developer/api/email-api, .../overview for the codes).
 */
#ifndef PAYDESK_POSTMARK_H
#define PAYDESK_POSTMARK_H

#include "base/arena.h"
#include "program/config.h"
#include "program/doctor.h"
#include "mail/mail.h"

struct postmark;

/* Needs POSTMARK_TOKEN. Ends the program when there is no memory. */
struct postmark *postmark_new(struct arena *arena, const struct config *config);

void postmark_send(struct postmark *postmark, struct arena *arena,
    const struct mail_message *message, long timeout_ms,
    struct mail_outcome *outcome);

/*
 * For `check`: GET /server, which the token alone answers and which sends
 * nothing (postmarkapp.com/developer/api/server-api).
 */
void postmark_examine(
    struct postmark *postmark, struct arena *arena, struct doctor *doctor);

#endif
