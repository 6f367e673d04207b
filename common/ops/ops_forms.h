/*
 * ops_forms.h - the forms with which a person decides; ops_decide.h reads them.
 */
#ifndef PAYDESK_OPS_FORMS_H
#define PAYDESK_OPS_FORMS_H

#include "ops/html.h"
#include "program/serve.h"

#define OPS_DAYS_MAX 36500

extern const struct db_statement *const ops_forms_statements[];

/* Whom a page is about. */
struct ops_subject {
	const char *account; /* its number in the books; NULL: there is none */
	const char *external_id; /* NULL likewise */
	const char *customer;	 /* of Stripe's; may be NULL */
	const char *query;	 /* the word by which the page was found */
};

/* The section with all that can be decided about somebody. */
enum rc ops_forms_add(struct db *db, struct arena *arena, struct html *html,
    const struct ops_subject *subject, const char *token) MUST_CHECK;

/* The form that gives a customer to an account, which is to be named. */
void ops_forms_link(struct html *html, const char *customer, const char *token);

/* The question whether a link is meant that takes something from somebody. */
void ops_forms_move(struct html *html, const char *customer,
    const char *account, const char *token);

#endif
