/*
 * mail.h - a mail, and what became of an attempt to send it.
 */
#ifndef PAYDESK_MAIL_H
#define PAYDESK_MAIL_H

#include "base/mail_address.h"

/* One mail to one person; to_name may be NULL. */
struct mail_message {
	const struct mail_address *from;
	const char *to_email, *to_name;
	const char *subject, *text, *html;
	const char *message_id; /* without the angle brackets */
};

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

#endif
