#include "mail/mailer.h"

#include <string.h>

#include "base/log.h"
#include "mail/postmark.h"
#include "mail/smtp.h"

#define SENDER_WITHOUT_PROVIDER "paydesk@localhost"

struct mailer {
	struct postmark *postmark; /* NULL: not configured */
	struct smtp *smtp;	   /* NULL: not configured */
	struct mail_address from;
};

static const char *const verdict_names[] = {
	[MAIL_SENT] = "sent",
	[MAIL_LATER] = "later",
	[MAIL_UNKNOWN] = "unknown",
	[MAIL_REFUSED] = "refused",
	[MAIL_INACTIVE] = "inactive",
	[MAIL_SKIPPED] = "skipped",
};

/* mail_verdict_name - its word */
const char *
mail_verdict_name(enum mail_verdict verdict)
{
	return verdict_names[verdict];
}

/* mailer_new - by what is configured */
enum rc
mailer_new(struct arena *arena, const struct config *config,
    struct mailer **mailer, const char **problem)
{
	const char *from = config_string(config, EMAIL_FROM);
	struct mailer *made = arena_alloc(arena, sizeof *made);

	*problem = "out of memory";
	if (made == NULL)
		return RC_INTERNAL;
	*mailer = made;
	if (config_string(config, POSTMARK_TOKEN) != NULL)
		made->postmark = postmark_new(arena, config);
	else if (config_string(config, SMTP_URL) != NULL)
		made->smtp = smtp_new(arena, config);
	if (from == NULL && (made->postmark != NULL || made->smtp != NULL)) {
		*problem = "EMAIL_FROM is not set: mail needs a sender";
		return RC_BAD_REQUEST;
	}
	if (from == NULL)
		from = SENDER_WITHOUT_PROVIDER;
	if (!mail_address_parse(from, &made->from)) {
		*problem = "EMAIL_FROM is not an address";
		return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* mailer_send - one attempt */
void
mailer_send(struct mailer *mailer, struct arena *arena,
    struct mail_message *message, long timeout_ms, struct mail_outcome *outcome)
{
	const char *token = message->message_id;

	*outcome = (struct mail_outcome){ MAIL_LATER, NULL, NULL };
	message->from = &mailer->from;
	message->message_id = arena_printf(
	    arena, "%s%s", token, strchr(mailer->from.email, '@'));
	if (message->message_id == NULL)
		outcome->error = "out of memory";
	else if (mailer->postmark != NULL)
		postmark_send(
		    mailer->postmark, arena, message, timeout_ms, outcome);
	else if (mailer->smtp != NULL)
		smtp_send(mailer->smtp, arena, message, timeout_ms, outcome);
	else {
		log_message("info",
		    "mail %s is not sent: neither POSTMARK_TOKEN nor SMTP_URL "
		    "is set",
		    token);
		*outcome = (struct mail_outcome){ MAIL_SENT, "logged", NULL };
	}
}

/* mailer_examine - whoever it would be sent by */
void
mailer_examine(
    struct mailer *mailer, struct arena *arena, struct doctor *doctor)
{
	if (mailer->postmark == NULL && mailer->smtp == NULL) {
		doctor_warn(doctor, "mail",
		    "Set EMAIL_FROM, and POSTMARK_TOKEN or SMTP_URL.",
		    "none is sent: there is neither POSTMARK_TOKEN nor "
		    "SMTP_URL");
		return;
	}
	doctor_ok(doctor, "mail", "%s, from %s",
	    mailer->postmark != NULL ? "by Postmark" : "by SMTP",
	    mailer->from.email);
	if (!doctor_online(doctor))
		doctor_ok(
		    doctor, "mail server", "not asked, as it is --offline");
	else if (mailer->postmark != NULL)
		postmark_examine(mailer->postmark, arena, doctor);
	else
		smtp_examine(mailer->smtp, doctor);
}
