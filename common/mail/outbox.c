#include "mail/outbox.h"

#include "base/log.h"

DB_STATEMENT(outbox_claim, 1,
    "SELECT id, kind, to_email, to_name, subject, body_text,"
    " body_html, token FROM billing.outbox_claim($1)");
DB_STATEMENT(outbox_mark, 4, "SELECT billing.outbox_mark($1, $2, $3, $4)");

const struct db_statement *const outbox_statements[] = {
	&sql_outbox_claim.is,
	&sql_outbox_mark.is,
	NULL,
};

#define SEND_TIMEOUT_MS 20000
#define LEASE_S "60" /* longer than any attempt with its database calls */

/* outbox_send - the attempt and the mark */
enum mail_verdict
outbox_send(struct db *db, struct arena *arena, struct mailer *mailer,
    const char *id, struct mail_message *message, long timeout_ms)
{
	struct mail_outcome outcome = { MAIL_SKIPPED, NULL, NULL };
	const char *params[4] = { id };

	if (timeout_ms > 0)
		mailer_send(mailer, arena, message, timeout_ms, &outcome);
	params[1] = mail_verdict_name(outcome.verdict);
	params[2] = outcome.id;
	params[3] = outcome.error;
	if (db_run(db, sql_outbox_mark, params, NULL) != RC_OK)
		log_message("warn", "mail %s: %s, but not marked so: %s", id,
		    params[1], db_error(db));
	return outcome.verdict;
}

/* send_claimed - the mail in the first row of a claim */
static enum mail_verdict
send_claimed(struct db *db, struct arena *arena, struct mailer *mailer,
    const struct db_result *claim)
{
	struct mail_message message = {
		.to_email = db_result_text(claim, 0, 2),
		.to_name = db_result_text(claim, 0, 3),
		.subject = db_result_text(claim, 0, 4),
		.text = db_result_text(claim, 0, 5),
		.html = db_result_text(claim, 0, 6),
		.message_id = db_result_text(claim, 0, 7),
	};
	const char *id = db_result_text(claim, 0, 0);
	enum mail_verdict verdict;

	verdict = outbox_send(db, arena, mailer, id, &message, SEND_TIMEOUT_MS);
	log_message(verdict == MAIL_SENT ? "info" : "warn", "mail %s: %s", id,
	    mail_verdict_name(verdict));
	return verdict;
}

/* outbox_step - one mail */
enum rc
outbox_step(struct db *db, struct arena *arena, struct mailer *mailer,
    enum mail_verdict *verdict)
{
	const char *const params[] = { LEASE_S };
	struct db_result *claim;
	enum rc rc = RC_NOT_FOUND;

	if (db_run(db, sql_outbox_claim, params, &claim) != RC_OK)
		return RC_BUSY;
	if (db_result_rows(claim) > 0) {
		*verdict = send_claimed(db, arena, mailer, claim);
		rc = RC_OK;
	}
	db_result_free(claim);
	return rc;
}
