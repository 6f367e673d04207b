#include "base/json.h"

#include <stdarg.h>
#include <string.h>

#include "base/json_grammar.h"

/* put - json_object_put() as arena_defer() wants it */
static void
put(void *document)
{
	json_object_put(document);
}

/* json_parse - where it is wrong does not matter */
enum rc
json_parse(
    struct arena *arena, const char *text, size_t len, json_object **document)
{
	size_t wrong_at;

	return json_parse_at(arena, text, len, document, &wrong_at);
}

/*
 * json_parse_at - the grammar is checked here, so json-c may be lenient: what
 * its strict mode refuses beyond that differs from release to release
 */
enum rc
json_parse_at(struct arena *arena, const char *text, size_t len,
    json_object **document, size_t *wrong_at)
{
	json_tokener *tokener;

	*document = NULL;
	if (len > INT32_MAX)
		return RC_TOO_LARGE;
	if (!json_grammar(text, len, wrong_at))
		return RC_BAD_REQUEST;
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (tokener == NULL)
		return RC_INTERNAL;
	*document = json_tokener_parse_ex(tokener, text, (int)len);
	*wrong_at = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (*document == NULL)
		return RC_BAD_REQUEST;
	if (arena_defer(arena, put, *document) != 0) {
		*document = NULL;
		return RC_TOO_LARGE;
	}
	return RC_OK;
}

/* json_length - json-c aborts at what is no list */
size_t
json_length(json_object *list)
{
	return json_object_is_type(list, json_type_array) ?
	    json_object_array_length(list) :
	    0;
}

/* json_member - one step down */
json_object *
json_member(json_object *object, const char *key)
{
	json_object *member;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &member))
		return NULL;
	return member;
}

/* json_path - several steps down */
json_object *
json_path(json_object *object, ...)
{
	const char *key;
	va_list keys;

	va_start(keys, object);
	while (object != NULL && (key = va_arg(keys, const char *)) != NULL)
		object = json_member(object, key);
	va_end(keys);
	return object;
}

/* struct json_entry is never defined: it is json-c's lh_entry by another name. */

/* json_first - NULL when there is none */
const struct json_entry *
json_first(json_object *object)
{
	return json_object_is_type(object, json_type_object) ?
	    (const struct json_entry *)json_object_get_object(object)->head :
	    NULL;
}

/* json_next - NULL behind the last */
const struct json_entry *
json_next(const struct json_entry *entry)
{
	return (const struct json_entry *)((const struct lh_entry *)entry)
	    ->next;
}

/* json_key - the member's name */
const char *
json_key(const struct json_entry *entry)
{
	return ((const struct lh_entry *)entry)->k;
}

/* json_value - the member; NULL is JSON's null */
json_object *
json_value(const struct json_entry *entry)
{
	return (json_object *)(uintptr_t)((const struct lh_entry *)entry)->v;
}

/* string_value - the text of a string that can go into the database */
static enum rc
string_value(json_object *member, size_t max, const char **value)
{
	size_t len;

	if (!json_object_is_type(member, json_type_string))
		return RC_BAD_REQUEST;
	len = (size_t)json_object_get_string_len(member);
	*value = json_object_get_string(member);
	if (len > max || strlen(*value) != len) {
		*value = NULL;
		return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* json_string - a member that is a string of the usual size */
enum rc
json_string(json_object *object, const char *key, const char **value)
{
	return json_string_max(object, key, JSON_STRING_MAX, value);
}

/* json_string_max - a member that is a string */
enum rc
json_string_max(
    json_object *object, const char *key, size_t max, const char **value)
{
	json_object *member = json_member(object, key);

	*value = NULL;
	if (member == NULL)
		return RC_NOT_FOUND;
	return string_value(member, max, value);
}

/* json_integer - a member that is a whole number in a range */
enum rc
json_integer(json_object *object, const char *key, int64_t min, int64_t max,
    int64_t *value)
{
	json_object *member = json_member(object, key);
	int64_t number;

	if (member == NULL)
		return RC_NOT_FOUND;
	if (!json_object_is_type(member, json_type_int))
		return RC_BAD_REQUEST;
	number = json_object_get_int64(member); /* saturates */
	if (number < min || number > max)
		return RC_BAD_REQUEST;
	*value = number;
	return RC_OK;
}

/* json_boolean - a member that is true or false */
enum rc
json_boolean(json_object *object, const char *key, bool *value)
{
	json_object *member = json_member(object, key);

	if (member == NULL)
		return RC_NOT_FOUND;
	if (!json_object_is_type(member, json_type_boolean))
		return RC_BAD_REQUEST;
	*value = json_object_get_boolean(member);
	return RC_OK;
}

/* json_id - a member that is an id or the object itself */
enum rc
json_id(json_object *object, const char *key, const char **value)
{
	json_object *member = json_member(object, key);
	enum rc rc;

	rc = json_object_is_type(member, json_type_object) ?
	    json_string(member, "id", value) :
	    json_string(object, key, value);
	if (member != NULL && (rc != RC_OK || **value == '\0')) {
		*value = NULL;
		return RC_BAD_REQUEST;
	}
	return rc;
}

/* json_add_text - a string or null */
void
json_add_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(
	    object, key, text != NULL ? json_object_new_string(text) : NULL);
}

/* json_print - indented */
void
json_print(json_object *document, FILE *out)
{
	fprintf(out, "%s\n",
	    json_object_to_json_string_ext(document,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}
