/*
 * stripe_api.h - calls to Stripe, one function a call.
 *
 * https://docs.stripe.com/api: Authorization: Bearer KEY, a pinned
 * Stripe-Version, parameters as a form. The key is never logged. A call that
 * changes something is repeated by the rules of Stripe's own libraries, with
 * the same Idempotency-Key, within one deadline.
 */
#ifndef PAYDESK_STRIPE_API_H
#define PAYDESK_STRIPE_API_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "program/config.h"
#include "base/form_out.h"
#include "base/rc.h"

#define STRIPE_DEADLINE_MS 10000 /* of a call with all its repetitions */
#define STRIPE_ATTEMPTS 3
#define STRIPE_PAGE_SIZE 100 /* objects: the most that Stripe gives */

struct stripe_api;

/* The settings that a program with calls to Stripe lists among its own. */
#define STRIPE_API_SETTINGS STRIPE_API_KEY, STRIPE_API_BASE, STRIPE_API_VERSION

/* Stripe's id of the request, and why there was no object. */
struct stripe_refusal {
	const char *request_id; /* NULL: unknown */
	const char *detail;	/* a sentence for the customer; no secret */
	bool answered;		/* Stripe refused; false: no clear answer */
	bool no_customer;	/* it has none of that id … */
	bool other_mode; /* … in the mode of this key, but in the other */
};

/*
 * NULL when there is no STRIPE_API_KEY. Everything lives in the arena; the
 * config must live as long. Ends the program when there is no memory.
 */
struct stripe_api *stripe_api_new(
    struct arena *arena, const struct config *config);

/*
 * The mode of STRIPE_API_KEY, "live" or "test", by how it begins; NULL: there is
 * no key, or it does not say.
 */
const char *stripe_api_mode(const struct config *config);

/*
 * GET /v1/subscriptions/:id and GET /v1/events/:id, asked once, within
 * timeout_ms. The object lives in the arena; *before_us is Stripe's clock when
 * it was asked, in microseconds; *text is the answer's text.
 *   RC_NOT_FOUND  Stripe has no such object (any more)
 *   RC_UPSTREAM   no usable answer; logged
 */
enum rc stripe_api_subscription(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, json_object **subscription,
    int64_t *before_us) MUST_CHECK;
enum rc stripe_api_event(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, const char **text, size_t *len) MUST_CHECK;

/* An object, however it was found. */
struct stripe_found {
	long status; /* of the answer; 0: there was none */
	json_object *object;
	const char *text; /* the same as it came */
	size_t len;
	int64_t before_us; /* Stripe's clock when it was asked */
};

/*
 * GET path, which somebody else named: asked once, within timeout_ms.
 *   RC_BAD_REQUEST  not a plain path below /v1/; nothing was asked
 *   RC_NOT_FOUND    Stripe refuses it, found->status says how
 *   RC_SIGNATURE    Stripe does not accept the key
 *   RC_BUSY         no usable answer now; logged
 */
enum rc stripe_api_find(struct stripe_api *api, struct arena *arena,
    const char *path, long timeout_ms, struct stripe_found *found) MUST_CHECK;

/*
 * The invoice that a payment has paid: GET /v1/invoices/:id where its id is
 * given, else GET /v1/invoice_payments by the payment intent, else by the
 * charge; any of the three may be NULL. Asked once, within timeout_ms.
 *   RC_NOT_FOUND  it paid none, or Stripe does not let this key ask
 *   RC_UPSTREAM   no usable answer; logged
 */
enum rc stripe_api_paid_invoice(struct stripe_api *api, struct arena *arena,
    const char *invoice, const char *payment, const char *charge,
    long timeout_ms, json_object **object) MUST_CHECK;

/* GET /v1/checkout/sessions/:id. Results as above. */
enum rc stripe_api_session(struct stripe_api *api, struct arena *arena,
    const char *id, json_object **session) MUST_CHECK;

/*
 * GET path/:id, for commands that walk: see stripe_api_page(). Results as
 * above; *before_us, where given, is Stripe's clock when it was asked.
 */
enum rc stripe_api_object(struct stripe_api *api, struct arena *arena,
    const char *path, const char *id, json_object **object,
    int64_t *before_us) MUST_CHECK;

/* A page of a list; data is an array, and lives in the arena. */
struct stripe_page {
	json_object *data;
	bool has_more;	   /* there is another one after it */
	int64_t before_us; /* Stripe's clock when it was asked */
};

/*
 * A page of the list at path, after the object of that id, or from the list's
 * beginning; query is more of the query, or "". For commands that walk a whole
 * list: their pace is kept below Stripe's limits, a 429 is waited out, and what
 * Stripe's libraries would repeat is repeated.
 * (docs.stripe.com/api/pagination, docs.stripe.com/rate-limits)
 *   RC_UPSTREAM  no usable answer; logged
 */
enum rc stripe_api_page(struct stripe_api *api, struct arena *arena,
    const char *path, const char *query, const char *after,
    struct stripe_page *page) MUST_CHECK;

/*
 * POST /v1/checkout/sessions and POST /v1/billing_portal/sessions, within
 * STRIPE_DEADLINE_MS; the portal's idempotency key is made up. RC_UPSTREAM: no session, *refusal says why; logged.
 */
enum rc stripe_api_open_checkout(struct stripe_api *api, struct arena *arena,
    const struct form_out *form, const char *idempotency_key,
    json_object **session, struct stripe_refusal *refusal) MUST_CHECK;
enum rc stripe_api_open_portal(struct stripe_api *api, struct arena *arena,
    const struct form_out *form, json_object **session,
    struct stripe_refusal *refusal) MUST_CHECK;

/*
 * POST /v1/checkout/sessions/:id/expire, within a third of STRIPE_DEADLINE_MS.
 *   RC_NOT_FOUND  it is not open, or there is none
 *   RC_UPSTREAM   no usable answer; logged
 */
enum rc stripe_api_expire_session(
    struct stripe_api *api, struct arena *arena, const char *id) MUST_CHECK;

/*
 * Whether key and STRIPE_LIVEMODE are of two modes: a sentence in the arena, or NULL.
 */
const char *stripe_api_wrong_mode(
    struct arena *arena, const struct config *config);

/* What came back to a question of `check`. */
struct stripe_probe {
	long status;	     /* 0: nothing */
	const char *error;   /* why there is nothing; until the next call */
	int64_t ahead_s;     /* Stripe's clock less ours */
	json_object *object; /* NULL: it is no JSON */
};

/*
 * Asks once and logs nothing. A POST is sent without parameters, so that it
 * makes nothing: Stripe refuses it with 403 when the key lacks the right, and
 * else with 400.
 */
void stripe_api_probe(struct stripe_api *api, struct arena *arena,
    const char *method, const char *path, long timeout_ms,
    struct stripe_probe *probe);

#endif
