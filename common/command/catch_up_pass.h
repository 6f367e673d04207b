/*
 * catch_up_pass.h - one pass over Stripe's list of events.
 *
 * Stripe lists the newest first. So the list is walked down, noting the pages
 * that hold something missing, and these are applied on the way up.
 */
#ifndef PAYDESK_CATCH_UP_PASS_H
#define PAYDESK_CATCH_UP_PASS_H

#include "stripe/ledger.h"
#include "program/serve.h"
#include "stripe/stripe_intake.h"
#include "stripe/stripe_types.h"

#define CATCH_UP_DAYS 30	/* how long Stripe keeps an event */
#define CATCH_UP_OVERLAP_S 3600 /* for what is listed late */

/*
 * The statements that a program with a pass lists among its own. The missing
 * ones of a page are its rows from behind: the oldest first.
 */
extern const struct db_statement *const catch_up_statements[];

struct catch_up_pass;

/* What a pass found and did. */
struct catch_up_counts {
	int64_t since_s; /* from when on it read */
	int seen, missing, done;
	int outcomes[LEDGER_HANDLER_ERROR + 1]; /* of those done */
};

/* NULL: no memory. */
struct catch_up_pass *catch_up_pass_new(
    struct service *service, struct stripe_intake *intake);
void catch_up_pass_free(struct catch_up_pass *pass);

/*
 * Reads from since_s on, or for -1 from where the last complete pass says, and
 * applies what is missing. A complete pass is noted. Shows progress.
 *   RC_BUSY      the database is away
 *   RC_UPSTREAM, RC_TOO_LARGE  Stripe gave no usable list
 */
enum rc catch_up_pass_run(
    struct catch_up_pass *pass, int64_t since_s) MUST_CHECK;

/* What the last run came to; what it had done when it failed. */
const struct catch_up_counts *catch_up_pass_counts(
    const struct catch_up_pass *pass);

#endif
