#include "stripe/stripe_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "base/json.h"
#include "base/log.h"
#include "stripe/stripe_client.h"

#define WALK_DEADLINE_MS 60000 /* of a page with all its repetitions */
#define WALK_ATTEMPTS 6
#define PAGE_MAX (32 << 20) /* bytes: a hundred of the largest events */

struct stripe_api {
	struct stripe_client *client;
};

/* stripe_api_new - when there is a key */
struct stripe_api *
stripe_api_new(struct arena *arena, const struct config *config)
{
	struct stripe_api *api;

	if (config_string(config, STRIPE_API_KEY) == NULL)
		return NULL;
	api = arena_alloc(arena, sizeof *api);
	if (api == NULL)
		memory_exhausted();
	api->client = stripe_client_new(arena, config);
	return api;
}

/* stripe_api_mode - sk_test_…, rk_live_… */
const char *
stripe_api_mode(const struct config *config)
{
	const char *key = config_string(config, STRIPE_API_KEY);

	if (key == NULL ||
	    (strncmp(key, "sk_", 3) != 0 && strncmp(key, "rk_", 3) != 0))
		return NULL;
	if (strncmp(key + 3, "live_", 5) == 0)
		return "live";
	return strncmp(key + 3, "test_", 5) == 0 ? "test" : NULL;
}

/* stripe_api_wrong_mode - as the key begins */
const char *
stripe_api_wrong_mode(struct arena *arena, const struct config *config)
{
	const char *wanted = config_string(config, STRIPE_LIVEMODE);
	const char *mode = stripe_api_mode(config);

	if (mode == NULL || wanted == NULL ||
	    (strcmp(mode, "live") == 0) == (strcmp(wanted, "true") == 0))
		return NULL;
	return arena_printf(arena,
	    "STRIPE_API_KEY is a key of %s mode, and STRIPE_LIVEMODE is %s: "
	    "set both to the same mode",
	    mode, wanted);
}

/* usable_id - what can stand in a path as it is */
static bool
usable_id(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *id != '\0' && strlen(id) <= 255 &&
	    strspn(id, allowed) == strlen(id);
}

/* get - one object, asked for once unless it says more */
static enum rc
get(struct stripe_api *api, struct arena *arena,
    struct stripe_exchange *exchange, json_object **object)
{
	exchange->method = "GET";
	if (exchange->attempts == 0)
		exchange->attempts = 1;
	if (stripe_client_exchange(api->client, arena, exchange) != RC_OK)
		return RC_UPSTREAM;
	if (exchange->answer.status == 404)
		return RC_NOT_FOUND;
	if (exchange->answer.status != 200)
		return RC_UPSTREAM;
	if (json_parse(arena, exchange->answer.body, exchange->answer.body_len,
		object) != RC_OK) {
		log_message("warn", "stripe: GET %s: not JSON", exchange->kind);
		return RC_UPSTREAM;
	}
	return RC_OK;
}

/* stripe_api_subscription - as it is now */
enum rc
stripe_api_subscription(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, json_object **subscription,
    int64_t *before_us)
{
	struct stripe_exchange exchange = { .kind = "/v1/subscriptions",
		.timeout_ms = timeout_ms };
	enum rc rc;

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "/v1/subscriptions/%s", id);
	rc = get(api, arena, &exchange, subscription);
	*before_us = exchange.before_us;
	return rc;
}

/* stripe_api_event - the event as it was sent */
enum rc
stripe_api_event(struct stripe_api *api, struct arena *arena, const char *id,
    long timeout_ms, const char **text, size_t *len)
{
	struct stripe_exchange exchange = { .kind = "/v1/events",
		.timeout_ms = timeout_ms };
	json_object *event;
	enum rc rc;

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "/v1/events/%s", id);
	rc = get(api, arena, &exchange, &event);
	if (rc == RC_OK) {
		*text = exchange.answer.body;
		*len = exchange.answer.body_len;
	}
	return rc;
}

/* usable_path - one that cannot lead elsewhere */
static bool
usable_path(const char *path)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz/"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return strncmp(path, "/v1/", 4) == 0 && strlen(path) <= 512 &&
	    strspn(path, allowed) == strlen(path) && strstr(path, "//") == NULL;
}

/* is_refusal - a status that asking again would not change */
static bool
is_refusal(long status)
{
	return status >= 400 && status < 500 && status != 408 &&
	    status != 409 && status != 425 && status != 429;
}

/* stripe_api_find - wherever it is */
enum rc
stripe_api_find(struct stripe_api *api, struct arena *arena, const char *path,
    long timeout_ms, struct stripe_found *found)
{
	struct stripe_exchange exchange = { .kind = "what an event points at",
		.path = path,
		.timeout_ms = timeout_ms };
	enum rc rc;

	memset(found, 0, sizeof *found);
	if (!usable_path(path))
		return RC_BAD_REQUEST;
	rc = get(api, arena, &exchange, &found->object);
	found->status = exchange.answer.status;
	found->text = exchange.answer.body;
	found->len = exchange.answer.body_len;
	found->before_us = exchange.before_us;
	if (rc == RC_OK)
		return RC_OK;
	if (found->status == 401)
		return RC_SIGNATURE;
	return is_refusal(found->status) ? RC_NOT_FOUND : RC_BUSY;
}

/* paid_path - the question which invoice a payment has paid; NULL: no memory */
static const char *
paid_path(struct arena *arena, const char *invoice, const char *payment,
    const char *charge)
{
	const char *kind = payment != NULL ? "payment_intent" : "charge";

	if (invoice != NULL)
		return arena_printf(arena, "/v1/invoices/%s", invoice);
	return arena_printf(arena,
	    "/v1/invoice_payments?payment%%5Btype%%5D=%s&payment%%5B%s%%5D=%s"
	    "&expand%%5B%%5D=data.invoice",
	    kind, kind, payment != NULL ? payment : charge);
}

/* paid_one - of a list of an invoice's payments, the invoice of the paid one */
static enum rc
paid_one(json_object *list, json_object **invoice)
{
	json_object *data = json_member(list, "data");
	const char *status;

	if (!json_object_is_type(data, json_type_array))
		return RC_UPSTREAM;
	*invoice = NULL;
	for (size_t i = 0; i < json_length(data); i++) {
		json_object *one = json_object_array_get_idx(data, i);

		if (*invoice == NULL ||
		    (json_string(one, "status", &status) == RC_OK &&
			strcmp(status, "paid") == 0))
			*invoice = json_member(one, "invoice");
	}
	return *invoice != NULL ? RC_OK : RC_NOT_FOUND;
}

/* stripe_api_paid_invoice - by its own id, or by that of its payment */
enum rc
stripe_api_paid_invoice(struct stripe_api *api, struct arena *arena,
    const char *invoice, const char *payment, const char *charge,
    long timeout_ms, json_object **object)
{
	struct stripe_exchange exchange = { .kind = invoice != NULL ?
		    "/v1/invoices" :
		    "/v1/invoice_payments",
		.timeout_ms = timeout_ms };
	const char *id = invoice != NULL ? invoice :
	    payment != NULL		 ? payment :
					   charge;
	enum rc rc;

	if (id == NULL || !usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = paid_path(arena, invoice, payment, charge);
	rc = get(api, arena, &exchange, object);
	if (rc == RC_OK)
		return invoice != NULL ? RC_OK : paid_one(*object, object);
	return exchange.answer.status == 403 || exchange.answer.status == 400 ?
	    RC_NOT_FOUND :
	    rc;
}

/* stripe_api_session - a Checkout session as it is now */
enum rc
stripe_api_session(struct stripe_api *api, struct arena *arena, const char *id,
    json_object **session)
{
	struct stripe_exchange exchange = { .kind = "/v1/checkout/sessions",
		.timeout_ms = STRIPE_DEADLINE_MS / 3 };

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "/v1/checkout/sessions/%s", id);
	return get(api, arena, &exchange, session);
}

/* walk - a call of many */
static enum rc
walk(struct stripe_api *api, struct arena *arena,
    struct stripe_exchange *exchange, json_object **object)
{
	exchange->timeout_ms = WALK_DEADLINE_MS;
	exchange->attempts = WALK_ATTEMPTS;
	exchange->walks = true;
	return get(api, arena, exchange, object);
}

/* stripe_api_object - one of those that a walk asks about */
enum rc
stripe_api_object(struct stripe_api *api, struct arena *arena, const char *path,
    const char *id, json_object **object, int64_t *before_us)
{
	struct stripe_exchange exchange = { .kind = path };
	enum rc rc;

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "%s/%s", path, id);
	rc = walk(api, arena, &exchange, object);
	if (before_us != NULL)
		*before_us = exchange.before_us;
	return rc;
}

/* stripe_api_page - of a list, at a decent pace */
enum rc
stripe_api_page(struct stripe_api *api, struct arena *arena, const char *path,
    const char *query, const char *after, struct stripe_page *page)
{
	struct stripe_exchange exchange = { .kind = path,
		.answer_max = PAGE_MAX };
	json_object *list;
	enum rc rc;

	if (after != NULL && !usable_id(after))
		return RC_UPSTREAM;
	exchange.path = arena_printf(arena, "%s?limit=%d%s%s%s%s", path,
	    STRIPE_PAGE_SIZE, *query != '\0' ? "&" : "", query,
	    after != NULL ? "&starting_after=" : "",
	    after != NULL ? after : "");
	rc = walk(api, arena, &exchange, &list);
	if (rc != RC_OK)
		return RC_UPSTREAM;
	page->before_us = exchange.before_us;
	page->data = json_member(list, "data");
	if (!json_object_is_type(page->data, json_type_array) ||
	    json_boolean(list, "has_more", &page->has_more) != RC_OK) {
		log_message("warn", "stripe: GET %s: not a list", path);
		return RC_UPSTREAM;
	}
	return RC_OK;
}

/*
 * refusal_detail - Stripe's sentence when it is for the customer. Of the
 * answers about this server's key none is, nor one that shows any secret.
 */
static const char *
refusal_detail(const struct stripe_exchange *exchange, json_object *error)
{
	long status = exchange->answer.status;
	const char *message;

	if (status == 0)
		return "Stripe did not answer in time. Nothing has been "
		       "charged; try again.";
	if (status == 401 || status == 403)
		return "Stripe does not accept this server's API key.";
	if (status == 429)
		return "Stripe is taking no more requests just now; try again "
		       "in a moment.";
	if (status >= 500 || status < 300 ||
	    json_string(error, "message", &message) != RC_OK ||
	    strstr(message, "sk_") != NULL || strstr(message, "rk_") != NULL ||
	    strstr(message, "whsec_") != NULL)
		return "Stripe could not do this. Nothing has been charged; "
		       "try again.";
	return message;
}

/* read_customer - whether it is the customer that Stripe does not have */
static void
read_customer(json_object *error, struct stripe_refusal *refusal)
{
	const char *text;

	refusal->no_customer = json_string(error, "code", &text) == RC_OK &&
	    strcmp(text, "resource_missing") == 0 &&
	    json_string(error, "param", &text) == RC_OK &&
	    strcmp(text, "customer") == 0;
	refusal->other_mode = refusal->no_customer &&
	    json_string(error, "message", &text) == RC_OK &&
	    strstr(text, "similar object exists") != NULL;
}

/* post - an object that Stripe makes */
static enum rc
post(struct stripe_api *api, struct arena *arena,
    struct stripe_exchange *exchange, const struct form_out *form,
    json_object **object, struct stripe_refusal *refusal)
{
	const char *code = NULL;
	json_object *error;

	exchange->method = "POST";
	exchange->path = exchange->kind;
	exchange->timeout_ms = STRIPE_DEADLINE_MS;
	exchange->attempts = STRIPE_ATTEMPTS;
	exchange->body = form_out_text(form, &exchange->body_len);
	*object = NULL;
	memset(refusal, 0, sizeof *refusal);
	if (exchange->body != NULL &&
	    stripe_client_exchange(api->client, arena, exchange) == RC_OK &&
	    (json_parse(arena, exchange->answer.body, exchange->answer.body_len,
		 object) != RC_OK ||
		!json_object_is_type(*object, json_type_object)))
		*object = NULL;
	refusal->request_id = exchange->request_id;
	if (*object != NULL && exchange->answer.status / 100 == 2)
		return RC_OK;
	error = json_member(*object, "error");
	refusal->answered = exchange->answer.status >= 300;
	refusal->detail = refusal_detail(exchange, error);
	read_customer(error, refusal);
	if (json_string(error, "code", &code) == RC_OK ||
	    json_string(error, "type", &code) == RC_OK)
		log_message("warn", "stripe: POST %s: refused: %s",
		    exchange->kind, code);
	else if (exchange->answer.status / 100 == 2)
		log_message("warn", "stripe: POST %s: the answer is no object",
		    exchange->kind);
	return RC_UPSTREAM;
}

/* stripe_api_open_checkout - a page where the customer pays */
enum rc
stripe_api_open_checkout(struct stripe_api *api, struct arena *arena,
    const struct form_out *form, const char *idempotency_key,
    json_object **session, struct stripe_refusal *refusal)
{
	struct stripe_exchange exchange = { .kind = "/v1/checkout/sessions",
		.idempotency_key = idempotency_key };

	return post(api, arena, &exchange, form, session, refusal);
}

/* made_up_key - one that no other call has; NULL: none is sent */
static const char *
made_up_key(struct arena *arena)
{
	uint64_t bits[2];

	if (getrandom(bits, sizeof bits, 0) != sizeof bits)
		return NULL;
	return arena_printf(
	    arena, "paydesk_%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}

/* stripe_api_open_portal - a page where the customer manages */
enum rc
stripe_api_open_portal(struct stripe_api *api, struct arena *arena,
    const struct form_out *form, json_object **session,
    struct stripe_refusal *refusal)
{
	struct stripe_exchange exchange = {
		.kind = "/v1/billing_portal/sessions",
		.idempotency_key = made_up_key(arena)
	};

	return post(api, arena, &exchange, form, session, refusal);
}

/* stripe_api_expire_session - refused without a word in the log: it may be over */
enum rc
stripe_api_expire_session(
    struct stripe_api *api, struct arena *arena, const char *id)
{
	struct stripe_exchange exchange = { .method = "POST",
		.kind = "/v1/checkout/sessions/:id/expire",
		.body = "",
		.timeout_ms = STRIPE_DEADLINE_MS / 3,
		.attempts = STRIPE_ATTEMPTS,
		.quiet = true };
	long status;

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(
	    arena, "/v1/checkout/sessions/%s/expire", id);
	exchange.idempotency_key = made_up_key(arena);
	if (stripe_client_exchange(api->client, arena, &exchange) != RC_OK) {
		log_message("warn", "stripe: %s %s: %s", exchange.method,
		    exchange.kind, exchange.error);
		return RC_UPSTREAM;
	}
	status = exchange.answer.status;
	if (status == 200)
		return RC_OK;
	if (status == 400 || status == 404)
		return RC_NOT_FOUND;
	log_message("warn", "stripe: %s %s: status %ld request_id %s",
	    exchange.method, exchange.kind, status,
	    exchange.request_id != NULL ? exchange.request_id : "none");
	return RC_UPSTREAM;
}

/* stripe_api_probe - one question, and whatever comes back */
void
stripe_api_probe(struct stripe_api *api, struct arena *arena,
    const char *method, const char *path, long timeout_ms,
    struct stripe_probe *probe)
{
	struct stripe_exchange exchange = { .method = method,
		.path = path,
		.kind = path,
		.body = strcmp(method, "POST") == 0 ? "" : NULL,
		.timeout_ms = timeout_ms,
		.attempts = 1,
		.quiet = true };

	memset(probe, 0, sizeof *probe);
	if (stripe_client_exchange(api->client, arena, &exchange) != RC_OK) {
		probe->error = exchange.error;
		return;
	}
	probe->status = exchange.answer.status;
	probe->ahead_s = exchange.answered_s - time(NULL);
	if (json_parse(arena, exchange.answer.body, exchange.answer.body_len,
		&probe->object) != RC_OK)
		probe->object = NULL;
}
