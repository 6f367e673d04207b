#include "stripe/stripe_event.h"

#include <string.h>
#include <time.h>

#include "base/json.h"

#define ID_MAX 255 /* bytes */

/* usable_id - what can be a key of the ledger: printable, no blanks */
static bool
usable_id(const char *id)
{
	size_t len = strlen(id);

	if (len == 0 || len > ID_MAX)
		return false;
	for (; *id != '\0'; id++) {
		if (*id <= ' ' || *id > '~')
			return false;
	}
	return true;
}

/* iso_time - seconds of an ISO-8601 time in UTC; -1 when it is none */
static int64_t
iso_time(const char *text)
{
	struct tm tm;
	const char *rest;

	memset(&tm, 0, sizeof tm);
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest == NULL || (*rest != '.' && *rest != 'Z'))
		return -1;
	return timegm(&tm);
}

/* read_created - a number of seconds, or a text in thin events */
static int64_t
read_created(json_object *document)
{
	const char *text;
	int64_t created_s;

	if (json_integer(document, "created", 0, JSON_TIME_MAX, &created_s) ==
	    RC_OK)
		return created_s;
	if (json_string(document, "created", &text) == RC_OK)
		return iso_time(text);
	return -1;
}

/*
 * read_notification - of a thin event: its twin's id is its key, and what is of
 * a connected account has a context
 */
static void
read_notification(json_object *document, struct stripe_event *event)
{
	json_object *related = json_member(document, "related_object");

	event->notification = event->id;
	if (json_string(document, "snapshot_event", &event->twin) != RC_OK ||
	    !usable_id(event->twin))
		event->twin = NULL;
	if (event->twin != NULL)
		event->id = event->twin;
	if (json_string(related, "url", &event->url) != RC_OK)
		event->url = NULL;
	if (json_string(document, "context", &event->account) == RC_BAD_REQUEST)
		event->account = "";
}

/* stripe_event_parse - the envelope only */
enum rc
stripe_event_parse(struct arena *arena, const char *body, size_t body_len,
    struct stripe_event *event)
{
	const char *kind;
	json_object *document;
	enum rc rc;

	memset(event, 0, sizeof *event);
	rc = json_parse(arena, body, body_len, &document);
	if (rc != RC_OK)
		return rc;
	if (json_string(document, "id", &event->id) != RC_OK ||
	    !usable_id(event->id))
		return RC_BAD_REQUEST;
	if (json_string(document, "type", &event->type) != RC_OK)
		event->type = "";
	if (json_string(document, "api_version", &event->api_version) != RC_OK)
		event->api_version = NULL;
	if (json_string(document, "account", &event->account) != RC_OK)
		event->account = NULL;
	if (json_string(document, "object", &kind) == RC_OK)
		event->thin = strncmp(kind, "v2.core.event", 13) == 0;
	event->has_livemode = json_boolean(document, "livemode",
				  &event->livemode) == RC_OK;
	event->created_s = json_member(document, "created") == NULL ?
	    time(NULL) :
	    read_created(document);
	event->object = json_path(document, "data", "object", NULL);
	event->previous = json_path(
	    document, "data", "previous_attributes", NULL);
	if (json_integer(json_member(document, "data"), "fetched_us", 0,
		INT64_MAX, &event->fetched_us) != RC_OK)
		event->fetched_us = -1;
	if (event->thin)
		read_notification(document, event);
	return RC_OK;
}

/* stripe_event_own - the object in an envelope */
const char *
stripe_event_own(struct arena *arena, const char *id, const char *type,
    json_object *object, int64_t at_us, bool livemode, size_t *body_len)
{
	json_object *event = json_object_new_object();
	json_object *data = json_object_new_object();
	const char *text;

	json_object_object_add(event, "id", json_object_new_string(id));
	json_object_object_add(
	    event, "object", json_object_new_string("event"));
	json_object_object_add(event, "type", json_object_new_string(type));
	json_object_object_add(
	    event, "created", json_object_new_int64(at_us / 1000000));
	json_object_object_add(
	    event, "livemode", json_object_new_boolean(livemode));
	json_object_object_add(data, "object", json_object_get(object));
	json_object_object_add(
	    data, "fetched_us", json_object_new_int64(at_us));
	json_object_object_add(event, "data", data);
	text = json_object_to_json_string_length(event,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, body_len);
	text = arena_copy(arena, text, *body_len);
	json_object_put(event);
	return text;
}
