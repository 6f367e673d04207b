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
#include "catalog/catalog.h"
#include "base/db.h"
#include "licence/issue.h"
#include "mail/mail.h"

/* The statements that a program with these books lists among its own. */
#define GUMROAD_BOOKS_STATEMENTS \
	{ "gumroad_receive", \
		"INSERT INTO billing.gumroad_events (payload) VALUES ($1)" \
		" RETURNING id" }, \
	    { "gumroad_apply", \
		    "SELECT status_, license, license_key_, email_id," \
		    " email_token, due FROM billing.gumroad_apply($1, $2, $3," \
		    " $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15," \
		    " $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26," \
		    " $27)" }, \
	    { "gumroad_failed", \
		    "SELECT billing.gumroad_failed($1, $2, $3, $4, $5)" }, \
	    { "license_facts", \
		    "SELECT license_key, tier, product_id, email," \
		    " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')," \
		    " name, product_name, test FROM billing.licenses" \
		    " WHERE id = $1" }, \
	{ \
		"license_reissue", \
		    "SELECT email_id, email_token FROM" \
		    " billing.license_reissue($1, $2, $3, $4, $5, $6, $7, $8," \
		    " $9)" \
	}

/* What applying needs besides the delivery. */
struct gumroad_books {
	struct db *db;
	const struct catalog *catalog;
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
