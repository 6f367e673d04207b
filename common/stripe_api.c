#include "stripe_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_client.h"
#include "json.h"
#include "log.h"

struct stripe_api {
	struct http_client *http;
	const char *base;
	const char *headers[3];
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
	    (api->headers[0] = arena_printf(
		 arena, "Authorization: Bearer %s", key)) == NULL ||
	    (api->headers[1] = arena_printf(arena, "Stripe-Version: %s",
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

/* usable_id - what can stand in a path as it is */
static bool
usable_id(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *id != '\0' && strlen(id) <= 255 &&
	    strspn(id, allowed) == strlen(id);
}

/* get - GET base/v1/KIND/ID as text and as JSON */
static enum rc
get(struct stripe_api *api, struct arena *arena, const char *kind,
    const char *id, long timeout_ms, struct http_answer *answer,
    json_object **object)
{
	struct http_call call = { "GET", NULL, api->headers, NULL, 0,
		timeout_ms };

	if (!usable_id(id))
		return RC_NOT_FOUND;
	call.url = arena_printf(arena, "%s/v1/%s/%s", api->base, kind, id);
	if (call.url == NULL)
		return RC_UPSTREAM;
	if (http_client_call(api->http, arena, &call, answer) != RC_OK) {
		log_message("warn", "stripe: GET /v1/%s: %s", kind,
		    http_client_error(api->http));
		return RC_UPSTREAM;
	}
	if (answer->status == 404)
		return RC_NOT_FOUND;
	if (answer->status != 200 ||
	    json_parse(arena, answer->body, answer->body_len, object) !=
		RC_OK) {
		log_message("warn", "stripe: GET /v1/%s: status %ld%s", kind,
		    answer->status, answer->status == 200 ? ", not JSON" : "");
		return RC_UPSTREAM;
	}
	return RC_OK;
}

/* stripe_api_subscription - as it is now */
enum rc
stripe_api_subscription(struct stripe_api *api, struct arena *arena,
    const char *id, long timeout_ms, json_object **subscription)
{
	struct http_answer answer;

	return get(
	    api, arena, "subscriptions", id, timeout_ms, &answer, subscription);
}

/* stripe_api_event - the event as it was sent */
enum rc
stripe_api_event(struct stripe_api *api, struct arena *arena, const char *id,
    long timeout_ms, const char **text, size_t *len)
{
	struct http_answer answer;
	json_object *event;
	enum rc rc;

	rc = get(api, arena, "events", id, timeout_ms, &answer, &event);
	if (rc == RC_OK) {
		*text = answer.body;
		*len = answer.body_len;
	}
	return rc;
}
