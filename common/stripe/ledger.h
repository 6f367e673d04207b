/*
 * ledger.h - the ledger of events: one call, one transaction, one outcome.
 *
 * What an event does to the books is billing.stripe_apply() in sql/; it also
 * writes the ledger row, in the same transaction.
 */
#ifndef PAYDESK_LEDGER_H
#define PAYDESK_LEDGER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/db.h"
#include "stripe/stripe_event.h"
#include "stripe/stripe_facts.h"

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
extern const struct db_statement *const ledger_statements[];

/* One delivery: the event, what it says, and the body that said it. */
struct ledger_entry {
	struct stripe_event event;
	struct stripe_facts facts;
	enum ledger_action action;
	bool again;	     /* one that found no account is tried anew */
	const char *problem; /* why it cannot be applied; usually NULL */
	const char *body;
	size_t body_len;  /* bytes */
	size_t store_max; /* bytes of the body that the ledger keeps */
};

/* The word for an outcome, as in replies and stripe_events.outcome. */
const char *ledger_outcome_name(enum ledger_outcome outcome);

/*
 * Applies an event once. The body is cut before a UTF-8 character that does not
 * fit. An entry with a problem, and one whose data the database refuses, is
 * recorded with its error and without processed_at: LEDGER_HANDLER_ERROR.
 *   RC_OK                 *outcome says what happened, and it is committed
 *   RC_BUSY, RC_UNCERTAIN nothing may have been committed: ask for a resend;
 *                         noted in webhook_failures while the server talks
 */
enum rc ledger_apply(struct db *db, struct arena *arena,
    const struct ledger_entry *entry, enum ledger_outcome *outcome) MUST_CHECK;

/*
 * Notes in webhook_failures that an event could not be asked about, as its
 * problem says; it leaves no row in the ledger.
 */
void ledger_wait(struct db *db, const struct ledger_entry *entry);

/*
 * What ledger_apply() would do now, and nothing of it stays. With
 * LEDGER_HANDLER_ERROR *problem says why; it lives in the arena.
 */
enum rc ledger_try(struct db *db, struct arena *arena,
    const struct ledger_entry *entry, enum ledger_outcome *outcome,
    const char **problem) MUST_CHECK;

#endif
