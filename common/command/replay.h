/*
 * replay.h - events of the ledger, once more.
 */
#ifndef PAYDESK_REPLAY_H
#define PAYDESK_REPLAY_H

#include "program/serve.h"
#include "stripe/stripe_intake.h"

/* The statements that a program with this command lists among its own. */
extern const struct db_statement *const replay_statements[];

struct replay_result {
	enum ledger_outcome outcome; /* LEDGER_HANDLER_ERROR: it failed */
	const char *problem;	     /* then why; until db is used again */
	bool known;		     /* it could be tried at all */
};

/* Applies one event of the ledger again, or with dry_run only tries to. */
void replay_event(struct db *db, struct stripe_intake *intake,
    struct arena *arena, const char *id, bool dry_run,
    struct replay_result *result);

/*
 * Applies events of the ledger as a delivery would, in the order given, and
 * prints what came of each. One that is processed stays so, unless it found no
 * account: that is tried anew. What was cut at the payload cap, or emptied
 * since, is fetched from Stripe by id. Returns the exit status: 1 when any event
 * could not be applied.
 */
int replay_ids(struct service *service, struct stripe_intake *intake,
    const char *const *ids, int count, bool dry_run, bool as_json);

/* The same with the ids in the first column of a result. */
int replay_rows(struct service *service, struct stripe_intake *intake,
    const struct db_result *rows, bool dry_run, bool as_json);

/* The same with all that could not be applied. */
int replay_failed(struct service *service, struct stripe_intake *intake,
    bool dry_run, bool as_json);

/* For `check`: how many events wait for a replay. */
void replay_examine(struct service *service, struct doctor *doctor);

#endif
