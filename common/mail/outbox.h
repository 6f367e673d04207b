/*
 * outbox.h - mails that wait in the database, and their way out.
 *
 * A mail is claimed in one short transaction, sent outside of any, and marked
 * in another. Who claims and dies leaves it to the next one after a while; that
 * one cannot know whether it went out, and says so on the row.
 */
#ifndef PAYDESK_OUTBOX_H
#define PAYDESK_OUTBOX_H

#include "mail/mailer.h"
#include "program/serve.h"

/* The statements that a program with an outbox lists among its own. */
extern const struct db_statement *const outbox_statements[];

/*
 * Sends the mail of that row, which the caller has claimed, within timeout_ms
 * and marks what became of it; 0 ms makes no attempt. The mark is best effort:
 * without it the row is taken up again later.
 */
enum mail_verdict outbox_send(struct db *db, struct arena *arena,
    struct mailer *mailer, const char *id, struct mail_message *message,
    long timeout_ms);

/*
 * Claims one mail that is due, sends it and marks it. RC_NOT_FOUND: none is
 * due; RC_BUSY: the database went away.
 */
enum rc outbox_step(struct db *db, struct arena *arena, struct mailer *mailer,
    enum mail_verdict *verdict) MUST_CHECK;

#endif
