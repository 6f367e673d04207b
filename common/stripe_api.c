#include "stripe_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "http_client.h"
#include "json.h"
#include "log.h"

#define FIRST_DELAY_MS 500     /* before the second attempt; doubles */
#define WALK_DEADLINE_MS 60000 /* of a page with all its repetitions */
#define WALK_ATTEMPTS 6
#define PAGE_MAX (32 << 20) /* bytes: a hundred of the largest events */
#define HEADERS_MAX 5	    /* with the NULL after them */

struct stripe_api {
	struct http_client *http;
	const char *base, *authorization, *version;
	long next_page_ms; /* not before; monotonic */
};

/* One call, whatever number of attempts it takes. */
struct exchange {
	const char *method, *path; /* path with the query */
	const char *kind;	   /* the path as the log may show it */
	const char *body;	   /* NULL: none */
	size_t body_len;
	const char *idempotency_key; /* NULL: none */
	long timeout_ms;	     /* for all attempts */
	int attempts;
	bool walks;	   /* a page of many: a 429 is waited out */
	bool quiet;	   /* the caller says what came of it */
	size_t answer_max; /* bytes; 0: the usual */

	struct http_answer answer; /* status 0: there was none */
	const char *request_id;	   /* of the answer, or NULL */
};

/* close_http - http_client_free() as arena_defer() wants it */
static void
close_http(void *http)
{
	http_client_free(http);
}

/* stripe_api_new - a client with its fixed headers */
struct stripe_api *
stripe_api_new(struct arena *arena, const struct config *config)
{
	const char *key = config_string(config, STRIPE_API_KEY);
	struct stripe_api *api;

	if (key == NULL)
		return NULL;
	api = arena_alloc(arena, sizeof *api);
	if (api == NULL ||
	    (api->authorization = arena_printf(
		 arena, "Authorization: Bearer %s", key)) == NULL ||
	    (api->version = arena_printf(arena, "Stripe-Version: %s",
		 config_string(config, STRIPE_API_VERSION))) == NULL) {
		fputs("paydesk: out of memory at start\n", stderr);
		exit(71);
	}
	api->base = config_string(config, STRIPE_API_BASE);
	api->http = http_client_new();
	if (arena_defer(arena, close_http, api->http) != 0)
		exit(71);
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

/* usable_id - what can stand in a path as it is */
static bool
usable_id(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *id != '\0' && strlen(id) <= 255 &&
	    strspn(id, allowed) == strlen(id);
}

/* now_ms - monotonic clock */
static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* make_headers - of a call; false: no memory */
static bool
make_headers(const struct stripe_api *api, struct arena *arena,
    const struct exchange *exchange, const char *headers[HEADERS_MAX])
{
	size_t count = 0;

	headers[count++] = api->authorization;
	headers[count++] = api->version;
	if (exchange->body != NULL)
		headers[count++] =
		    "Content-Type: application/x-www-form-urlencoded";
	headers[count] = NULL;
	if (exchange->idempotency_key == NULL)
		return true;
	headers[count++] = arena_printf(
	    arena, "Idempotency-Key: %s", exchange->idempotency_key);
	headers[count] = NULL;
	return headers[count - 1] != NULL;
}

/*
 * once_more - whether Stripe's own libraries would repeat the call: no answer;
 * as Stripe-Should-Retry says; a conflict; an error on Stripe's side. A 429
 * without that header is not repeated.
 */
static bool
once_more(struct stripe_api *api, const struct exchange *exchange)
{
	const char *should;

	if (exchange->answer.status == 0)
		return true;
	should = http_client_header(api->http, "Stripe-Should-Retry");
	if (should != NULL && strcmp(should, "false") == 0)
		return false;
	if (should != NULL && strcmp(should, "true") == 0)
		return true;
	return exchange->answer.status == 409 ||
	    exchange->answer.status >= 500 ||
	    (exchange->walks && exchange->answer.status == 429);
}

/* sleep_ms - unless it is nothing */
static void
sleep_ms(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	if (ms > 0)
		nanosleep(&pause, NULL);
}

/* asked_delay_ms - how long a 429 wants a walk to wait */
static long
asked_delay_ms(struct stripe_api *api, const struct exchange *exchange)
{
	const char *seconds;

	if (exchange->answer.status != 429 ||
	    (seconds = http_client_header(api->http, "Retry-After")) == NULL)
		return 0;
	return strtol(seconds, NULL, 10) * 1000;
}

/* pause_before - a growing, jittered delay; false: the deadline comes first */
static bool
pause_before(int attempt, long least_ms, long deadline_ms)
{
	long ms = FIRST_DELAY_MS << (attempt - 1);

	ms += random() % (ms / 2);
	if (ms < least_ms)
		ms = least_ms;
	if (ms >= deadline_ms - now_ms())
		return false;
	sleep_ms(ms);
	return true;
}

/* log_attempt - one that failed, with what Stripe's support would ask for */
static void
log_attempt(const struct stripe_api *api, const struct exchange *exchange)
{
	long status = exchange->answer.status;

	if (exchange->quiet || status == 200 ||
	    (exchange->body == NULL && status == 404))
		return;
	if (status == 0)
		log_message("warn", "stripe: %s %s: %s", exchange->method,
		    exchange->kind, http_client_error(api->http));
	else
		log_message("warn", "stripe: %s %s: status %ld request_id %s",
		    exchange->method, exchange->kind, status,
		    exchange->request_id != NULL ? exchange->request_id :
						   "none");
}

/* perform - all attempts; RC_OK: there is an answer, of any status */
static enum rc
perform(struct stripe_api *api, struct arena *arena, struct exchange *exchange)
{
	const char *headers[HEADERS_MAX], *id;
	struct http_call call = { exchange->method, NULL, headers,
		exchange->body, exchange->body_len, 0, exchange->answer_max };
	long deadline_ms = now_ms() + exchange->timeout_ms;

	call.url = arena_printf(arena, "%s%s", api->base, exchange->path);
	if (call.url == NULL || !make_headers(api, arena, exchange, headers))
		return RC_UPSTREAM;
	for (int attempt = 1;; attempt++) {
		call.timeout_ms = deadline_ms - now_ms();
		exchange->request_id = NULL;
		if (call.timeout_ms <= 0 ||
		    http_client_call(
			api->http, arena, &call, &exchange->answer) != RC_OK)
			exchange->answer.status = 0;
		else if ((id = http_client_header(api->http, "Request-Id")) !=
		    NULL)
			exchange->request_id = arena_printf(arena, "%s", id);
		log_attempt(api, exchange);
		if (attempt == exchange->attempts ||
		    !once_more(api, exchange) ||
		    !pause_before(
			attempt, asked_delay_ms(api, exchange), deadline_ms))
			break;
	}
	return exchange->answer.status != 0 ? RC_OK : RC_UPSTREAM;
}

/* get - one object, asked for once unless it says more */
static enum rc
get(struct stripe_api *api, struct arena *arena, struct exchange *exchange,
    json_object **object)
{
	exchange->method = "GET";
	if (exchange->attempts == 0)
		exchange->attempts = 1;
	if (exchange->path == NULL || perform(api, arena, exchange) != RC_OK)
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
    const char *id, long timeout_ms, json_object **subscription)
{
	struct exchange exchange = { .kind = "/v1/subscriptions",
		.timeout_ms = timeout_ms };

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "/v1/subscriptions/%s", id);
	return get(api, arena, &exchange, subscription);
}

/* stripe_api_event - the event as it was sent */
enum rc
stripe_api_event(struct stripe_api *api, struct arena *arena, const char *id,
    long timeout_ms, const char **text, size_t *len)
{
	struct exchange exchange = { .kind = "/v1/events",
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

/* stripe_api_session - a Checkout session as it is now */
enum rc
stripe_api_session(struct stripe_api *api, struct arena *arena, const char *id,
    json_object **session)
{
	struct exchange exchange = { .kind = "/v1/checkout/sessions",
		.timeout_ms = STRIPE_DEADLINE_MS / 3 };

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "/v1/checkout/sessions/%s", id);
	return get(api, arena, &exchange, session);
}

/* stripe_api_live_subscription - the newest of a customer */
enum rc
stripe_api_live_subscription(struct stripe_api *api, struct arena *arena,
    const char *customer, json_object **subscription)
{
	struct exchange exchange = { .kind = "/v1/subscriptions",
		.timeout_ms = STRIPE_DEADLINE_MS / 3 };
	json_object *list, *data;
	enum rc rc;

	if (!usable_id(customer))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(
	    arena, "/v1/subscriptions?customer=%s&limit=1", customer);
	rc = get(api, arena, &exchange, &list);
	if (rc != RC_OK)
		return rc;
	data = json_member(list, "data");
	if (!json_object_is_type(data, json_type_array))
		return RC_UPSTREAM;
	if (json_object_array_length(data) == 0)
		return RC_NOT_FOUND;
	*subscription = json_object_array_get_idx(data, 0);
	return RC_OK;
}

/* walk - a call of many: never too soon after the last one */
static enum rc
walk(struct stripe_api *api, struct arena *arena, struct exchange *exchange,
    json_object **object, long *began_ms)
{
	exchange->timeout_ms = WALK_DEADLINE_MS;
	exchange->attempts = WALK_ATTEMPTS;
	exchange->walks = true;
	sleep_ms(api->next_page_ms - now_ms());
	*began_ms = now_ms();
	api->next_page_ms = *began_ms + 1000 / STRIPE_PAGES_PER_SECOND;
	return get(api, arena, exchange, object);
}

/* answered_at - the last answer's Date; our own clock when it has none */
static int64_t
answered_at(struct stripe_api *api)
{
	const char *date = http_client_header(api->http, "Date");
	struct tm tm = { 0 };

	if (date == NULL ||
	    strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
		return time(NULL);
	return timegm(&tm);
}

/* before_answer - Stripe's clock when the last call began */
static int64_t
before_answer(struct stripe_api *api, long began_ms)
{
	return answered_at(api) - (now_ms() - began_ms + 999) / 1000;
}

/* stripe_api_object - one of those that a walk asks about */
enum rc
stripe_api_object(struct stripe_api *api, struct arena *arena, const char *path,
    const char *id, json_object **object, int64_t *before_s)
{
	struct exchange exchange = { .kind = path };
	long began_ms;
	enum rc rc;

	if (!usable_id(id))
		return RC_NOT_FOUND;
	exchange.path = arena_printf(arena, "%s/%s", path, id);
	rc = walk(api, arena, &exchange, object, &began_ms);
	if (before_s != NULL)
		*before_s = before_answer(api, began_ms);
	return rc;
}

/* stripe_api_page - of a list, at a decent pace */
enum rc
stripe_api_page(struct stripe_api *api, struct arena *arena, const char *path,
    const char *query, const char *after, struct stripe_page *page)
{
	struct exchange exchange = { .kind = path, .answer_max = PAGE_MAX };
	json_object *list;
	long began_ms;
	enum rc rc;

	if (after != NULL && !usable_id(after))
		return RC_UPSTREAM;
	exchange.path = arena_printf(arena, "%s?limit=%d%s%s%s%s", path,
	    STRIPE_PAGE_SIZE, *query != '\0' ? "&" : "", query,
	    after != NULL ? "&starting_after=" : "",
	    after != NULL ? after : "");
	rc = walk(api, arena, &exchange, &list, &began_ms);
	if (rc != RC_OK)
		return RC_UPSTREAM;
	page->before_s = before_answer(api, began_ms);
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
refusal_detail(const struct exchange *exchange, json_object *error)
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

/* post - an object that Stripe makes */
static enum rc
post(struct stripe_api *api, struct arena *arena, struct exchange *exchange,
    const struct form_out *form, json_object **object,
    struct stripe_refusal *refusal)
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
	if (exchange->body != NULL && perform(api, arena, exchange) == RC_OK &&
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
	struct exchange exchange = { .kind = "/v1/checkout/sessions",
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
	struct exchange exchange = { .kind = "/v1/billing_portal/sessions",
		.idempotency_key = made_up_key(arena) };

	return post(api, arena, &exchange, form, session, refusal);
}

/* stripe_api_probe - one question, and whatever comes back */
void
stripe_api_probe(struct stripe_api *api, struct arena *arena,
    const char *method, const char *path, long timeout_ms,
    struct stripe_probe *probe)
{
	struct exchange exchange = { .method = method,
		.path = path,
		.kind = path,
		.body = strcmp(method, "POST") == 0 ? "" : NULL,
		.timeout_ms = timeout_ms,
		.attempts = 1,
		.quiet = true };

	memset(probe, 0, sizeof *probe);
	if (perform(api, arena, &exchange) != RC_OK) {
		probe->error = http_client_error(api->http);
		return;
	}
	probe->status = exchange.answer.status;
	probe->ahead_s = answered_at(api) - time(NULL);
	if (json_parse(arena, exchange.answer.body, exchange.answer.body_len,
		&probe->object) != RC_OK)
		probe->object = NULL;
}
