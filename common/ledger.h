/*
 * ledger.h - the ledger of events: one call, one transaction, one outcome.
 *
 * What an event does to the books is billing.stripe_apply() in sql/; it also
 * writes the ledger row, in the same transaction.
 */
#ifndef PAYDESK_LEDGER_H
#define PAYDESK_LEDGER_H

#include <stddef.h>

#include "arena.h"
#include "db.h"
#include "stripe_event.h"
#include "stripe_facts.h"

enum ledger_action {
	LEDGER_IGNORE, /* not for us: recorded as ignored */
	LEDGER_RECORD, /* known, changes nothing */
	LEDGER_APPLY,
};

enum ledger_outcome {
	LEDGER_APPLIED,
	LEDGER_DUPLICATE,
	LEDGER_IGNORED,
	LEDGER_STALE,
	LEDGER_UNMATCHED,
	LEDGER_HANDLER_ERROR,
};

/* The statements that a program with a ledger lists among its own. */
#define LEDGER_STATEMENTS \
	{ "ledger_apply", \
		"SELECT billing.stripe_apply($1, $2, $3, $4, to_timestamp($5)," \
		" $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18," \
		" $19, $20, to_timestamp($21), to_timestamp($22)," \
		" to_timestamp($23), $24)" }, \
	    { "ledger_fail", \
		    "SELECT billing.stripe_failed($1, $2, $3, $4, to_timestamp($5)," \
		    " $6, $7, $8, $9, $10, $11)" }, \
	{ \
		"ledger_note", \
		    "INSERT INTO billing.webhook_failures" \
		    " (source, event_id, type, error, sqlstate)" \
		    " VALUES ('stripe', $1, $2, $3, $4)" \
	}

/* One delivery: the event, what it says, and the body that said it. */
struct ledger_entry {
	const struct stripe_event *event;
	const struct stripe_facts *facts;
	enum ledger_action action;
	const char *body;
	size_t body_len;  /* bytes */
	size_t store_max; /* bytes of the body that the ledger keeps */
};

/* The word for an outcome, as in replies and stripe_events.outcome. */
const char *ledger_outcome_name(enum ledger_outcome outcome);

/*
 * Applies an event once. The body is cut before a UTF-8 character that does not
 * fit. What the database refuses for the event's data ends in ledger_fail().
 *   RC_OK                 *outcome says what happened, and it is committed
 *   RC_BUSY, RC_UNCERTAIN nothing may have been committed: ask for a resend;
 *                         noted in webhook_failures while the server talks
 */
enum rc ledger_apply(struct db *db, struct arena *arena,
    const struct ledger_entry *entry, enum ledger_outcome *outcome) MUST_CHECK;

/*
 * Records that an event cannot be applied and why: outcome handler_error, no
 * processed_at. sqlstate may be NULL. Results as above.
 */
enum rc ledger_fail(struct db *db, struct arena *arena,
    const struct ledger_entry *entry, const char *problem, const char *sqlstate,
    enum ledger_outcome *outcome) MUST_CHECK;

#endif
