/*
 * stripe_client.h - one exchange with Stripe: headers, attempts, pace, deadline.
 *
 * What the calls are is in stripe_api.h, which alone uses this.
 */
#ifndef PAYDESK_STRIPE_CLIENT_H
#define PAYDESK_STRIPE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "program/config.h"
#include "base/http_client.h"
#include "base/rc.h"

#define STRIPE_PAGES_PER_SECOND 10 /* Stripe allows 25, in test mode too */

struct stripe_client;

/* One call, whatever number of attempts it takes. */
struct stripe_exchange {
	const char *method, *path; /* path with the query; NULL: no memory */
	const char *kind;	   /* the path as the log may show it */
	const char *body;	   /* NULL: none */
	size_t body_len;
	const char *idempotency_key; /* NULL: none */
	long timeout_ms;	     /* for all attempts */
	int attempts;
	bool walks;	   /* one of many: paced, and a 429 is waited out */
	bool quiet;	   /* the caller says what came of it */
	size_t answer_max; /* bytes; 0: the usual */

	/* What came of it. */
	struct http_answer answer; /* status 0: there was none */
	const char *error;	   /* then why; until the next exchange */
	const char *request_id;	   /* of the answer, or NULL */
	int64_t answered_s;	   /* Stripe's clock then … */
	int64_t before_us;	   /* … and when it was asked: microseconds */
};

/*
 * Needs STRIPE_API_KEY. Everything lives in the arena; the config must live as
 * long. Ends the program when there is no memory.
 */
struct stripe_client *stripe_client_new(
    struct arena *arena, const struct config *config);

/* RC_OK: there is an answer, of any status. RC_UPSTREAM: there is none. */
enum rc stripe_client_exchange(struct stripe_client *client,
    struct arena *arena, struct stripe_exchange *exchange) MUST_CHECK;

#endif
