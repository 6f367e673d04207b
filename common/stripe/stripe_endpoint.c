#include "stripe/stripe_endpoint.h"

#include <string.h>

#include "base/http_client.h"
#include "base/json.h"
#include "stripe/stripe_doctor.h"
#include "stripe/stripe_types.h"

#define SUBJECT "webhook endpoint"
#define LIST "/v1/webhook_endpoints"
#define THIN_LIST "/v2/core/event_destinations"
#define PATH "/webhooks/stripe"

/* is_ours - whether the URL leads here */
static bool
is_ours(const struct config *config, const char *url)
{
	const char *ours = config_string(config, STRIPE_WEBHOOK_URL);
	size_t len = strcspn(url, "?#");

	if (ours != NULL)
		return strcmp(url, ours) == 0;
	return len >= strlen(PATH) &&
	    strncmp(url + len - strlen(PATH), PATH, strlen(PATH)) == 0;
}

/* text - a string member, or "" */
static const char *
text(json_object *object, const char *name)
{
	const char *value;

	return json_string(object, name, &value) == RC_OK ? value : "";
}

/* is_enabled - or the owner, or Stripe after days of failures, has ended it */
static bool
is_enabled(json_object *endpoint)
{
	return strcmp(text(endpoint, "status"), "enabled") == 0;
}

/* count - of a list; 0 when it is none */
static size_t
count(json_object *list)
{
	return json_object_is_type(list, json_type_array) ?
	    json_object_array_length(list) :
	    0;
}

/* item - a text of a list, or "" */
static const char *
item(json_object *list, size_t number)
{
	json_object *value = json_object_array_get_idx(list, number);

	return json_object_is_type(value, json_type_string) ?
	    json_object_get_string(value) :
	    "";
}

/* sends - whether the list has that type of event, or all */
static bool
sends(json_object *events, const char *prefix, const char *type)
{
	for (size_t i = 0; i < count(events); i++) {
		const char *sent = item(events, i);

		if (strcmp(sent, "*") == 0 ||
		    (strncmp(sent, prefix, strlen(prefix)) == 0 &&
			strcmp(sent + strlen(prefix), type) == 0))
			return true;
	}
	return false;
}

/* is_handled - applied or recorded here */
static bool
is_handled(const char *prefix, const char *type)
{
	if (*prefix != '\0')
		return stripe_types_of_thin(type) != NULL;
	return stripe_types_known(type) != NULL;
}

/* examine_missing - what changes the books is needed, the rest is missed */
static size_t
examine_missing(struct doctor *doctor, struct arena *arena, const char *id,
    const char *prefix, json_object *events)
{
	const char *type;
	size_t missing = 0;

	for (size_t i = 0; (type = stripe_types_applied(i)) != NULL; i++) {
		if (sends(events, prefix, type))
			continue;
		missing++;
		doctor_problem(doctor, SUBJECT,
		    arena_printf(arena,
			"Add %s%s to the events of %s at Stripe.", prefix, type,
			id),
		    "%s does not send %s%s", id, prefix, type);
	}
	for (size_t i = 0; (type = stripe_types_recorded(i)) != NULL; i++) {
		if (sends(events, prefix, type))
			continue;
		missing++;
		doctor_warn(doctor, SUBJECT,
		    arena_printf(arena,
			"Add %s%s to the events of %s at Stripe.", prefix, type,
			id),
		    "%s does not send %s%s, which would be on record", id,
		    prefix, type);
	}
	return missing;
}

/* examine_superfluous - what is sent for nothing */
static size_t
examine_superfluous(struct doctor *doctor, struct arena *arena, const char *id,
    const char *prefix, json_object *events)
{
	size_t superfluous = 0;

	for (size_t i = 0; i < count(events); i++) {
		const char *type = item(events, i);

		if (is_handled(prefix, type))
			continue;
		superfluous++;
		if (strcmp(type, "*") == 0)
			doctor_warn(doctor, SUBJECT,
			    "Choose the events at Stripe that the manual "
			    "lists.",
			    "%s sends events of every type", id);
		else
			doctor_warn(doctor, SUBJECT,
			    arena_printf(arena,
				"Remove %s from the events of %s at Stripe.",
				type, id),
			    "%s sends %s, which is ignored here", id, type);
	}
	return superfluous;
}

/* url_of - where it delivers to, in the shape of either list */
static const char *
url_of(json_object *endpoint)
{
	json_object *inner = json_member(endpoint, "webhook_endpoint");

	return text(inner != NULL ? inner : endpoint, "url");
}

/* examine_one - state, events */
static void
examine_one(struct doctor *doctor, struct arena *arena, const char *prefix,
    json_object *endpoint)
{
	const char *id = text(endpoint, "id");
	json_object *events = json_member(endpoint, "enabled_events");

	if (!is_enabled(endpoint))
		doctor_problem(doctor, SUBJECT,
		    arena_printf(arena,
			"Enable %s at Stripe, then run stripe-webhook "
			"catch-up.",
			id),
		    "%s is disabled: nothing is delivered", id);
	else
		doctor_ok(
		    doctor, SUBJECT, "%s delivers to %s", id, url_of(endpoint));
	if (examine_missing(doctor, arena, id, prefix, events) +
		examine_superfluous(doctor, arena, id, prefix, events) ==
	    0)
		doctor_ok(doctor, SUBJECT,
		    "%s sends the events that are handled", id);
}

/* examine_pair - two that lead here */
static void
examine_pair(struct doctor *doctor, struct arena *arena, json_object *one,
    json_object *other)
{
	const char *id = text(one, "id"), *second = text(other, "id");

	if (!is_enabled(one) || !is_enabled(other))
		return;
	if (strcmp(url_of(one), url_of(other)) == 0)
		doctor_problem(doctor, SUBJECT,
		    arena_printf(
			arena, "Delete %s or %s at Stripe.", id, second),
		    "%s and %s have one URL: each event comes twice, once with "
		    "a secret that may not be known here",
		    id, second);
	else
		doctor_warn(doctor, SUBJECT,
		    "Set STRIPE_WEBHOOK_URL to the URL of this server.",
		    "%s and %s both end in " PATH, id, second);
}

/* is_listed - snapshot destinations are on both lists */
static bool
is_listed(const struct config *config, const char *prefix, json_object *one)
{
	return is_ours(config, url_of(one)) &&
	    (*prefix == '\0' ||
		strcmp(text(one, "event_payload"), "thin") == 0);
}

/* say_payload - thin, or a snapshot of which version */
static void
say_payload(struct doctor *doctor, const char *prefix, json_object *endpoint)
{
	const char *version = text(endpoint, "api_version");

	if (*prefix != '\0')
		doctor_ok(doctor, SUBJECT, "%s sends thin events",
		    text(endpoint, "id"));
	else
		doctor_ok(doctor, SUBJECT, "%s sends events of %s",
		    text(endpoint, "id"),
		    *version != '\0' ? version : "the account's API version");
}

/*
 * examine_all - of the list; its types have the prefix. Returns how many are
 * ours.
 */
static size_t
examine_all(struct doctor *doctor, struct arena *arena,
    const struct config *config, const char *prefix, json_object *list)
{
	json_object *ours = NULL;
	size_t found = 0;

	for (size_t i = 0; i < count(list); i++) {
		json_object *endpoint = json_object_array_get_idx(list, i);

		if (!is_listed(config, prefix, endpoint))
			continue;
		found++;
		if (ours != NULL)
			examine_pair(doctor, arena, ours, endpoint);
		ours = endpoint;
		say_payload(doctor, prefix, endpoint);
		examine_one(doctor, arena, prefix, endpoint);
	}
	return found;
}

/* examine_thin - the same of the destinations; a key need not allow it */
static size_t
examine_thin(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api)
{
	struct stripe_probe probe;

	stripe_api_probe(api, arena, "GET",
	    THIN_LIST "?limit=100&include%5B0%5D=webhook_endpoint.url",
	    DOCTOR_TIMEOUT_MS, &probe);
	return probe.status != 200 ? 0 :
				     examine_all(doctor, arena, config, "v1.",
					 json_member(probe.object, "data"));
}

/* is_refusal - what stripe-webhook says to a delivery without a signature */
static bool
is_refusal(struct arena *arena, const struct http_answer *answer)
{
	json_object *body;

	return answer->status == 400 &&
	    json_parse(arena, answer->body, answer->body_len, &body) == RC_OK &&
	    strcmp(text(body, "error"), "invalid_signature") == 0;
}

/* examine_way - do deliveries get from the URL to stripe-webhook? */
static void
examine_way(struct doctor *doctor, struct arena *arena, const char *url)
{
	static const char *const headers[] = { "Content-Type: application/json",
		NULL };
	struct http_call call = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = "{}",
		.body_len = 2,
		.timeout_ms = DOCTOR_TIMEOUT_MS };
	struct http_client *http = http_client_new();
	struct http_answer answer;

	if (http_client_call(http, arena, &call, &answer) != RC_OK)
		doctor_warn(doctor, "STRIPE_WEBHOOK_URL",
		    "Mend the host's name, its certificate or nginx, unless "
		    "only this host cannot connect to it.",
		    "no answer: %s", http_client_error(http));
	else if (!is_refusal(arena, &answer))
		doctor_problem(doctor, "STRIPE_WEBHOOK_URL",
		    "Have nginx pass that path to stripe-webhook, and start "
		    "it.",
		    "it is not stripe-webhook that answers there: status %ld",
		    answer.status);
	else
		doctor_ok(doctor, "STRIPE_WEBHOOK_URL",
		    "stripe-webhook answers there");
	http_client_free(http);
}

/* stripe_endpoint_examine - the list has one page: Stripe allows no more */
void
stripe_endpoint_examine(struct doctor *doctor, struct arena *arena,
    const struct config *config, struct stripe_api *api)
{
	const char *url = config_string(config, STRIPE_WEBHOOK_URL);
	struct stripe_probe probe;
	json_object *list;

	stripe_api_probe(
	    api, arena, "GET", LIST "?limit=100", DOCTOR_TIMEOUT_MS, &probe);
	list = json_member(probe.object, "data");
	if (probe.status != 200 ||
	    !json_object_is_type(list, json_type_array)) {
		stripe_doctor_no_answer(
		    doctor, arena, SUBJECT, "Webhook Endpoints: read", &probe);
		return;
	}
	if (examine_all(doctor, arena, config, "", list) +
		examine_thin(doctor, arena, config, api) ==
	    0)
		doctor_problem(doctor, SUBJECT,
		    "Add a webhook endpoint with this server's URL at Stripe, "
		    "and set STRIPE_WEBHOOK_SECRET to its secret.",
		    "Stripe has none that leads to %s",
		    url != NULL ? url : PATH);
	else if (url != NULL)
		examine_way(doctor, arena, url);
}
