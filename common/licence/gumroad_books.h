/*
 * gumroad_books.h - from a delivery of Gumroad to a licence and a mail.
 *
 * What a delivery does to the books is billing.gumroad_apply() in sql/; it also
 * writes the result on the delivery's audit row, in the same transaction.
 */
#ifndef PAYDESK_GUMROAD_BOOKS_H
#define PAYDESK_GUMROAD_BOOKS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/db.h"
#include "licence/issue.h"
#include "mail/mail.h"

/* The statements that a program with these books lists among its own. */
extern const struct db_statement *const gumroad_books_statements[];

/* What applying needs besides the delivery. */
struct gumroad_books {
	struct db *db;
	const struct issuer *issuer;
	int lease_s; /* how long a new mail is the caller's to send; 0: not */
};

/* What became of a delivery; all of it lives in the arena. */
struct gumroad_result {
	const char *resource, *order;
	const char *status;	 /* for the reply; never NULL */
	const char *license_key; /* NULL: none is known */
	const char *problem;	 /* why nothing was minted, or NULL */
	const char *email_id;	 /* of a new mail, or NULL */
	struct mail_message mail;
};

/*
 * Writes the audit row, by itself and before anything else; *id is its id.
 * RC_BUSY, RC_UNCERTAIN: nothing may have been recorded.
 */
enum rc gumroad_books_receive(struct db *db, struct arena *arena,
    const char *body, size_t body_len, const char **id) MUST_CHECK;

/*
 * Applies the delivery of that audit row. What cannot be applied for its own
 * fault is RC_OK with a problem.
 *   RC_BUSY, RC_UNCERTAIN  nothing may have been committed; the row waits
 */
enum rc gumroad_books_apply(const struct gumroad_books *books,
    struct arena *arena, const char *id, const char *body, size_t body_len,
    struct gumroad_result *result) MUST_CHECK;

#endif
