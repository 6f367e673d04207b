#include "stripe/stripe_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/log.h"

#define FIRST_DELAY_MS 500 /* before the second attempt; doubles */
#define HEADERS_MAX 5	   /* with the NULL after them */

struct stripe_client {
	struct http_client *http;
	const char *base, *authorization, *version;
	long next_page_ms; /* not before; monotonic */
};

/* close_http - http_client_free() as arena_defer() wants it */
static void
close_http(void *http)
{
	http_client_free(http);
}

/* stripe_client_new - with its fixed headers */
struct stripe_client *
stripe_client_new(struct arena *arena, const struct config *config)
{
	const char *key = config_string(config, STRIPE_API_KEY);
	struct stripe_client *client = arena_alloc(arena, sizeof *client);

	if (client == NULL ||
	    (client->authorization = arena_printf(
		 arena, "Authorization: Bearer %s", key)) == NULL ||
	    (client->version = arena_printf(arena, "Stripe-Version: %s",
		 config_string(config, STRIPE_API_VERSION))) == NULL)
		memory_exhausted();
	client->base = config_string(config, STRIPE_API_BASE);
	client->http = http_client_new();
	if (arena_defer(arena, close_http, client->http) != 0)
		memory_exhausted();
	return client;
}

/* make_headers - of a call; false: no memory */
static bool
make_headers(const struct stripe_client *client, struct arena *arena,
    const struct stripe_exchange *exchange, const char *headers[HEADERS_MAX])
{
	size_t count = 0;

	headers[count++] = client->authorization;
	headers[count++] = client->version;
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
once_more(struct stripe_client *client, const struct stripe_exchange *exchange)
{
	const char *should;

	if (exchange->answer.status == 0)
		return true;
	should = http_client_header(client->http, "Stripe-Should-Retry");
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
asked_delay_ms(
    struct stripe_client *client, const struct stripe_exchange *exchange)
{
	const char *seconds;

	if (exchange->answer.status != 429 ||
	    (seconds = http_client_header(client->http, "Retry-After")) == NULL)
		return 0;
	return strtol(seconds, NULL, 10) * 1000;
}

/* pause_before - a growing, jittered delay; false: the deadline comes first */
static bool
pause_before(int attempt, int64_t least_ms, int64_t deadline_ms)
{
	long ms = FIRST_DELAY_MS << (attempt - 1);

	ms += random() % (ms / 2);
	if (ms < least_ms)
		ms = least_ms;
	if (ms >= deadline_ms - clock_monotonic_ms())
		return false;
	sleep_ms(ms);
	return true;
}

/* log_attempt - one that failed, with what Stripe's support would ask for */
static void
log_attempt(
    const struct stripe_client *client, const struct stripe_exchange *exchange)
{
	long status = exchange->answer.status;

	if (exchange->quiet || status == 200 ||
	    (exchange->body == NULL && status == 404))
		return;
	if (status == 0)
		log_message("warn", "stripe: %s %s: %s", exchange->method,
		    exchange->kind, http_client_error(client->http));
	else
		log_message("warn", "stripe: %s %s: status %ld request_id %s",
		    exchange->method, exchange->kind, status,
		    exchange->request_id != NULL ? exchange->request_id :
						   "none");
}

/* answered_at - the last answer's Date; our own clock when it has none */
static int64_t
answered_at(struct stripe_client *client)
{
	const char *date = http_client_header(client->http, "Date");
	struct tm tm = { 0 };

	if (date == NULL ||
	    strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
		return time(NULL);
	return timegm(&tm);
}

/*
 * clock_offset_us - Stripe's clock less ours. Its Date has no fraction, so a
 * second of difference is none.
 */
static int64_t
clock_offset_us(int64_t answered_s)
{
	int64_t ahead_s = answered_s - time(NULL);

	return ahead_s >= -1 && ahead_s <= 1 ? 0 : ahead_s * 1000000;
}

/* keep_pace - a walk's calls do not come too fast */
static void
keep_pace(struct stripe_client *client)
{
	sleep_ms(client->next_page_ms - clock_monotonic_ms());
	client->next_page_ms = clock_monotonic_ms() +
	    1000 / STRIPE_PAGES_PER_SECOND;
}

/* attempt - once; whatever comes of it is in the exchange */
static void
attempt(struct stripe_client *client, struct arena *arena,
    const struct http_call *call, struct stripe_exchange *exchange)
{
	const char *id;

	exchange->request_id = NULL;
	if (call->timeout_ms <= 0 ||
	    http_client_call(client->http, arena, call, &exchange->answer) !=
		RC_OK)
		exchange->answer.status = 0;
	else if ((id = http_client_header(client->http, "Request-Id")) != NULL)
		exchange->request_id = arena_printf(arena, "%s", id);
	log_attempt(client, exchange);
}

/* stripe_client_exchange - all attempts */
enum rc
stripe_client_exchange(struct stripe_client *client, struct arena *arena,
    struct stripe_exchange *exchange)
{
	const char *headers[HEADERS_MAX];
	struct http_call call = { exchange->method, NULL, headers,
		exchange->body, exchange->body_len, 0, exchange->answer_max };
	int64_t deadline_ms;

	exchange->error = "out of memory";
	if (exchange->path != NULL)
		call.url = arena_printf(
		    arena, "%s%s", client->base, exchange->path);
	if (call.url == NULL || !make_headers(client, arena, exchange, headers))
		return RC_UPSTREAM;
	if (exchange->walks)
		keep_pace(client);
	deadline_ms = clock_monotonic_ms() + exchange->timeout_ms;
	for (int number = 1;; number++) {
		call.timeout_ms = deadline_ms - clock_monotonic_ms();
		exchange->before_us = clock_wall_us();
		attempt(client, arena, &call, exchange);
		if (number == exchange->attempts ||
		    !once_more(client, exchange) ||
		    !pause_before(
			number, asked_delay_ms(client, exchange), deadline_ms))
			break;
	}
	exchange->error = http_client_error(client->http);
	exchange->answered_s = answered_at(client);
	exchange->before_us += clock_offset_us(exchange->answered_s);
	return exchange->answer.status != 0 ? RC_OK : RC_UPSTREAM;
}
